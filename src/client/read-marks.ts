/**
 * Read markers on their way out: of each conversation at most one a second, the highest (rules §9). The first goes at once.
 * One that still waits when the program ends was never said; the next reading says it.
 */
import type { Clock } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'

export interface ReadPlace {
  readonly seq: number
  readonly ordinal: number
}

const EVERY_MS = 1_000

export class ReadMarks {
  readonly #clock: Clock
  readonly #say: (name: ConversationName, place: ReadPlace) => void
  /** Said within the last second; with what came since. */
  readonly #pausing = new Map<string, { said: ReadPlace; next: ReadPlace | undefined }>()

  constructor(clock: Clock, say: (name: ConversationName, place: ReadPlace) => void) {
    this.#clock = clock
    this.#say = say
  }

  read(name: ConversationName, place: ReadPlace): void {
    const key = `${name.kind} ${name.id}`
    const pausing = this.#pausing.get(key)
    if (pausing === undefined) return this.#tell(key, name, place)
    if (place.seq > (pausing.next ?? pausing.said).seq) pausing.next = place
  }

  #tell(key: string, name: ConversationName, said: ReadPlace): void {
    this.#say(name, said)
    this.#pausing.set(key, { said, next: undefined })
    this.#clock.after(EVERY_MS, () => {
      const { next } = this.#pausing.get(key)!
      this.#pausing.delete(key)
      if (next !== undefined) this.#tell(key, name, next)
    })
  }
}
