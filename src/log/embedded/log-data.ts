/**
 * The log's folder as a whole, in the main thread of a process: recovers it before any worker opens its log, and again
 * for one worker that died, and tells each worker what it has to know.
 *
 * A worker's log may open only once nobody else has that writer's files open: call `recoverWriter` after the thread's
 * `exit`, never before (rules §12).
 */

import type { ShardId } from '../../domain/ids.js'
import { assert } from '../../std/assert.js'
import { type Random, SYSTEM_RANDOM } from '../../std/random.js'
import type { LogFolder } from './file-port.js'
import type { FrameIndex } from './frame-index.js'
import { claimManifest, type Manifest } from './manifest.js'
import { WAL_DEFAULTS, type WalOptions } from './options.js'
import { PurgePoints } from './purge-points.js'
import { recover, type WrittenSegment } from './recovery.js'
import type { ShardLogSeed } from './shard-log.js'

export interface LogDataOptions {
  readonly shardCount: number
  /** Worker threads that append, each with a log of its own. */
  readonly writers: number
  /** Per worker. */
  readonly wal?: Partial<WalOptions>
  readonly random?: Random
}

export class LogData {
  readonly #folder: LogFolder
  readonly #manifest: Manifest
  readonly #options: WalOptions
  readonly #random: Random
  readonly #points: PurgePoints
  /** Segments of lives before the workers' present ones. */
  #inherited: readonly WrittenSegment[] = []
  #index: FrameIndex | undefined
  #isEmpty = true

  /** Recovers everything. Throws CorruptionError with file and offset, and UnavailableError. */
  static async open(folder: LogFolder, options: LogDataOptions): Promise<LogData> {
    assert(options.shardCount <= 0x1_0000, 'a record names its shard in 16 bits')
    const manifest = await claimManifest(folder, options)
    const data = new LogData(folder, manifest, options)
    const recovered = await recover(folder, data.#scope([]))
    data.#isEmpty = recovered.segments.length === 0
    data.#inherited = recovered.segments
    data.#index = recovered.index
    data.#noteOldest(recovered.index, manifest.writerOfShard.keys())
    return data
  }

  private constructor(folder: LogFolder, manifest: Manifest, { wal, random = SYSTEM_RANDOM }: LogDataOptions) {
    this.#folder = folder
    this.#manifest = manifest
    this.#options = { ...WAL_DEFAULTS, ...wal }
    this.#random = random
    this.#points = PurgePoints.ofShards(manifest.shardCount)
  }

  /** For those who hold the files (purge-hold.ts). */
  get points(): PurgePoints {
    return this.#points
  }

  /** There was nothing to recover. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  shardsOf(writer: number): ShardId[] {
    return this.#manifest.writerOfShard.flatMap((owner, shard) => (owner === writer ? [shard as ShardId] : []))
  }

  /** What the worker's log starts from; each worker takes its seed once. */
  seedOf(writer: number): ShardLogSeed {
    assert(this.#index !== undefined, 'a worker in a second life starts from recoverWriter')
    return this.#seed(writer, this.#index)
  }

  /** All workers have their seeds: what they hold the main thread need not. */
  forgetIndex(): void {
    this.#index = undefined
  }

  /** Recovers what a dead worker left, while the others go on. Only after its thread's `exit`. */
  async recoverWriter(writer: number): Promise<ShardLogSeed> {
    const others = this.#inherited.filter((segment) => segment.writer !== writer)
    const { index, segments } = await recover(this.#folder, { ...this.#scope(others), writer })
    const mine = segments.filter((segment) => segment.writer === writer)
    this.#inherited = [...others.filter(({ name }) => segments.some((segment) => segment.name === name)), ...mine]
    this.#noteOldest(index, this.shardsOf(writer))
    return this.#seed(writer, index)
  }

  #scope(alsoRead: readonly WrittenSegment[]) {
    return { alsoRead, shardCount: this.#manifest.shardCount, points: this.#points, random: this.#random }
  }

  /** Raised only: another worker may be deleting while we read. */
  #noteOldest(index: FrameIndex, shards: Iterable<number>): void {
    for (const shard of shards) this.#points.gone(shard, Math.max(index.oldest(shard), 1))
  }

  #seed(writer: number, index: FrameIndex): ShardLogSeed {
    const writers = this.#manifest.writers.length
    return {
      path: this.#folder.path,
      writer,
      shardCount: this.#manifest.shardCount,
      options: this.#options,
      points: this.#points.shared,
      index: index.toSeed(this.shardsOf(writer)),
      inherited: this.#inherited.filter((segment) => segment.writer % writers === writer),
    }
  }
}
