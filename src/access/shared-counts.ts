/**
 * How many connections a user or an address has in the whole process, counted in memory that all workers share.
 *
 * A count-min sketch per worker: a name adds to three cells, and the least of them, summed over the workers, is its count.
 * It is never below the truth, and above it only for a name that shares all its cells with others: with 19,000 connections a
 * worker that is fewer than one name in forty, by one to three. Cells depend on a number drawn at start, so nobody can choose whom to
 * share with. What a dead worker had is cleared by its index (ADR 50).
 */
import { murmur3 } from '../std/murmur3.js'

const ROWS = 3
const CELLS_DEFAULT = 2 ** 17

export interface CountsMemory {
  /** Crosses threads as it is. */
  readonly shared: SharedArrayBuffer
  readonly workers: number
  /** A power of two. */
  readonly cells: number
  readonly seed: number
}

const utf8 = new TextEncoder()

export class SharedCounts {
  readonly #memory: CountsMemory
  readonly #worker: number
  readonly #numbers: Uint32Array

  static memory(workers: number, seed: number, cells = CELLS_DEFAULT): CountsMemory {
    return { shared: new SharedArrayBuffer(workers * ROWS * cells * 4), workers, cells, seed }
  }

  constructor(memory: CountsMemory, worker: number) {
    this.#memory = memory
    this.#worker = worker
    this.#numbers = new Uint32Array(memory.shared)
  }

  /** Counts one more where that is at most `max`; false, and nothing is counted, where it is not. */
  take(name: string, max: number): boolean {
    const places = this.#placesOf(name)
    this.#add(places, 1)
    if (this.#count(places) <= max) return true
    this.#add(places, -1)
    return false
  }

  release(name: string): void {
    this.#add(this.#placesOf(name), -1)
  }

  countOf(name: string): number {
    return this.#count(this.#placesOf(name))
  }

  /** The worker of this index has no connections: it is dead. */
  clear(worker: number): void {
    const size = ROWS * this.#memory.cells
    for (let at = worker * size; at < (worker + 1) * size; at++) Atomics.store(this.#numbers, at, 0)
  }

  #count(places: readonly number[]): number {
    const { workers, cells } = this.#memory
    let sum = 0
    for (let worker = 0; worker < workers; worker++) {
      const base = worker * ROWS * cells
      let least = Number.POSITIVE_INFINITY
      for (const place of places) least = Math.min(least, Atomics.load(this.#numbers, base + place))
      sum += least
    }
    return sum
  }

  #add(places: readonly number[], change: number): void {
    const base = this.#worker * ROWS * this.#memory.cells
    for (const place of places) Atomics.add(this.#numbers, base + place, change)
  }

  #placesOf(name: string): number[] {
    const { cells, seed } = this.#memory
    const bytes = utf8.encode(name)
    return Array.from({ length: ROWS }, (_, row) => row * cells + (murmur3(bytes, seed + row) & (cells - 1)))
  }
}
