/**
 * The bytes of a WAL segment. Format version 1, little-endian.
 *
 *   segment  header (512 bytes), then groups, each starting at a multiple of 8
 *   header   magic 8, version u32, crc u32 (the header with crc 0), id 8, writer u32, 0 u32,
 *            predecessor id 8, predecessor's end u64, replaced id 8, own end u64, zeroes
 *   group    magic u32, crc u32 (the rest of this head, and the table), segment id 8, number u64, bytes u32 (all of the
 *            group), count u32; a table of `count` records; the frames; zeroes up to a multiple of 8; segment id 8
 *   record   tail u48, shard u16, frame bytes u32, frame crc u32
 *
 * A segment ends where its successor's header says, or, written by recovery, where its own header says; one of which
 * neither is known is *open*. Groups are numbered from 1 and each is written only after the one before it was synced.
 * Files are used again without being cleared: the random segment id in every group tells old bytes from new. It also
 * ends the group: a write that broke off leaves no whole group, even where the rest was to be zeroes in a zeroed file.
 */
import { crc32 } from 'node:zlib'
import type { Brand } from '../../std/brand.js'
import { align8, Bytes, readU53, writeU53 } from '../../std/bytes.js'
import { type Random, random64 } from '../../std/random.js'

/** 16 hexadecimal digits, random. */
export type SegmentId = Brand<string, 'SegmentId'>

export const HEADER_BYTES = 512
export const FORMAT_VERSION = 1
const HEADER_MAGIC = Buffer.from('PARLEYWL', 'latin1')
const GROUP_MAGIC = 0x4752_4f50
const GROUP_HEAD_BYTES = 32
const RECORD_BYTES = 16
/** A group of which these last bytes were not written is no group. */
export const GROUP_FOOT_BYTES = 8
const NO_SEGMENT = '0'.repeat(16) as SegmentId

/** Below this, a frame is copied beside its group's head; above, it is written from where it is. */
const COPY_BELOW_BYTES = 4096

export interface SegmentHeader {
  readonly id: SegmentId
  readonly writer: number
  /** The writer's segment before this one, and where it ends: what lies beyond was never durable. */
  readonly predecessor?: { readonly id: SegmentId; readonly end: number }
  /** The open segment whose accepted frames this one holds. */
  readonly replaces?: SegmentId
  /** Set where the whole segment was written and synced before it got its name. */
  readonly end?: number
}

/** One frame in a segment; `offset` is where the frame's bytes are in the file. */
export interface SegmentRecord {
  readonly shard: number
  readonly tail: number
  readonly offset: number
  readonly bytes: number
  readonly crc: number
}

export function newSegmentId(random: Random): SegmentId {
  return random64(random).toString(16).padStart(16, '0') as SegmentId
}

export type NameKind = 'seg' | 'spare' | 'part'

export function nameOf(writer: number, id: SegmentId, kind: NameKind): string {
  return `w${writer}-${id}.${kind}`
}

/** Undefined for a file that is none of the WAL's. */
export function parseName(name: string): { writer: number; id: SegmentId; kind: NameKind } | undefined {
  const found = /^w(\d{1,5})-([0-9a-f]{16})\.(seg|spare|part)$/.exec(name)
  if (found === null) return undefined
  return { writer: Number(found[1]), id: found[2] as SegmentId, kind: found[3] as NameKind }
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES)
  const { view } = Bytes.over(bytes)
  HEADER_MAGIC.copy(bytes)
  view.setUint32(8, FORMAT_VERSION, true)
  bytes.write(header.id, 16, 'hex')
  view.setUint32(24, header.writer, true)
  bytes.write(header.predecessor?.id ?? NO_SEGMENT, 32, 'hex')
  writeU53(view, 40, header.predecessor?.end ?? 0)
  bytes.write(header.replaces ?? NO_SEGMENT, 48, 'hex')
  writeU53(view, 56, header.end ?? 0)
  view.setUint32(12, crc32(bytes), true)
  return bytes
}

/** Undefined where the bytes are no header of this format. */
export function decodeHeader(source: Uint8Array): SegmentHeader | undefined {
  if (source.byteLength < HEADER_BYTES) return undefined
  const bytes = Buffer.from(source.subarray(0, HEADER_BYTES))
  const { view } = Bytes.over(bytes)
  const crc = view.getUint32(12, true)
  view.setUint32(12, 0, true)
  if (crc32(bytes) !== crc || HEADER_MAGIC.compare(bytes, 0, 8) !== 0) return undefined
  if (view.getUint32(8, true) !== FORMAT_VERSION) return undefined
  const predecessor = idIn(bytes, 32)
  const replaces = idIn(bytes, 48)
  const end = readU53(view, 56)
  return {
    id: idIn(bytes, 16),
    writer: view.getUint32(24, true),
    ...(predecessor !== NO_SEGMENT && { predecessor: { id: predecessor, end: readU53(view, 40) } }),
    ...(replaces !== NO_SEGMENT && { replaces }),
    ...(end !== 0 && { end }),
  }
}

function idIn(bytes: Uint8Array, at: number): SegmentId {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, 8).toString('hex') as SegmentId
}

export interface FrameToWrite {
  readonly shard: number
  readonly tail: number
  readonly frame: Uint8Array
}

/** Bytes of a group of `count` frames that are `frameBytes` together. */
export function groupBytes(count: number, frameBytes: number): number {
  return align8(GROUP_HEAD_BYTES + count * RECORD_BYTES + frameBytes) + GROUP_FOOT_BYTES
}

/**
 * Builds groups in one scratch buffer that is used again: what `encode` returns holds until the next call. Heads, tables
 * and small frames are laid out in the scratch, large frames stay where they are.
 */
export class GroupEncoder {
  #scratch = Bytes.ofSize(64 * 1024)
  /** The records of the last group, with offsets as if it started at 0. */
  readonly records: SegmentRecord[] = []
  bytes = 0

  encode(id: SegmentId, number: number, frames: readonly FrameToWrite[]): Uint8Array[] {
    const tableEnd = GROUP_HEAD_BYTES + frames.length * RECORD_BYTES
    let copied = tableEnd + 8 + GROUP_FOOT_BYTES
    let total = tableEnd
    for (const { frame } of frames) {
      total += frame.byteLength
      if (frame.byteLength < COPY_BELOW_BYTES) copied += frame.byteLength
    }
    if (this.#scratch.size < copied) this.#scratch = Bytes.ofSize(copied * 2)
    const { u8, view } = this.#scratch
    const padding = align8(total) - total
    this.bytes = total + padding + GROUP_FOOT_BYTES
    this.records.length = 0

    const parts: Uint8Array[] = []
    let offset = tableEnd // in the group
    let laid = tableEnd // in the scratch
    let from = 0
    for (let index = 0; index < frames.length; index++) {
      const { shard, tail, frame } = frames[index]!
      const size = frame.byteLength
      const crc = crc32(frame)
      const at = GROUP_HEAD_BYTES + index * RECORD_BYTES
      writeU53(view, at, tail)
      view.setUint16(at + 6, shard, true)
      view.setUint32(at + 8, size, true)
      view.setUint32(at + 12, crc, true)
      this.records.push({ shard, tail, offset, bytes: size, crc })
      offset += size
      if (size < COPY_BELOW_BYTES) {
        u8.set(frame, laid)
        laid += size
      } else {
        if (laid > from) parts.push(u8.subarray(from, laid))
        parts.push(frame)
        from = laid
      }
    }
    const idBytes = Buffer.from(id, 'hex')
    u8.fill(0, laid, laid + padding)
    u8.set(idBytes, laid + padding)
    parts.push(u8.subarray(from, laid + padding + GROUP_FOOT_BYTES))

    view.setUint32(0, GROUP_MAGIC, true)
    u8.set(idBytes, 8)
    writeU53(view, 16, number)
    view.setUint32(24, this.bytes, true)
    view.setUint32(28, frames.length, true)
    view.setUint32(4, crc32(u8.subarray(8, tableEnd)), true)
    return parts
  }
}

export interface Group {
  readonly at: number
  readonly end: number
  readonly number: number
  /** With offsets from the start of the segment. */
  readonly records: readonly SegmentRecord[]
}

/** Checks the group at `at` completely. Undefined where there is none of this segment and number before `limit`. */
export function decodeGroup(
  segment: Bytes,
  at: number,
  limit: number,
  expected: { readonly id: SegmentId; readonly number?: number },
): Group | undefined {
  const { u8, view } = segment
  if (at + GROUP_HEAD_BYTES > limit || view.getUint32(at, true) !== GROUP_MAGIC) return undefined
  if (idIn(u8, at + 8) !== expected.id) return undefined
  const number = readU53(view, at + 16)
  const end = at + view.getUint32(at + 24, true)
  const footAt = end - GROUP_FOOT_BYTES
  const count = view.getUint32(at + 28, true)
  const tableEnd = at + GROUP_HEAD_BYTES + count * RECORD_BYTES
  if (expected.number !== undefined && number !== expected.number) return undefined
  if (end > limit || tableEnd > footAt || count === 0 || idIn(u8, footAt) !== expected.id) return undefined
  if (crc32(u8.subarray(at + 8, tableEnd)) !== view.getUint32(at + 4, true)) return undefined
  const records: SegmentRecord[] = []
  let offset = tableEnd
  for (let index = 0; index < count; index++) {
    const record = at + GROUP_HEAD_BYTES + index * RECORD_BYTES
    const bytes = view.getUint32(record + 8, true)
    const crc = view.getUint32(record + 12, true)
    if (offset + bytes > footAt || crc32(u8.subarray(offset, offset + bytes)) !== crc) return undefined
    const tail = view.getUint32(record, true) + view.getUint16(record + 4, true) * 0x1_0000_0000
    records.push({ shard: view.getUint16(record + 6, true), tail, offset, bytes, crc })
    offset += bytes
  }
  return at + align8(offset - at) === footAt ? { at, end, number, records } : undefined
}

/** Where a valid group of this segment with at least this number starts at or after `from`; undefined where none does. */
export function findLaterGroup(segment: Bytes, from: number, id: SegmentId, number: number): number | undefined {
  const haystack = Buffer.from(segment.u8.buffer, segment.u8.byteOffset, segment.size)
  const needle = Buffer.from(id, 'hex')
  for (let hit = haystack.indexOf(needle, from); hit >= 0; hit = haystack.indexOf(needle, hit + 1)) {
    const at = hit - 8
    if (at < from || at % 8 !== 0) continue
    const group = decodeGroup(segment, at, segment.size, { id })
    if (group !== undefined && group.number >= number) return at
  }
  return undefined
}
