/**
 * When a key set is fetched: at start, every ten minutes, and when a token names a key that it did not have, though not more
 * than once in JWKS_COOLDOWN_MS. While the provider does not answer, the keys of before are good for a day.
 */
import type { Clock, Timer } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'
import type { KeyDescription } from './access-config.js'
import { type FetchedKeys, JWKS_COOLDOWN_MS } from './key-ring.js'

const AGE_MS_MAX = 10 * 60_000
const STALE_MS_MAX = 24 * 60 * 60_000
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000

export interface JwksRefreshParts {
  readonly app: string
  readonly clock: Clock
  readonly random: Random
  /** Settles within seconds. */
  fetch(): Promise<readonly KeyDescription[]>
  fetched(keys: FetchedKeys): void
  /** Tokens signed by a key that was published meanwhile are not let in. */
  failed(cause: unknown): void
}

export class JwksRefresh {
  readonly #parts: JwksRefreshParts
  #timer: Timer | undefined
  #isFetching = false
  #isStopped = false
  #failures = 0
  #fetchedAt = Number.NEGATIVE_INFINITY
  #hasKeys = false

  constructor(parts: JwksRefreshParts) {
    this.#parts = parts
  }

  start(): void {
    void this.#fetch()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** A token named a key that we do not have. */
  wanted(): void {
    const isFresh = this.#parts.clock.monotonic() - this.#fetchedAt < JWKS_COOLDOWN_MS
    // After a failure the retry is due anyway, sooner than a stranger's tokens may ask for it.
    if (!isFresh && this.#failures === 0) void this.#fetch()
  }

  async #fetch(): Promise<void> {
    if (this.#isFetching) return
    this.#isFetching = true
    this.#timer?.cancel()
    const { app, clock } = this.#parts
    try {
      const keys = await this.#parts.fetch()
      this.#failures = 0
      this.#fetchedAt = clock.monotonic()
      this.#hasKeys = true
      if (!this.#isStopped) this.#parts.fetched({ app, keys, fetchedAt: clock.now() })
    } catch (cause) {
      this.#failures++
      this.#parts.failed(cause)
      this.#forgetIfStale()
    } finally {
      this.#isFetching = false
    }
    if (!this.#isStopped) this.#timer = clock.after(this.#delayMs(), () => void this.#fetch())
  }

  #forgetIfStale(): void {
    const { app, clock } = this.#parts
    if (!this.#hasKeys || clock.monotonic() - this.#fetchedAt < STALE_MS_MAX) return
    this.#hasKeys = false
    this.#parts.fetched({ app, keys: [], fetchedAt: Number.NEGATIVE_INFINITY })
  }

  #delayMs(): number {
    const base = this.#failures === 0 ? AGE_MS_MAX : Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (this.#failures - 1))
    return base * (0.8 + 0.4 * fraction(this.#parts.random))
  }
}
