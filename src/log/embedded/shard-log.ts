/**
 * The shard log of one worker thread of a process without services around it: a write-ahead log in preallocated segments,
 * with one write and one fdatasync for the frames of all shards that are ready (design §5.7, rules §12).
 *
 * The main thread recovers the folder first and hands each worker a seed (log-data.ts): only then is there one writer a
 * file, and an index that covers every frame of its shards. Tails are dense from 1.
 */
import { UnavailableError } from '../../domain/errors.js'
import type { ShardId } from '../../domain/ids.js'
import { type Clock, SYSTEM_CLOCK } from '../../std/clock.js'
import { type Random, SYSTEM_RANDOM } from '../../std/random.js'
import type { AppendOutcome, LoggedFrame, LogPacing, ShardLog, Tail } from '../shard-log.js'
import { DiskRoom } from './disk-room.js'
import type { LogFolder } from './file-port.js'
import { FrameIndex, type IndexSeed } from './frame-index.js'
import type { Alarm, WalOptions } from './options.js'
import { PurgePoints } from './purge-points.js'
import { SealedSegments, type SegmentFacts } from './sealed-segments.js'
import { SegmentChain } from './segment-chain.js'
import { SegmentReader } from './segment-reader.js'
import { type CommitObserver, WalWriter } from './writer.js'

/** All that a worker needs to know of the recovered folder; crosses threads as plain data. */
export interface ShardLogSeed {
  readonly path: string
  readonly writer: number
  readonly shardCount: number
  readonly options: WalOptions
  readonly points: SharedArrayBuffer
  readonly index: IndexSeed
  /** Segments of earlier lives that this worker deletes when they are purged. */
  readonly inherited: readonly SegmentFacts[]
}

export interface ShardLogContext {
  readonly folder: LogFolder
  readonly clock?: Clock
  readonly random?: Random
  readonly alarm: Alarm
  /** Free bytes of the disk under the folder; absent: whatever is there is for the log. */
  readonly freeBytes?: () => number
  readonly observed?: CommitObserver
}

/** Frames of a shard with less than this between them are read together. */
const HOLE_BYTES_MAX = 16 * 1024
const READ_BYTES_MAX = 512 * 1024

export class EmbeddedShardLog implements ShardLog {
  readonly pacing: LogPacing = { kind: 'grouped' }
  readonly #options: WalOptions
  readonly #clock: Clock
  readonly #index: FrameIndex
  readonly #points: PurgePoints
  readonly #reader: SegmentReader
  readonly #sealed: SealedSegments
  readonly #chain: SegmentChain
  readonly #writer: WalWriter
  readonly #room: DiskRoom | undefined
  #isSweepScheduled = false
  #isClosed = false

  /** Makes the first segment. Rejects where the folder takes no files. */
  static async open(seed: ShardLogSeed, context: ShardLogContext): Promise<EmbeddedShardLog> {
    const log = new EmbeddedShardLog(seed, context)
    await log.#chain.open()
    return log
  }

  private constructor(seed: ShardLogSeed, context: ShardLogContext) {
    const { folder, clock = SYSTEM_CLOCK, random = SYSTEM_RANDOM, alarm, freeBytes, observed = () => {} } = context
    const { writer, shardCount, options } = seed
    this.#options = options
    this.#clock = clock
    this.#index = new FrameIndex(shardCount, seed.index)
    this.#points = PurgePoints.over(seed.points)
    this.#reader = new SegmentReader(folder)
    const shared = { folder, writer, options, alarm }
    const held = { points: this.#points, index: this.#index, reader: this.#reader }
    this.#sealed = new SealedSegments({ ...shared, ...held }, seed.inherited)
    this.#chain = new SegmentChain({ ...shared, sealed: this.#sealed, clock, random })
    this.#writer = new WalWriter({ chain: this.#chain, index: this.#index, options, clock, shardCount, observed })
    const reserveBytes = options.diskReserveBytes
    if (freeBytes !== undefined) this.#room = new DiskRoom({ freeBytes, reserveBytes, clock, alarm })
  }

  append(shard: ShardId, frame: Uint8Array, expected: Tail): Promise<AppendOutcome> {
    return this.#writer.append(shard, frame, expected)
  }

  async *read(shard: ShardId, after: Tail): AsyncGenerator<LoggedFrame> {
    let last = after
    for (;;) {
      if (this.#isClosed) throw new UnavailableError(`Cannot read shard ${shard}: the log is closed`)
      this.#index.dropBelow(shard, this.#points.oldest(shard))
      const places = this.#index.next(shard, last, { bytesMax: READ_BYTES_MAX, holeBytesMax: HOLE_BYTES_MAX })
      if (places.length === 0) return
      const frames = await this.#reader.read(places)
      if (frames === undefined) {
        this.#requirePurged(shard, places.at(-1)!.tail, places[0]!.segment)
        last = places.at(-1)!.tail
        continue
      }
      yield* frames
      last = frames.at(-1)!.tail
    }
  }

  async tail(shard: ShardId): Promise<Tail> {
    if (this.#isClosed) throw new UnavailableError(`Cannot name the tail of shard ${shard}: the log is closed`)
    return this.#index.tail(shard)
  }

  purge(shard: ShardId, below: Tail): void {
    this.#points.allow(shard, Math.min(below, this.#index.tail(shard)))
    if (this.#isSweepScheduled) return
    this.#isSweepScheduled = true
    this.#clock.soon(() => {
      this.#isSweepScheduled = false
      this.#sealed.sweep()
    })
  }

  onCarryWanted(listener: (shards: readonly ShardId[]) => void): void {
    this.#sealed.onCarryWanted((shards) => listener(shards as ShardId[]))
  }

  /** While the disk is nearly full, or has no room for a spare segment, the limit is what is used: the reserve has begun. */
  usage(): { readonly usedBytes: number; readonly limitBytes: number } {
    const usedBytes = this.#chain.usedBytes
    const isShort = this.#chain.isShort || this.#room?.isShort === true
    return { usedBytes, limitBytes: isShort ? usedBytes : this.#options.limitBytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#room?.close()
    await this.#writer.close()
    await this.#sealed.close()
    await this.#chain.close()
    this.#reader.close()
  }

  /** Another thread may delete what this shard has purged, between our look at the index and our look at the file. */
  #requirePurged(shard: ShardId, tail: Tail, segment: string): void {
    if (tail < this.#points.below(shard)) return
    throw new UnavailableError(`Cannot read frame ${tail} of shard ${shard}: log segment ${segment} is missing`)
  }
}
