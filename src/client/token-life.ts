/**
 * When the next token is fetched: before this one ends, so that the connection goes on with the new one. A token whose end
 * cannot be read, because it is no JWT, is replaced when the server says that it has ended.
 */
import type { Clock, EpochMs, Timer } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'
import { claimsOf } from './token-claims.js'

/** Of what is left: early enough to be tried again, and spread, since many devices got theirs at one moment. */
const SHARE_MIN = 0.8
const SHARE_SPREAD = 0.1
/** A source that gives the same token again is not asked all the time. */
const DELAY_MS_MIN = 2_000
/** Longer than that no timer of a browser can be (2 ** 31 ms). */
const DELAY_MS_MAX = 20 * 24 * 60 * 60_000

export interface TokenLifeParts {
  readonly clock: Clock
  readonly random: Random
  /** It is time to fetch another. */
  due(): void
}

export class TokenLife {
  readonly #parts: TokenLifeParts
  /** How far the server's clock is ahead of ours. */
  #aheadMs = 0
  #timer: Timer | undefined

  constructor(parts: TokenLifeParts) {
    this.#parts = parts
  }

  /** What a Welcome says: tokens end by the server's clock. */
  serverSays(time: EpochMs): void {
    this.#aheadMs = time - this.#parts.clock.now()
  }

  /** This token holds from now on. */
  begin(token: string): void {
    this.stop()
    const { clock, random, due } = this.#parts
    const { end } = claimsOf(token)
    if (end === undefined) return
    const leftMs = end - (clock.now() + this.#aheadMs)
    const delayMs = Math.min(DELAY_MS_MAX, leftMs * (SHARE_MIN + SHARE_SPREAD * fraction(random)))
    // Too late for a next one in time: the server will say when it is over.
    if (delayMs < DELAY_MS_MIN) return
    this.#timer = clock.after(delayMs, due)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
