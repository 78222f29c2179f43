/**
 * The log frame: one append to a shard's log (rules §2, schemas/log.fbs).
 *
 * A FrameHead of 64 bytes, then records, each a RecordHead of 8 bytes and its payload, padded to 8. A takeover
 * barrier is written blind, before the log was read, so its batch number, epoch and chain are assigned by readers;
 * `LogReader` is the one place that does so, for recovery and for resolving alike.
 */
import { crc32 } from 'node:zlib'
import { CorruptionError } from '../domain/errors.js'
import type { Position } from '../domain/position.js'
import { align8, type Bytes, Bytes as BytesOf, type GrowingBytes, readU53, writeU53 } from '../std/bytes.js'
import type { LoggedFrame, Tail } from './shard-log.js'

export const FRAME_HEAD_BYTES = 64
export const RECORD_HEAD_BYTES = 8

const MAGIC = 0x594c5250 // "PRLY"
const VERSION = 1

const AT = {
  magic: 0,
  version: 4,
  kind: 5,
  shard: 6,
  owner: 8,
  attemptOf: 16,
  after: 24,
  batchNo: 32,
  logIncarnation: 40,
  epoch: 44,
  chain: 48,
  count: 52,
  bytes: 56,
  crc: 60,
} as const

export const FrameKind = { events: 1, barrier: 2, serve: 3, release: 4, carry: 5 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

export const RecordKind = { event: 1, refused: 2, voided: 3, laneOpened: 4, heads: 5, marked: 6, marker: 7 } as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

export interface FrameHead {
  readonly kind: FrameKind
  readonly shard: number
  readonly owner: bigint
  readonly attemptOf: bigint
  readonly after: Tail
  readonly batchNo: number
  readonly logIncarnation: number
  readonly epoch: number
  readonly chain: number
  readonly count: number
}

/** Writes the head at the start of `frame`, whose records are already in place after FRAME_HEAD_BYTES. */
export function sealFrame(frame: Bytes, size: number, head: FrameHead): Uint8Array {
  const { u8, view } = frame
  view.setUint32(AT.magic, MAGIC, true)
  u8[AT.version] = VERSION
  u8[AT.kind] = head.kind
  view.setUint16(AT.shard, head.shard, true)
  view.setBigUint64(AT.owner, head.owner, true)
  view.setBigUint64(AT.attemptOf, head.attemptOf, true)
  writeU53(view, AT.after, head.after)
  writeU53(view, AT.batchNo, head.batchNo)
  view.setUint32(AT.logIncarnation, head.logIncarnation, true)
  view.setUint32(AT.epoch, head.epoch, true)
  view.setUint32(AT.chain, head.chain, true)
  view.setUint32(AT.count, head.count, true)
  view.setUint32(AT.bytes, size - FRAME_HEAD_BYTES, true)
  view.setUint32(AT.crc, 0, true)
  const sealed = u8.subarray(0, size)
  view.setUint32(AT.crc, crc32(sealed), true)
  return sealed
}

/** A frame without records: barrier, serve, release, carry. */
export function emptyFrame(head: Omit<FrameHead, 'count'>): Uint8Array {
  return sealFrame(BytesOf.ofSize(FRAME_HEAD_BYTES), FRAME_HEAD_BYTES, { ...head, count: 0 })
}

/** Reads and checks a frame's head. Throws CorruptionError. */
export function readHead(bytes: Uint8Array, where: string): FrameHead {
  const { view, u8 } = BytesOf.over(bytes)
  if (bytes.length < FRAME_HEAD_BYTES || view.getUint32(AT.magic, true) !== MAGIC) {
    throw new CorruptionError(`Cannot read log frame ${where}: no frame begins here`)
  }
  if (u8[AT.version] !== VERSION) throw new CorruptionError(`Cannot read log frame ${where}: version ${u8[AT.version]}`)
  const size = FRAME_HEAD_BYTES + view.getUint32(AT.bytes, true)
  if (size !== bytes.length)
    throw new CorruptionError(`Cannot read log frame ${where}: ${bytes.length} bytes of ${size}`)
  if (view.getUint32(AT.crc, true) !== crcOf(bytes))
    throw new CorruptionError(`Cannot read log frame ${where}: CRC differs`)
  return {
    kind: u8[AT.kind] as FrameKind,
    shard: view.getUint16(AT.shard, true),
    owner: view.getBigUint64(AT.owner, true),
    attemptOf: view.getBigUint64(AT.attemptOf, true),
    after: readU53(view, AT.after),
    batchNo: readU53(view, AT.batchNo),
    logIncarnation: view.getUint32(AT.logIncarnation, true),
    epoch: view.getUint32(AT.epoch, true),
    chain: view.getUint32(AT.chain, true),
    count: view.getUint32(AT.count, true),
  }
}

const ZERO_CRC = new Uint8Array(4)

function crcOf(frame: Uint8Array): number {
  const head = crc32(ZERO_CRC, crc32(frame.subarray(0, AT.crc)))
  return crc32(frame.subarray(FRAME_HEAD_BYTES), head)
}

/** The chain after a frame, from the chain before it. */
export function nextChain(chain: number, frame: Uint8Array): number {
  return crc32(frame.subarray(0, FRAME_HEAD_BYTES), chain)
}

/** Begins a record at the end of `out`; its payload is appended next, then `endRecord` is called with what this returns. */
export function beginRecord(out: GrowingBytes): number {
  return out.reserve(RECORD_HEAD_BYTES)
}

/** Ends the record begun at `head`: everything appended since is its payload. */
export function endRecord(out: GrowingBytes, head: number, kind: RecordKind): void {
  const payload = head + RECORD_HEAD_BYTES
  const bytes = out.size - payload
  const padding = align8(bytes) - bytes
  if (padding > 0) out.bytes.u8.fill(0, out.reserve(padding), out.size)
  out.bytes.view.setUint32(head, bytes, true)
  out.bytes.view.setUint32(head + 4, kind, true)
}

export interface LogRecord {
  readonly kind: RecordKind
  readonly start: number
  readonly end: number
}

/** The records of a checked frame, in order; offsets are into the frame. */
export function* recordsOf(frame: Bytes, count: number): Generator<LogRecord> {
  let at = FRAME_HEAD_BYTES
  for (let index = 0; index < count; index++) {
    const record = recordAt(frame, at)
    yield record
    at = align8(record.end)
  }
}

/** The records in [start, end) of a buffer of ours. */
export function* recordsIn(bytes: Bytes, start: number, end: number): Generator<LogRecord> {
  for (let at = start; at < end; ) {
    const record = recordAt(bytes, at)
    yield record
    at = start + align8(record.end - start)
  }
}

function recordAt(bytes: Bytes, at: number): LogRecord {
  const start = at + RECORD_HEAD_BYTES
  return { kind: bytes.u8[at + 4] as RecordKind, start, end: start + bytes.view.getUint32(at, true) }
}

/** Where a reader of a shard's log stands: everything up to and including the frame at `tail`. */
export interface LogPlace {
  readonly tail: Tail
  readonly batchNo: number
  readonly epoch: number
  readonly chain: number
  readonly logIncarnation: number
}

/** `unlinked`: the frame does not follow the place we stand at; the log lost something, or the read was stale. */
export type Followed =
  | { readonly kind: 'followed'; readonly place: LogPlace; readonly head: FrameHead; readonly position: Position }
  | { readonly kind: 'unlinked'; readonly head: FrameHead }

/** One step of reading a shard's log: checks that `frame` follows `place` without a gap, and names its position. */
export function follow(place: LogPlace, frame: LoggedFrame): Followed {
  const head = readHead(frame.bytes, `at tail ${frame.tail}`)
  const blind = head.kind === FrameKind.barrier
  const linked =
    head.after === place.tail && (blind || (head.chain === place.chain && head.batchNo === place.batchNo + 1))
  if (!linked) return { kind: 'unlinked', head }
  const next: LogPlace = {
    tail: frame.tail,
    batchNo: place.batchNo + 1,
    epoch: blind ? place.epoch : head.epoch,
    chain: nextChain(place.chain, frame.bytes),
    logIncarnation: blind ? place.logIncarnation : head.logIncarnation,
  }
  return {
    kind: 'followed',
    place: next,
    head,
    position: { logIncarnation: next.logIncarnation, batchNo: next.batchNo, index: 0 },
  }
}
