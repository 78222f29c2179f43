/** Light, dark, or as the system has it; style/tokens.css does the rest. */
import { ref, watchEffect } from 'vue'
import { remembered } from './remembered.js'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const chosen = remembered('parley-theme')

export const theme = ref<Theme>(THEMES.find((name) => name === chosen.find()) ?? 'system')

watchEffect(() => {
  document.documentElement.dataset['theme'] = theme.value
})

export function chooseTheme(choice: Theme): void {
  theme.value = choice
  chosen.keep(choice)
}
