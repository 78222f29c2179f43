/**
 * When a refused client should come again: soon, and never all at the same moment.
 */
import type { RefusalName } from '../domain/refusal.js'
import { fraction, type Random } from '../std/random.js'

const BUSY_MS = 50
const CROWDED_MS = 5_000
const KEYS_MS = 1_000
/** All who were held back in one second must not come at its end. */
const RATE_SPREAD_MS = 100
/** Clients of a stopping server come back within this time, spread evenly. */
const RECONNECT_SPREAD_MS = 2_000

export class RetryAfter {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** Queues are full; they empty in milliseconds. */
  busyMs(): number {
    return Math.ceil(BUSY_MS * (1 + fraction(this.#random)))
  }

  /** Too many connections; some must end first. */
  crowdedMs(): number {
    return Math.ceil(CROWDED_MS * (1 + fraction(this.#random)))
  }

  /** For a Hello: at once with another token, or when there is room, or when a provider's keys have been fetched. */
  ofHelloMs(refusal: RefusalName, now: number): number {
    if (refusal === 'user-connections') return this.crowdedMs()
    if (refusal === 'bad-token-rate') return this.ofRateMs(now)
    return refusal === 'keys-loading' ? Math.ceil(KEYS_MS * (1 + fraction(this.#random))) : 0
  }

  /** The next second of the clock begins, and with it a new share. */
  ofRateMs(now: number): number {
    return Math.ceil(1_000 - (now % 1_000) + RATE_SPREAD_MS * fraction(this.#random))
  }

  /** Another worker or process takes over now. */
  reconnectMs(): number {
    return Math.ceil(RECONNECT_SPREAD_MS * fraction(this.#random))
  }
}
