/**
 * How many frames a user or an app has sent in this second, in the whole process, counted in memory that all workers share.
 *
 * A count-min sketch of one-second windows: a name adds to one cell in each row, and the least of them is its count, never
 * below the truth. It is above it only for a name whose cells are all shared with busy ones; which those are depends on a number
 * drawn at start. Workers take shares of a window rather than single frames (RateShare), so that a frame costs two
 * comparisons and a subtraction.
 */
import { murmur3 } from '../std/murmur3.js'

const ROWS = 2
const CELLS = 2 ** 16
/** A cell holds the second (12 bits, it wraps after 68 minutes) and the count in it (20 bits). */
const COUNT_BITS = 20
export const RATE_MAX = 2 ** COUNT_BITS - 1
const SECONDS = 2 ** 12
/** Taken at once, of a limit: what a worker takes and does not use is lost to the others for a second. */
const SHARES = 64
const SHARE_MAX = 256

export interface RatesMemory {
  /** Crosses threads as it is. */
  readonly shared: SharedArrayBuffer
  readonly seed: number
}

const utf8 = new TextEncoder()

export class SharedRates {
  readonly #seed: number
  readonly #cells: Uint32Array

  static memory(seed: number): RatesMemory {
    return { shared: new SharedArrayBuffer(ROWS * CELLS * 4), seed }
  }

  constructor({ shared, seed }: RatesMemory) {
    this.#seed = seed
    this.#cells = new Uint32Array(shared)
  }

  shareOf(name: string): RateShare {
    const bytes = utf8.encode(name)
    const place = (row: number) => row * CELLS + (murmur3(bytes, this.#seed + row) & (CELLS - 1))
    return new RateShare(this, place(0), place(1))
  }

  /** Adds `count` where that makes at most `max` in this second; false, and little is added, where it does not. */
  take(first: number, second: number, count: number, max: number, now: number): boolean {
    if (this.used(first, second, now) + count > max) return false
    this.#add(first, count, now)
    this.#add(second, count, now)
    return true
  }

  used(first: number, second: number, now: number): number {
    return Math.min(this.#countOf(first, now), this.#countOf(second, now))
  }

  #countOf(place: number, now: number): number {
    const cell = Atomics.load(this.#cells, place)
    return cell >>> COUNT_BITS === now % SECONDS ? cell & RATE_MAX : 0
  }

  #add(place: number, count: number, now: number): void {
    for (;;) {
      const cell = Atomics.load(this.#cells, place)
      const known = cell >>> COUNT_BITS === now % SECONDS ? cell & RATE_MAX : 0
      const next = (((now % SECONDS) << COUNT_BITS) | Math.min(RATE_MAX, known + count)) >>> 0
      if (Atomics.compareExchange(this.#cells, place, cell, next) === cell) return
    }
  }
}

/** What a worker has taken for one name and not used yet. */
export class RateShare {
  readonly #rates: SharedRates
  readonly #first: number
  readonly #second: number
  #takenAt = -1
  #left = 0

  constructor(rates: SharedRates, first: number, second: number) {
    this.#rates = rates
    this.#first = first
    this.#second = second
  }

  /** One of `max` in the second `now` since 1970; false where they are used up until the next. */
  take(max: number, now: number): boolean {
    if (this.#takenAt === now && this.#left > 0) {
      this.#left--
      return true
    }
    return this.#refill(max, now)
  }

  /** The same for whoever takes rarely, and should leave no rest untaken. */
  takeOne(max: number, now: number): boolean {
    return this.#rates.take(this.#first, this.#second, 1, max, now)
  }

  /** Of `max` in this second, those that nobody has taken. */
  remaining(max: number, now: number): number {
    const unused = this.#takenAt === now ? this.#left : 0
    return Math.min(max, Math.max(0, max - this.#rates.used(this.#first, this.#second, now)) + unused)
  }

  #refill(max: number, now: number): boolean {
    const share = Math.max(1, Math.min(SHARE_MAX, Math.floor(max / SHARES)))
    for (const count of share > 1 ? [share, 1] : [1]) {
      if (!this.#rates.take(this.#first, this.#second, count, max, now)) continue
      this.#takenAt = now
      this.#left = count - 1
      return true
    }
    return false
  }
}
