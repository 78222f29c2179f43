/**
 * One writer's segments, one after another: each header names the segment before it and the offset where that one ends.
 *
 * A segment whose write or sync failed is sealed at its last synced offset and never touched again: after a failed sync
 * the kernel calls the pages clean, and a second sync would lie (rules §12, ADR 21). A segment takes frames only once
 * its header and its name are durable, so that the seal of the one before it is, too.
 */
import { assert } from '../../std/assert.js'
import type { Clock } from '../../std/clock.js'
import type { Random } from '../../std/random.js'
import type { Tail } from '../shard-log.js'
import type { LogFile, LogFolder } from './file-port.js'
import type { Alarm, WalOptions } from './options.js'
import type { SealedSegments } from './sealed-segments.js'
import { encodeHeader, HEADER_BYTES, nameOf, newSegmentId, type SegmentId, type SegmentRecord } from './segment.js'
import { Spares } from './spares.js'

/** The segment that takes frames. */
export interface ActiveSegment {
  readonly id: SegmentId
  readonly name: string
  readonly file: LogFile
  readonly predecessor: SegmentId | undefined
  /** It is left for the next one when a group would go beyond this. */
  readonly capacity: number
  /** First and last tail of each shard in it. */
  readonly shards: Map<number, { first: Tail; last: Tail }>
  /** Everything before this was synced; the next group goes here. */
  end: number
  groups: number
}

export interface ChainContext {
  readonly folder: LogFolder
  readonly writer: number
  readonly options: WalOptions
  readonly sealed: SealedSegments
  readonly clock: Clock
  readonly random: Random
  readonly alarm: Alarm
}

export class SegmentChain {
  readonly #context: ChainContext
  readonly #spares: Spares
  #active: ActiveSegment | undefined
  /** What the next header names. */
  #predecessor: { readonly id: SegmentId; readonly end: number } | undefined

  constructor(context: ChainContext) {
    this.#context = context
    this.#spares = new Spares(context.folder, context)
    context.sealed.recycleInto(this.#spares)
  }

  /** Makes the first segment, preallocated where the disk allows it: a small one, for a start waits for it. */
  async open(): Promise<void> {
    await this.#spares.prepare(this.#context.options.firstSegmentBytes)
    await this.#roll()
  }

  get usedBytes(): number {
    return this.#context.sealed.bytes + (this.#active?.end ?? 0)
  }

  /** True while the reserve is in use: the disk gave no room for another spare. */
  get isShort(): boolean {
    return this.#spares.lacking
  }

  /** The segment with room for a group of `bytes`. Throws where a new one was needed and could not be made; nothing of
   *  the group was written then. */
  async segmentFor(bytes: number): Promise<ActiveSegment> {
    const active = this.#active
    const fits = active !== undefined && active.end + bytes <= active.capacity
    if (fits || active?.groups === 0) return active
    return this.#roll()
  }

  /** A group of `bytes` is synced. Not before a quarter is used is the next spare made: by then a purged segment may
   *  have become one, and until then there is room enough in this one. */
  committed(segment: ActiveSegment, records: readonly SegmentRecord[], bytes: number): void {
    const quarter = segment.capacity / 4
    const { segmentBytes } = this.#context.options
    if (segment.end < quarter && segment.end + bytes >= quarter) void this.#spares.prepare(segmentBytes)
    segment.end += bytes
    segment.groups++
    for (const { shard, tail } of records) {
      const range = segment.shards.get(shard)
      if (range === undefined) segment.shards.set(shard, { first: tail, last: tail })
      else range.last = tail
    }
  }

  /** A write or sync of the segment failed: it ends, for ever, where it was last synced. */
  abandon(segment: ActiveSegment, cause: unknown): void {
    assert(segment === this.#active, 'only the active segment is written to')
    this.#context.alarm(`log segment ${segment.name} failed; sealed at offset ${segment.end}`, cause)
    this.#seal(segment, 'failed')
  }

  async close(): Promise<void> {
    await this.#spares.close()
    this.#active?.file.close()
    this.#active = undefined
  }

  async #roll(): Promise<ActiveSegment> {
    if (this.#active !== undefined) this.#seal(this.#active, 'full')
    const { folder, writer, random } = this.#context
    const spare = this.#spares.take()
    const id = newSegmentId(random)
    const name = nameOf(writer, id, 'seg')
    let currentName = spare.name
    try {
      const predecessor = this.#predecessor
      spare.file.write([encodeHeader({ id, writer, ...(predecessor !== undefined && { predecessor }) })], 0)
      folder.rename(spare.name, name)
      currentName = name
      await bothDurable(spare.file, folder)
    } catch (cause) {
      this.#discard(spare.file, currentName)
      throw cause
    }
    this.#active = {
      id,
      name,
      file: spare.file,
      predecessor: this.#predecessor?.id,
      capacity: spare.bytes > 0 ? spare.bytes : this.#context.options.segmentBytes,
      shards: new Map(),
      end: HEADER_BYTES,
      groups: 0,
    }
    this.#predecessor = undefined
    return this.#active
  }

  /** A segment that never took a frame. Should a power loss bring it back, its header says what is true anyway. */
  #discard(file: LogFile, name: string): void {
    file.close()
    try {
      this.#context.folder.unlink(name)
    } catch (cause) {
      this.#context.alarm(`cannot delete unused log segment ${name}`, cause)
    }
  }

  #seal(segment: ActiveSegment, why: 'full' | 'failed'): void {
    const isReusable = why === 'full' && segment.capacity >= this.#context.options.segmentBytes
    this.#active = undefined
    this.#predecessor = { id: segment.id, end: segment.end }
    this.#context.sealed.add({
      name: segment.name,
      id: segment.id,
      end: segment.end,
      bytes: Math.max(segment.file.size(), segment.end),
      predecessor: segment.predecessor,
      shards: [...segment.shards].map(([shard, { first, last }]) => ({ shard, first, last })),
      // A file that failed once is not used again, nor is a small one.
      ...(isReusable && { file: segment.file }),
    })
    if (!isReusable) segment.file.close()
  }
}

/** Waits for both even where one fails, so that no sync is under way when the file is closed. */
async function bothDurable(file: LogFile, folder: LogFolder): Promise<void> {
  const outcomes = await Promise.allSettled([file.sync(), folder.sync()])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
