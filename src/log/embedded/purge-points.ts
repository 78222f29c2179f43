/**
 * How far each shard's log may go, and how far it has gone, shared by the worker threads of one process.
 *
 * A segment made before the workers' present lives holds frames of shards that now belong to different workers. One of
 * them deletes it, once all of them have allowed that; this is where they say so (ADR 22). Numbers only grow.
 *
 * Beside them: how many backups hold the files (purge-hold.ts), and how many files went all the same.
 */
import type { Tail } from '../shard-log.js'

const BELOW = 0
const OLDEST = 1
const NUMBERS_PER_SHARD = 2
/** From the end. */
const HOLDS = 2
const BROKEN = 1

export class PurgePoints {
  /** Crosses threads as it is. */
  readonly shared: SharedArrayBuffer
  readonly #numbers: BigInt64Array

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.#numbers = new BigInt64Array(shared)
  }

  static ofShards(shardCount: number): PurgePoints {
    return new PurgePoints(new SharedArrayBuffer((shardCount * NUMBERS_PER_SHARD + HOLDS) * 8))
  }

  static over(shared: SharedArrayBuffer): PurgePoints {
    return new PurgePoints(shared)
  }

  /** Frames of the shard below this tail are not needed any more; never above the shard's newest frame. */
  below(shard: number): Tail {
    return this.#load(shard * NUMBERS_PER_SHARD + BELOW)
  }

  allow(shard: number, below: Tail): void {
    this.#raise(shard * NUMBERS_PER_SHARD + BELOW, below)
  }

  /** The oldest frame of the shard that is still in a file. */
  oldest(shard: number): Tail {
    return this.#load(shard * NUMBERS_PER_SHARD + OLDEST)
  }

  /** Files with frames of the shard below `tail` are gone for good. */
  gone(shard: number, tail: Tail): void {
    this.#raise(shard * NUMBERS_PER_SHARD + OLDEST, tail)
  }

  /** Somebody copies the files: none is to go or to be used again. */
  get isHeld(): boolean {
    return this.#load(this.#numbers.length - HOLDS) > 0
  }

  hold(): void {
    Atomics.add(this.#numbers, this.#numbers.length - HOLDS, 1n)
  }

  release(): void {
    Atomics.sub(this.#numbers, this.#numbers.length - HOLDS, 1n)
  }

  /** A file goes though it is held: the log would fill. */
  breakHold(): void {
    Atomics.add(this.#numbers, this.#numbers.length - BROKEN, 1n)
  }

  /** Changes when a hold was broken. */
  get brokenHolds(): number {
    return this.#load(this.#numbers.length - BROKEN)
  }

  #load(at: number): number {
    return Number(Atomics.load(this.#numbers, at))
  }

  #raise(at: number, value: number): void {
    for (let seen = Atomics.load(this.#numbers, at); seen < value; ) {
      const before = Atomics.compareExchange(this.#numbers, at, seen, BigInt(value))
      if (before === seen) return
      seen = before
    }
  }
}
