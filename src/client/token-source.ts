/** Where the token comes from: a text, or a function that is asked whenever the server will not have the last one. */
import type { Clock } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'

export type Token = string | (() => string | Promise<string>)

/** New tokens in a row that the server refuses; then asking for more is of no use. */
const REFUSED_MAX = 3
const BACKOFF_MS_MIN = 500
const BACKOFF_MS_MAX = 30_000

export class TokenSource {
  readonly #token: Token
  readonly #clock: Clock
  readonly #random: Random
  #refused = 0

  constructor(token: Token, clock: Clock, random: Random) {
    this.#token = token
    this.#clock = clock
    this.#random = random
  }

  /** Whether there may be another than the last one. */
  get isRenewable(): boolean {
    return typeof this.#token === 'function'
  }

  /** The server took the last one. */
  accepted(): void {
    this.#refused = 0
  }

  /** The server refused the last one; true where it makes sense to fetch another. */
  refused(): boolean {
    return this.isRenewable && ++this.#refused < REFUSED_MAX
  }

  /**
   * Asks until there is one: a function that fails is asked again, later each time, since it needs the network as much
   * as we do. Gives up, with undefined, where `isWanted` says no.
   */
  async fetch(isWanted: () => boolean): Promise<string | undefined> {
    if (typeof this.#token === 'string') return this.#token
    for (let failures = Math.max(0, this.#refused - 1); isWanted(); failures++) {
      if (failures > 0) await this.#wait(failures - 1)
      try {
        if (isWanted()) return await this.#token()
      } catch {
        // The next attempt is the answer: what failed is the application's to report.
      }
    }
    return undefined
  }

  #wait(failures: number): Promise<void> {
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** failures)
    return new Promise((resolve) => this.#clock.after(backoffMs * fraction(this.#random), resolve))
  }
}
