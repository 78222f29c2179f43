/**
 * A token bucket that holds one second's worth: a burst of that size passes, more waits for its refill.
 */
export class Rate {
  readonly #perSecond: number
  #left: number
  #filledAt: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#filledAt = now
  }

  /** Takes one at monotonic time `now`; false where none is left. */
  take(now: number): boolean {
    if (now > this.#filledAt) {
      this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#filledAt) * this.#perSecond) / 1000)
      this.#filledAt = now
    }
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** Milliseconds until one more passes. */
  retryAfterMs(): number {
    return Math.max(1, Math.ceil(((1 - this.#left) * 1000) / this.#perSecond))
  }
}
