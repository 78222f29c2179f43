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

interface Pausing {
  readonly said: ReadPlace
  next: ReadPlace | undefined
}

const EVERY_MS = 1_000

export class ReadMarks {
  readonly #clock: Clock
  readonly #say: (name: ConversationName, place: ReadPlace) => void
  /** Said within the last second; with what came since. */
  readonly #pausing = new Map<string, Pausing>()

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

  /** The user has decided otherwise since: what waits is not said. */
  cancel({ kind, id }: ConversationName): void {
    const pausing = this.#pausing.get(`${kind} ${id}`)
    if (pausing !== undefined) pausing.next = undefined
  }

  /** What was read, of this conversation or of all, may be something else now: nothing was said, and nothing waits. */
  restart(name?: ConversationName): void {
    if (name === undefined) this.#pausing.clear()
    else this.#pausing.delete(`${name.kind} ${name.id}`)
  }

  #tell(key: string, name: ConversationName, said: ReadPlace): void {
    this.#say(name, said)
    const pausing: Pausing = { said, next: undefined }
    this.#pausing.set(key, pausing)
    this.#clock.after(EVERY_MS, () => {
      if (this.#pausing.get(key) !== pausing) return
      this.#pausing.delete(key)
      if (pausing.next !== undefined) this.#tell(key, name, pausing.next)
    })
  }
}
