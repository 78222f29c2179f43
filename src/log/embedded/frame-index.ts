/**
 * Where every frame that the log still holds lies: shard and tail → segment, offset, size, CRC. Twelve bytes a frame,
 * and bounded, because a purged segment takes its frames along.
 *
 * Tails of a shard are dense, so a run of them in one segment needs only its first tail. `toSeed` gives plain data that
 * crosses to another thread.
 */
import { assert } from '../../std/assert.js'
import type { Tail } from '../shard-log.js'
import type { SegmentRecord } from './segment.js'

/** Consecutive frames of one shard in one segment. */
export interface Run {
  /** File name. */
  readonly segment: string
  readonly firstTail: Tail
  count: number
  /** Three numbers a frame: offset, bytes, crc. */
  places: Uint32Array
}

export interface Place {
  readonly segment: string
  readonly tail: Tail
  readonly offset: number
  readonly bytes: number
  readonly crc: number
}

export type IndexSeed = readonly { readonly shard: number; readonly runs: readonly Run[] }[]

const NUMBERS_PER_FRAME = 3

export class FrameIndex {
  readonly #runs: Run[][]

  constructor(shardCount: number, seed: IndexSeed = []) {
    this.#runs = Array.from({ length: shardCount }, () => [])
    for (const { shard, runs } of seed) this.#runs[shard] = [...runs]
  }

  toSeed(shards: readonly number[]): IndexSeed {
    return shards.map((shard) => ({
      shard,
      runs: this.#runs[shard]!.map((run) => ({
        ...run,
        places: run.places.slice(0, run.count * NUMBERS_PER_FRAME),
      })),
    }))
  }

  /** The shard's newest tail, 0 where it has none. */
  tail(shard: number): Tail {
    const run = this.#runs[shard]!.at(-1)
    return run === undefined ? 0 : run.firstTail + run.count - 1
  }

  /** The shard's oldest tail, 0 where it has none. */
  oldest(shard: number): Tail {
    return this.#runs[shard]![0]?.firstTail ?? 0
  }

  /** The shards that have frames. */
  shards(): number[] {
    return this.#runs.flatMap((runs, shard) => (runs.length > 0 ? [shard] : []))
  }

  runs(shard: number): readonly Run[] {
    return this.#runs[shard]!
  }

  /** Adds the frame after the newest one; `base` is where its group starts in the segment. */
  add(segment: string, record: SegmentRecord, base = 0): void {
    const runs = this.#runs[record.shard]!
    let run = runs.at(-1)
    assert(
      run === undefined || record.tail === run.firstTail + run.count,
      () => `frame ${record.tail} of shard ${record.shard} does not follow ${this.tail(record.shard)}`,
    )
    if (run === undefined || run.segment !== segment) {
      run = { segment, firstTail: record.tail, count: 0, places: new Uint32Array(16 * NUMBERS_PER_FRAME) }
      runs.push(run)
    }
    const at = run.count * NUMBERS_PER_FRAME
    if (at === run.places.length) {
      const grown = new Uint32Array(at * 2)
      grown.set(run.places)
      run.places = grown
    }
    run.places[at] = base + record.offset
    run.places[at + 1] = record.bytes
    run.places[at + 2] = record.crc
    run.count++
  }

  /** Forgets the leading segments of a shard whose frames are all below `oldest`. */
  dropBelow(shard: number, oldest: Tail): void {
    const runs = this.#runs[shard]!
    while (runs.length > 1 && runs[0]!.firstTail + runs[0]!.count <= oldest) runs.shift()
  }

  /**
   * The frames after `after` that lie close enough together in one segment to be read at once: no hole above
   * `holeBytesMax`, no more than `bytesMax` from first to last byte unless one frame alone is larger.
   */
  next(shard: number, after: Tail, { bytesMax, holeBytesMax }: { bytesMax: number; holeBytesMax: number }): Place[] {
    const run = this.#runs[shard]!.find(({ firstTail, count }) => firstTail + count - 1 > after)
    const found: Place[] = []
    if (run === undefined) return found
    let start = 0
    let end = 0
    for (let index = Math.max(after + 1 - run.firstTail, 0); index < run.count; index++) {
      const at = index * NUMBERS_PER_FRAME
      const offset = run.places[at]!
      const bytes = run.places[at + 1]!
      if (found.length === 0) start = offset
      else if (offset - end > holeBytesMax || offset + bytes - start > bytesMax) break
      end = offset + bytes
      found.push({ segment: run.segment, tail: run.firstTail + index, offset, bytes, crc: run.places[at + 2]! })
    }
    return found
  }
}
