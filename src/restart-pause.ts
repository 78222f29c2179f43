/**
 * How long to wait before starting again what has died: not at all at first, longer each time where lives go on being
 * short, so that something that cannot run does not eat the machine.
 */
const SHORT_LIFE_MS = 5_000
/** Short lives in a row that are followed at once: whatever killed one may well kill its next. */
const AT_ONCE = 5
const FIRST_PAUSE_MS = 100
const PAUSE_MAX_MS = 5_000

export class RestartPause {
  #beganAt = 0
  #shortLives = 0

  /** A life begins at this monotonic time. */
  began(now: number): void {
    this.#beganAt = now
  }

  /** It ended: milliseconds until the next should begin. */
  next(now: number): number {
    this.#shortLives = now - this.#beganAt >= SHORT_LIFE_MS ? 0 : this.#shortLives + 1
    if (this.#shortLives <= AT_ONCE) return 0
    return Math.min(FIRST_PAUSE_MS * 2 ** (this.#shortLives - AT_ONCE - 1), PAUSE_MAX_MS)
  }
}
