/** Who wants to hear of something. One that throws keeps nobody else from hearing, and its error is not swallowed. */
import type { Clock } from '../std/clock.js'

export class Listeners<T> {
  readonly #all = new Set<(news: T) => void>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns what ends it. */
  add(listener: (news: T) => void): () => void {
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  tell(news: T): void {
    for (const listener of [...this.#all]) {
      try {
        listener(news)
      } catch (cause) {
        this.#clock.soon(() => {
          throw cause // to the platform's own handler of uncaught errors: it is the application's bug
        })
      }
    }
  }
}
