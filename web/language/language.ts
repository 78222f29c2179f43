/** The visitor's language: what they chose here before, else what their browser asks for, else English. */
import { computed, ref, watchEffect } from 'vue'
import { remembered } from '../remembered.js'
import { CHINESE } from './chinese.js'
import { ENGLISH } from './english.js'

export const LANGUAGES = { en: ENGLISH, zh: CHINESE }
export type Language = keyof typeof LANGUAGES

const chosen = remembered('parley-language')

export const language = ref<Language>(firstLanguage())
export const texts = computed(() => LANGUAGES[language.value])

watchEffect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  document.title = `Parley · ${texts.value.tagline}`
})

export function chooseLanguage(choice: Language): void {
  language.value = choice
  chosen.keep(choice)
}

function firstLanguage(): Language {
  const asked = [chosen.find(), ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase())
  return asked.find((tag): tag is Language => tag !== undefined && tag in LANGUAGES) ?? 'en'
}
