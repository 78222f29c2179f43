/**
 * The segments that take no more frames, and their end: deleted, or used again as a spare, once every shard in them has
 * allowed it.
 *
 * A segment goes only when, for each of its shards, the frames are below the purge point and no older frame is left in
 * another file, and when its predecessor is gone. So what a crash leaves has no gaps, at whatever moment it comes, and a
 * gap that recovery finds is damage; and the header that says where a failed segment ends outlives that segment.
 *
 * A backup holds them all (purge-hold.ts), until they are half of what the log may take: then serving comes first.
 */
import type { Tail } from '../shard-log.js'
import type { LogFile, LogFolder } from './file-port.js'
import type { FrameIndex } from './frame-index.js'
import type { Alarm, WalOptions } from './options.js'
import type { PurgePoints } from './purge-points.js'
import { nameOf, type SegmentId } from './segment.js'
import type { SegmentReader } from './segment-reader.js'
import type { Spares } from './spares.js'

/** A sealed segment as plain data; it crosses threads. */
export interface SegmentFacts {
  readonly name: string
  readonly id: SegmentId
  /** Where its last frame ends. */
  readonly end: number
  /** Size of the file. */
  readonly bytes: number
  readonly predecessor: SegmentId | undefined
  readonly shards: readonly { readonly shard: number; readonly first: Tail; readonly last: Tail }[]
}

/** `file` is there where this thread wrote the segment and may use the file again. */
export interface SealedSegment extends SegmentFacts {
  readonly file?: LogFile
}

/** Of the log's limit; sends are refused from LIMITS.logReserveFraction on. */
const HELD_FRACTION = 0.5

export interface SealedContext {
  readonly folder: LogFolder
  readonly writer: number
  readonly options: WalOptions
  readonly points: PurgePoints
  readonly index: FrameIndex
  readonly reader: SegmentReader
  readonly alarm: Alarm
}

export class SealedSegments {
  readonly #context: SealedContext
  readonly #segments = new Map<SegmentId, SealedSegment>()
  #spares: Spares | undefined
  #carryListener: ((shards: readonly number[]) => void) | undefined
  /** Shards asked to carry since the last seal, with the tail they were asked about. */
  readonly #asked = new Map<number, Tail>()
  #sweeping: Promise<void> | undefined
  #sweepAgain = false
  #closed = false
  bytes = 0

  /** `inherited`: segments of earlier lives which this thread is to delete when their time comes. */
  constructor(context: SealedContext, inherited: readonly SegmentFacts[]) {
    this.#context = context
    for (const segment of inherited) this.#hold(segment)
  }

  recycleInto(spares: Spares): void {
    this.#spares = spares
  }

  onCarryWanted(listener: (shards: readonly number[]) => void): void {
    this.#carryListener = listener
  }

  add(segment: SealedSegment): void {
    this.#hold(segment)
    this.#asked.clear()
    this.sweep()
  }

  /** Removes what may go, in the background, one segment after another. */
  sweep(): void {
    if (this.#closed || this.#segments.size === 0) return
    this.#sweepAgain = true
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sweeping
    for (const { file } of this.#segments.values()) file?.close()
  }

  #hold(segment: SealedSegment): void {
    this.#segments.set(segment.id, segment)
    this.bytes += segment.bytes
  }

  async #sweep(): Promise<void> {
    while (this.#sweepAgain && !this.#closed) {
      this.#sweepAgain = false
      for (const segment of [...this.#segments.values()]) {
        if (this.#closed || !this.#mayGo(segment)) continue
        try {
          await this.#remove(segment)
        } catch (cause) {
          this.#context.alarm(`cannot remove log segment ${segment.name}`, cause)
          return // the next purge tries again
        }
      }
    }
    this.#askToCarry()
  }

  #mayGo({ name, predecessor, shards }: SealedSegment): boolean {
    const { points, reader, options } = this.#context
    if (predecessor !== undefined && this.#segments.has(predecessor)) return false
    if (reader.isReading(name)) return false
    const isFree = shards.every(
      ({ shard, first, last }) => last < points.below(shard) && first === points.oldest(shard),
    )
    if (!isFree || !points.isHeld) return isFree
    if (this.bytes < options.limitBytes * HELD_FRACTION) return false
    points.breakHold()
    return true
  }

  async #remove(segment: SealedSegment): Promise<void> {
    const { folder, points, index, reader, writer } = this.#context
    reader.forget(segment.name)
    this.#segments.delete(segment.id)
    this.bytes -= segment.bytes
    const spareName = nameOf(writer, segment.id, 'spare')
    const recycled = segment.file !== undefined && this.#spares?.wanted === true
    try {
      if (recycled) folder.rename(segment.name, spareName)
      else if (folder.names().includes(segment.name)) folder.unlink(segment.name)
      await folder.sync()
    } catch (cause) {
      segment.file?.close()
      this.#hold(withoutFile(segment)) // perhaps gone, perhaps not: what must outlast it goes on waiting
      throw cause
    }
    for (const { shard, last } of segment.shards) {
      points.gone(shard, last + 1)
      index.dropBelow(shard, last + 1)
    }
    if (recycled) this.#spares!.give({ name: spareName, file: segment.file!, bytes: segment.bytes })
    else segment.file?.close()
  }

  /** Finds shards of this worker whose newest frame, and nothing else of theirs, holds back more than we like to hold. */
  #askToCarry(): void {
    const { options, points, index } = this.#context
    const listener = this.#carryListener
    const held = this.#segments.size > options.heldSegmentsMax || this.bytes > options.heldBytesMax
    if (listener === undefined || !held || this.#closed) return
    const wanted = new Set<number>()
    const butNewest = [...this.#segments.values()].slice(0, -1) // whose shards may append the next moment
    for (const { shards } of butNewest) {
      if (!shards.every(({ shard, last }) => points.below(shard) >= last)) continue
      for (const { shard, last } of shards) {
        if (points.below(shard) !== last || index.tail(shard) !== last || this.#asked.get(shard) === last) continue
        this.#asked.set(shard, last)
        wanted.add(shard)
      }
    }
    if (wanted.size > 0) listener([...wanted])
  }
}

function withoutFile({ name, id, end, bytes, predecessor, shards }: SealedSegment): SealedSegment {
  return { name, id, end, bytes, predecessor, shards }
}
