/**
 * Admission: what is let in is answered soon, what cannot be is refused at once with a time to come back.
 *
 * The number of commands in flight is bounded by what the server showed it can answer within TARGET_MS: one command at a
 * time is timed from its arrival to its answer, and the bound goes down in proportion when that takes longer, up slowly
 * while it is the bound that holds others back (additive increase, multiplicative decrease, as TCP does). History is
 * shed first, then Hello, sends last. The wait that a refusal names grows while refusals themselves cost too much.
 */
import type { Clock } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'

/** Leaves room for the tail below the 200 ms that admitted sends should keep at overload. */
const TARGET_MS = 40
const LIMIT_MIN = 2_048
const LIMIT_START = 12_288
const LIMIT_MAX = 65_536
const SHARE = { history: 0.5, hello: 0.75, send: 1 } as const
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 4_000
const ADJUST_MS = 100
/** Refusals for each command let in; a refusal costs about a tenth of one. */
const REFUSED_SHARE = 0.3

export type Sheddable = 'history' | 'hello' | 'send'

export class Admission {
  readonly #clock: Clock
  readonly #random: Random
  #inFlight = 0
  #limit = LIMIT_START
  #retryMs = RETRY_MS_MIN
  #refused = 0
  #admitted = 0
  #adjustedAt = 0
  // The command being timed; connection 0: none.
  #timedConnection = 0
  #timedRef = 0
  #timedAt = 0
  /** Somebody was refused since. */
  #heldBack = false

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Commands of this worker without an answer. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Whether one more may join them. */
  admits(what: Sheddable): boolean {
    return this.#inFlight < this.#limit * SHARE[what]
  }

  began(connection: number, ref: number): void {
    this.#inFlight++
    this.#admitted++
    if (this.#timedConnection !== 0) return
    this.#timedConnection = connection
    this.#timedRef = ref
    this.#timedAt = this.#clock.monotonic()
  }

  ended(connection: number, ref: number): void {
    if (connection === this.#timedConnection && ref === this.#timedRef) this.#timed()
    this.#inFlight--
  }

  /** The connection is gone: its `count` commands will not be answered. */
  forget(connection: number, count: number): void {
    if (connection === this.#timedConnection) this.#timedConnection = 0
    this.#inFlight -= count
  }

  /** Milliseconds after which a refused client should come again; spread, so that they do not come together. */
  retryAfterMs(): number {
    this.#refused++
    this.#heldBack = true
    const now = this.#clock.monotonic()
    if (now - this.#adjustedAt >= ADJUST_MS) this.#adjust(now)
    return Math.ceil(this.#retryMs * (1 + fraction(this.#random)))
  }

  /** Toward a few refusals for every command let in: none would mean that clients wait while there is room. */
  #adjust(now: number): void {
    const tooMany = this.#refused / (1 + this.#admitted * REFUSED_SHARE)
    const factor = Math.min(2, Math.max(0.5, Math.sqrt(tooMany)))
    this.#retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, this.#retryMs * factor))
    this.#refused = 0
    this.#admitted = 0
    this.#adjustedAt = now
  }

  #timed(): void {
    this.#timedConnection = 0
    const tookMs = this.#clock.monotonic() - this.#timedAt
    if (tookMs > TARGET_MS) {
      const reached = Math.min(this.#limit, this.#inFlight)
      this.#limit = Math.max(LIMIT_MIN, Math.floor(reached * Math.max(0.5, TARGET_MS / tookMs)))
    } else if (this.#heldBack) {
      this.#limit = Math.min(LIMIT_MAX, this.#limit + (this.#limit >> 3))
    }
    this.#heldBack = false
  }
}
