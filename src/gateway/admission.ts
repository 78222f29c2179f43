/**
 * Admission: what is let in is answered soon, what cannot be is refused at once with a time to come back.
 *
 * The number of commands in flight is bounded by what the server showed it can answer within TARGET_MS: one command at a
 * time is timed from its arrival to its answer, and the bound goes down in proportion when that takes longer, up slowly
 * while it is the bound that holds others back (additive increase, multiplicative decrease, as TCP does). History is
 * shed first, then Hello, sends last. The wait that a refusal names grows while refusals themselves cost too much.
 */
import { fraction, type Random } from '../std/random.js'

/** Leaves room for the tail below the 200 ms that admitted sends should keep at overload. */
const TARGET_MS = 80
const LIMIT_MIN = 256
const LIMIT_START = 4_096
const LIMIT_MAX = 65_536
const SHARE_OF_HISTORY = 0.5
const SHARE_OF_HELLO = 0.75
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 4_000
/** Refusals a second that cost about a twentieth of a core. */
const REFUSALS_PER_SECOND_MAX = 40_000

export type Sheddable = 'history' | 'hello' | 'send'

export class Admission {
  readonly #random: Random
  #limit = LIMIT_START
  #retryMs = RETRY_MS_MIN
  #refused = 0
  #secondAt = 0
  // The command being timed; connection 0: none.
  #timedConnection = 0
  #timedRef = 0
  #timedAt = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Whether one more command may be in flight beside `inFlight` others. */
  admits(what: Sheddable, inFlight: number): boolean {
    if (inFlight < LIMIT_MIN * SHARE_OF_HISTORY) return true
    return inFlight < this.#limit * shareOf(what)
  }

  /** A command was let in; now and then it is the one that is timed. */
  began(connection: number, ref: number, now: number): void {
    if (this.#timedConnection !== 0) return
    this.#timedConnection = connection
    this.#timedRef = ref
    this.#timedAt = now
  }

  /** A command was answered while `inFlight` were, itself included. `clock` is read only for the timed one. */
  ended(connection: number, ref: number, inFlight: number, clock: () => number): void {
    if (connection !== this.#timedConnection || ref !== this.#timedRef) return
    this.#timedConnection = 0
    const tookMs = clock() - this.#timedAt
    if (tookMs > TARGET_MS) {
      const reached = Math.min(this.#limit, inFlight)
      this.#limit = Math.max(LIMIT_MIN, Math.floor(reached * Math.max(0.5, TARGET_MS / tookMs)))
    } else if (inFlight > this.#limit * SHARE_OF_HELLO) {
      this.#limit = Math.min(LIMIT_MAX, this.#limit + Math.max(64, this.#limit >> 4))
    }
  }

  /** The connection is gone: its commands will not be answered. */
  forget(connection: number): void {
    if (connection === this.#timedConnection) this.#timedConnection = 0
  }

  /** Milliseconds after which a refused client should come again; spread, so that they do not come together. */
  retryAfterMs(now: number): number {
    this.#refused++
    if (now - this.#secondAt >= 1_000) {
      const factor = this.#refused > REFUSALS_PER_SECOND_MAX ? 2 : this.#refused < REFUSALS_PER_SECOND_MAX / 4 ? 0.5 : 1
      this.#retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, this.#retryMs * factor))
      this.#refused = 0
      this.#secondAt = now
    }
    return Math.ceil(this.#retryMs * (1 + fraction(this.#random)))
  }
}

function shareOf(what: Sheddable): number {
  switch (what) {
    case 'history':
      return SHARE_OF_HISTORY
    case 'hello':
      return SHARE_OF_HELLO
    case 'send':
      return 1
  }
}
