/**
 * Reads a whole segment and decides what in it may be believed.
 *
 * A group is written only after the one before it was synced, so of an open segment only the last group can be in doubt:
 * a bad group with a later valid one behind it is damage, without one it is a torn tail (rules §12). In a segment whose
 * end is known everything before that end was synced, and anything bad there is damage.
 */
import { CorruptionError } from '../../domain/errors.js'
import type { Bytes } from '../../std/bytes.js'
import { FrameIndex } from './frame-index.js'
import { decodeGroup, findLaterGroup, type Group, HEADER_BYTES, type SegmentHeader, type SegmentId } from './segment.js'

export interface SegmentToScan {
  readonly name: string
  readonly bytes: Bytes
  /** By its name. */
  readonly id: SegmentId
  /** Undefined where it cannot be read. */
  readonly header: SegmentHeader | undefined
  /** Undefined for an open segment. */
  readonly end: number | undefined
}

export interface Scanned {
  readonly groups: readonly Group[]
  /** Where the last accepted group ends. */
  readonly end: number
}

/** Undefined for a segment that never began: no frame in it was ever synced. Throws CorruptionError. */
export function scanSegment(segment: SegmentToScan): Scanned | undefined {
  const { name, bytes, id, header, end } = segment
  if (header?.id !== id) {
    if (end !== undefined || findLaterGroup(bytes, HEADER_BYTES, id, 1) !== undefined) {
      throw damaged(name, 0, 'the header is not what was written')
    }
    return undefined
  }
  if (end !== undefined && end > bytes.size) throw damaged(name, bytes.size, `the file is shorter than ${end} bytes`)
  const groups = groupsUpTo(end ?? bytes.size, bytes, id)
  const at = groups.at(-1)?.end ?? HEADER_BYTES
  if (end === undefined) {
    const later = findLaterGroup(bytes, at, id, groups.length + 1)
    if (later !== undefined) throw damaged(name, at, `a later group is valid at offset ${later}`)
  } else if (at !== end) throw damaged(name, at, `the segment was synced up to offset ${end}`)
  return { groups, end: at }
}

/** How many groups stand whole from the first one on, and where the last of them ends. */
export function wholeGroups(bytes: Bytes, id: SegmentId): { readonly count: number; readonly end: number } {
  const groups = groupsUpTo(bytes.size, bytes, id)
  return { count: groups.length, end: groups.at(-1)?.end ?? HEADER_BYTES }
}

function groupsUpTo(limit: number, bytes: Bytes, id: SegmentId): Group[] {
  const groups: Group[] = []
  for (let at = HEADER_BYTES; ; at = groups.at(-1)!.end) {
    const group = decodeGroup(bytes, at, limit, { id, number: groups.length + 1 })
    if (group === undefined) return groups
    groups.push(group)
  }
}

/** The frames of one segment by shard, under the name that it will have. Throws CorruptionError. */
export function indexSegment(name: string, { groups }: Scanned, shardCount: number): FrameIndex {
  const index = new FrameIndex(shardCount)
  for (const { records } of groups) {
    for (const record of records) {
      const { shard, tail, offset } = record
      if (shard >= shardCount) throw damaged(name, offset, `a frame of shard ${shard}, of ${shardCount} shards`)
      const before = index.tail(shard)
      if (before !== 0 && tail !== before + 1) {
        throw damaged(name, offset, `frame ${tail} of shard ${shard} follows frame ${before}`)
      }
      index.add(name, record)
    }
  }
  return index
}

export function damaged(name: string, offset: number, found: string): CorruptionError {
  return new CorruptionError(`Log segment ${name} is damaged at offset ${offset}: ${found}`)
}
