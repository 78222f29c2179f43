/**
 * How long to wait before starting again what has died: not at all after a life that was long enough to have served,
 * longer each time where lives are short, so that something that cannot run does not eat the machine.
 */
const SHORT_LIFE_MS = 10_000
const FIRST_PAUSE_MS = 100
const PAUSE_MAX_MS = 5_000

export class RestartPause {
  #beganAt = 0
  #shortLives = 0

  /** A life begins at this monotonic time. */
  began(now: number): void {
    this.#beganAt = now
  }

  /** It ended: milliseconds until the next should begin. The first short life is followed at once. */
  next(now: number): number {
    if (now - this.#beganAt >= SHORT_LIFE_MS) this.#shortLives = 0
    const pauseMs = this.#shortLives === 0 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#shortLives - 1)
    this.#shortLives++
    return Math.min(pauseMs, PAUSE_MAX_MS)
  }
}
