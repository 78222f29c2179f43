/** The users write by themselves, so that there is always something on its way when a network or a worker goes. */
import { type Ref, ref } from 'vue'
import type { Screen } from './screen.js'

const PAUSE_MS = 350
/** Then they have said enough, until they are asked again. */
const MESSAGES_MAX = 60

export class Talk {
  readonly isOn: Ref<boolean> = ref(false)
  readonly #lineOf: (index: number) => string
  readonly #speakers: () => readonly Screen[]
  #said = 0
  #timer: ReturnType<typeof setInterval> | undefined

  /** `lineOf`: what is said the 0th, 1st, … time. `speakers`: the users' screens of what they talk in. */
  constructor(lineOf: (index: number) => string, speakers: () => readonly Screen[]) {
    this.#lineOf = lineOf
    this.#speakers = speakers
  }

  begin(): void {
    if (this.isOn.value) return
    this.isOn.value = true
    const last = this.#said + MESSAGES_MAX
    this.#timer = setInterval(() => {
      this.#say()
      if (this.#said >= last) this.end()
    }, PAUSE_MS)
  }

  end(): void {
    this.isOn.value = false
    clearInterval(this.#timer)
  }

  #say(): void {
    const speakers = this.#speakers()
    const index = this.#said++
    speakers[index % speakers.length]?.send(this.#lineOf(index))
  }
}
