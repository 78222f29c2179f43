/**
 * The embedded store's keys and small values, as bytes. Changing any of them is a new format version.
 *
 *   01                                       meta
 *   02  shard u16                            snapshot
 *   03  actor 00                             row        (actor: the ActorKey in UTF-8; ids hold no U+0000, so 00 ends it)
 *   03  actor 00  page u32                   page       (row and pages of an actor are one range)
 *   04  actor 00  last seq u64  first u64    block of the timeline
 *
 * Keys are big-endian, so that byte order is number order, and a range that starts at (actor, X, 0) starts at the block
 * holding seq X. The first seq stands in the key, not before the events, so that a block is stored without being
 * copied. Rows and snapshots carry a CRC-32; pages and blocks are the caller's bytes and nothing else.
 */
import { crc32 } from 'node:zlib'
import type { ActorKey, Seq, ShardId } from '../../domain/ids.js'
import type { Position } from '../../domain/position.js'
import { readU53, writeU53 } from '../../std/bytes.js'
import type { Snapshot } from '../message-store.js'

const SNAPSHOT = 2
const ACTOR = 3
const TIMELINE = 4

const PAGE_KEY_SUFFIX = 4
const BLOCK_KEY_SUFFIX = 16
const POSITION_SIZE = 16
const ROW_HEAD_SIZE = POSITION_SIZE + 4
const SNAPSHOT_SIZE = POSITION_SIZE + 20
const TWO_32 = 0x1_0000_0000

export const META_KEY = Buffer.from([1])

export function snapshotKey(shard: ShardId): Buffer {
  return Buffer.from([SNAPSHOT, shard >>> 8, shard & 0xff])
}

/** The keys of one actor; its name is encoded once for all of them. */
export class ActorKeys {
  readonly #name: Buffer

  constructor(key: ActorKey) {
    this.#name = Buffer.from(key, 'utf8')
  }

  row(): Buffer {
    return this.#key(ACTOR, 0, 0)
  }

  page(number: number): Buffer {
    const key = this.#key(ACTOR, 0, PAGE_KEY_SUFFIX)
    key.writeUInt32BE(number, key.length - PAGE_KEY_SUFFIX)
    return key
  }

  block(firstSeq: Seq, lastSeq: Seq): Buffer {
    const key = this.#key(TIMELINE, 0, BLOCK_KEY_SUFFIX)
    const at = key.length - BLOCK_KEY_SUFFIX
    writeU53BE(key, at, lastSeq)
    writeU53BE(key, at + 8, firstSeq)
    return key
  }

  /** Above every row and page, or every block, of this actor and below those of any other. */
  endOfRows(): Buffer {
    return this.#key(ACTOR, 1, 0)
  }

  endOfBlocks(): Buffer {
    return this.#key(TIMELINE, 1, 0)
  }

  #key(prefix: number, terminator: number, suffixSize: number): Buffer {
    const name = this.#name
    const key = Buffer.allocUnsafe(name.length + 2 + suffixSize)
    key[0] = prefix
    key.set(name, 1)
    key[name.length + 1] = terminator
    return key
  }
}

/** The page's number, or undefined for the key of a row. `rowKey` is the row's key of the same actor. */
export function pageOfKey(key: Buffer, rowKey: Buffer): number | undefined {
  return key.length === rowKey.length ? undefined : key.readUInt32BE(rowKey.length)
}

export function seqsOfBlockKey(key: Buffer): { firstSeq: Seq; lastSeq: Seq } {
  const at = key.length - BLOCK_KEY_SUFFIX
  return { lastSeq: readU53BE(key, at), firstSeq: readU53BE(key, at + 8) }
}

export function encodeRow(position: Position, row: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(ROW_HEAD_SIZE + row.byteLength)
  writePosition(viewOf(bytes), position)
  bytes.set(row, ROW_HEAD_SIZE)
  bytes.writeUInt32LE(rowCrc(bytes), POSITION_SIZE)
  return bytes
}

/** Shares memory with `bytes`; undefined where they are not a row. */
export function decodeRow(bytes: Uint8Array): { position: Position; row: Uint8Array } | undefined {
  if (bytes.byteLength < ROW_HEAD_SIZE) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(POSITION_SIZE, true) !== rowCrc(bytes)) return undefined
  return { position: readPosition(view), row: bytes.subarray(ROW_HEAD_SIZE) }
}

export function encodeSnapshot({ position, epoch, chain, tail }: Snapshot): Buffer {
  const bytes = Buffer.allocUnsafe(SNAPSHOT_SIZE)
  const view = viewOf(bytes)
  writePosition(view, position)
  view.setUint32(16, epoch, true)
  view.setUint32(20, chain, true)
  writeU53(view, 24, tail)
  view.setUint32(32, crc32(bytes.subarray(0, 32)), true)
  return bytes
}

export function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  const view = viewOf(bytes)
  if (bytes.byteLength !== SNAPSHOT_SIZE || view.getUint32(32, true) !== crc32(bytes.subarray(0, 32))) return undefined
  return {
    position: readPosition(view),
    epoch: view.getUint32(16, true),
    chain: view.getUint32(20, true),
    tail: readU53(view, 24),
  }
}

/** The end of the event that starts at `at`, with its size prefix, or undefined where the bytes end before it does. */
export function endOfEvent(view: DataView, at: number): number | undefined {
  if (at + 4 > view.byteLength) return undefined
  const end = at + 4 + view.getUint32(at, true)
  return end > view.byteLength ? undefined : end
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function rowCrc(bytes: Uint8Array): number {
  return crc32(bytes.subarray(ROW_HEAD_SIZE), crc32(bytes.subarray(0, POSITION_SIZE)))
}

function writePosition(view: DataView, { logIncarnation, batchNo, index }: Position): void {
  view.setUint32(0, logIncarnation, true)
  view.setUint32(4, index, true)
  writeU53(view, 8, batchNo)
}

function readPosition(view: DataView): Position {
  return { logIncarnation: view.getUint32(0, true), batchNo: readU53(view, 8), index: view.getUint32(4, true) }
}

function writeU53BE(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32BE((value / TWO_32) >>> 0, at)
  bytes.writeUInt32BE(value >>> 0, at + 4)
}

function readU53BE(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}
