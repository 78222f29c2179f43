/**
 * The frame of a timeline event, as the server writes it: encoded once, then the same bytes in the log, in the store
 * and on every device's wire.
 *
 * It is an ordinary FlatBuffer, laid out so that nobody needs to look for anything: size prefix, root, both vtables and
 * the Event table with its Stamp come first, at the same places in every frame (`EVENT`); then the strings; the content
 * comes last, its first byte at a multiple of 8, so that its own numbers are aligned wherever the frame is. A frame's
 * size is a multiple of 8. Stored frames keep this layout for ever.
 */
import { align8, Bytes, GrowingBytes, readU53, writeU53 } from '../std/bytes.js'
import { bodyTableOf, fieldAt, textField, textsField, vectorAt } from './table.js'
import { BodyType } from './wire-numbers.js'

const FRAME_VTABLE = 8
const EVENT_VTABLE = 16
const FRAME_TABLE = 36
const EVENT_TABLE = 52
const STAMP = 56
/** Offsets to the strings and vectors, in the order of the schema. */
const OFFSETS = 120
const HEAD_BYTES = 144

/** Where the owner's numbers lie, from the frame's start (its size prefix). 64-bit ones are below 2^53, but for
 *  `laneRandom`. */
export const EVENT = {
  seq: STAMP,
  time: STAMP + 8,
  ordinal: STAMP + 16,
  memberSeq: STAMP + 24,
  n: STAMP + 32,
  laneRandom: STAMP + 40,
  lane: STAMP + 48,
  incarnation: STAMP + 52,
  hash: STAMP + 56,
  eventKind: STAMP + 60,
  conversationKind: STAMP + 62,
  flags: STAMP + 63,
} as const

/** Who did what where: what all events of one device in one conversation have in common. */
export interface EventIdentity {
  readonly app: string
  readonly conversation: string
  readonly conversationKind: number
  readonly from: string
  readonly device: string
}

/** What the owner says of one event. */
export interface EventStamp {
  readonly seq: number
  readonly time: number
  readonly ordinal: number
  readonly memberSeq: number
  readonly n: number
  readonly laneRandom: bigint
  readonly lane: number
  readonly incarnation: number
  readonly hash: number
  readonly eventKind: number
}

export interface EventFacts extends EventIdentity, EventStamp {
  readonly users: readonly string[]
  /** The content's range in the buffer that was read; both 0 where there is none. */
  readonly contentStart: number
  readonly contentEnd: number
}

/** Field numbers of Event. */
const FIELD = { stamp: 0, app: 1, conversation: 2, from: 3, device: 4, users: 5, content: 6 } as const

const CONTENT_ENTRY = vtableEntry(FIELD.content)
const CONTENT_OFFSET = offsetSlot(FIELD.content)

/** Everything of an Event frame but its stamp and content, made once and then copied. */
export class EventTemplate {
  /** Up to the content's first byte. */
  readonly #prefix: Uint8Array
  /** The frame ends here where there is no content. */
  readonly #bareBytes: number

  constructor(identity: EventIdentity, users?: readonly string[]) {
    const prefix = prefixOf(identity, users)
    this.#prefix = prefix.bytes
    this.#bareBytes = prefix.bareBytes
  }

  /** Appends one event with `content` of [contentStart, contentEnd) to `out`; returns where the frame starts in it. */
  write(out: GrowingBytes, stamp: EventStamp, content?: Bytes, contentStart = 0, contentEnd = 0): number {
    const prefix = this.#prefix
    const contentAt = prefix.length
    const contentBytes = contentEnd - contentStart
    const total = content === undefined ? this.#bareBytes : align8(contentAt + contentBytes)
    const start = out.reserve(total)
    const { u8, view } = out.bytes
    if (content === undefined) {
      u8.set(prefix.subarray(0, total), start)
      view.setUint16(start + CONTENT_ENTRY, 0, true)
      view.setUint32(start + CONTENT_OFFSET, 0, true)
    } else {
      u8.set(prefix, start)
      view.setUint32(start + contentAt - 4, contentBytes, true)
      if (contentBytes > 0) {
        // The padding is zero; the content then covers the rest of these eight bytes.
        view.setUint32(start + total - 8, 0, true)
        view.setUint32(start + total - 4, 0, true)
        u8.set(content.u8.subarray(contentStart, contentEnd), start + contentAt)
      }
    }
    view.setUint32(start, total - 4, true)
    writeStamp(view, start, stamp)
    return start
  }
}

/** Appends an event that is about `users`; returns where the frame starts in `out`. */
export function writeMembershipEvent(
  out: GrowingBytes,
  identity: EventIdentity,
  stamp: EventStamp,
  users: readonly string[],
  content?: Uint8Array,
): number {
  const template = new EventTemplate(identity, users)
  if (content === undefined) return template.write(out, stamp)
  return template.write(out, stamp, Bytes.over(content), 0, content.byteLength)
}

/** Everything that the event at `start` says; for recovery, where every event is looked at once. */
export function readEvent(bytes: Bytes, start: number): EventFacts {
  const { view } = bytes
  const table = bodyTableOf(view, start)
  const stamp = fieldAt(view, table, FIELD.stamp) - STAMP
  const content = vectorAt(view, table, FIELD.content)
  const contentStart = content === 0 ? 0 : content + 4
  return {
    app: textField(bytes, table, FIELD.app),
    conversation: textField(bytes, table, FIELD.conversation),
    conversationKind: view.getUint8(stamp + EVENT.conversationKind),
    from: textField(bytes, table, FIELD.from),
    device: textField(bytes, table, FIELD.device),
    seq: readU53(view, stamp + EVENT.seq),
    time: readU53(view, stamp + EVENT.time),
    ordinal: readU53(view, stamp + EVENT.ordinal),
    memberSeq: readU53(view, stamp + EVENT.memberSeq),
    n: readU53(view, stamp + EVENT.n),
    laneRandom: view.getBigUint64(stamp + EVENT.laneRandom, true),
    lane: view.getUint32(stamp + EVENT.lane, true),
    incarnation: view.getUint32(stamp + EVENT.incarnation, true),
    hash: view.getUint32(stamp + EVENT.hash, true),
    eventKind: view.getUint16(stamp + EVENT.eventKind, true),
    users: textsField(bytes, table, FIELD.users),
    contentStart,
    contentEnd: content === 0 ? 0 : contentStart + view.getUint32(content, true),
  }
}

function writeStamp(view: DataView, start: number, stamp: EventStamp): void {
  writeU53(view, start + EVENT.seq, stamp.seq)
  writeU53(view, start + EVENT.time, stamp.time)
  writeU53(view, start + EVENT.ordinal, stamp.ordinal)
  writeU53(view, start + EVENT.memberSeq, stamp.memberSeq)
  writeU53(view, start + EVENT.n, stamp.n)
  view.setBigUint64(start + EVENT.laneRandom, stamp.laneRandom, true)
  view.setUint32(start + EVENT.lane, stamp.lane, true)
  view.setUint32(start + EVENT.incarnation, stamp.incarnation, true)
  view.setUint32(start + EVENT.hash, stamp.hash, true)
  view.setUint16(start + EVENT.eventKind, stamp.eventKind, true)
}

const utf8 = new TextEncoder()
/** The texts of the frame that is being made: memory of its own for each would count toward full collections (ADR 89). */
const texts = new GrowingBytes(1024)

function encoded(text: string): Uint8Array {
  const start = texts.reserve(3 * text.length)
  const { written } = utf8.encodeInto(text, texts.bytes.u8.subarray(start))
  texts.size = start + written
  return texts.bytes.u8.subarray(start, start + written)
}

interface Prefix {
  readonly bytes: Uint8Array
  readonly bareBytes: number
}

function prefixOf(identity: EventIdentity, users: readonly string[] | undefined): Prefix {
  texts.clear()
  const ids = [identity.app, identity.conversation, identity.from, identity.device].map(encoded)
  const names = users?.map(encoded)
  let end = HEAD_BYTES
  for (const text of ids) end += textBytes(text)
  if (names !== undefined) end += 4 + 4 * names.length
  for (const name of names ?? []) end += textBytes(name)
  const bytes = Bytes.over(pooled(align8(end + 4)))
  const { view } = bytes
  writeHead(view)

  let at = HEAD_BYTES
  for (const [index, text] of ids.entries()) {
    link(view, offsetSlot(FIELD.app + index), at)
    at = writeText(bytes, at, text)
  }
  if (names === undefined) {
    view.setUint16(vtableEntry(FIELD.users), 0, true)
  } else {
    link(view, offsetSlot(FIELD.users), at)
    at = writeTexts(bytes, at, names)
  }
  link(view, CONTENT_OFFSET, bytes.size - 4)
  view.setUint8(EVENT.conversationKind, identity.conversationKind)
  return { bytes: bytes.u8, bareBytes: align8(end) }
}

/** Templates are small, and thousands are alive: some share a buffer, as Node's own small ones do. */
const POOL_BYTES = 8192
let pool = new ArrayBuffer(POOL_BYTES)
let pooledBytes = 0

/** Zeroed. */
function pooled(size: number): Uint8Array {
  if (size > POOL_BYTES / 2) return new Uint8Array(size)
  if (pooledBytes + size > POOL_BYTES) {
    pool = new ArrayBuffer(POOL_BYTES)
    pooledBytes = 0
  }
  pooledBytes += size
  return new Uint8Array(pool, pooledBytes - size, size)
}

/** Root, vtables and tables, with every field present. */
function writeHead(view: DataView): void {
  link(view, 4, FRAME_TABLE)
  const bodyOffset = FRAME_TABLE + 4
  const bodyType = FRAME_TABLE + 8
  for (const [index, value] of [8, 12, bodyType - FRAME_TABLE, bodyOffset - FRAME_TABLE].entries()) {
    view.setUint16(FRAME_VTABLE + 2 * index, value, true)
  }
  view.setInt32(FRAME_TABLE, FRAME_TABLE - FRAME_VTABLE, true)
  link(view, bodyOffset, EVENT_TABLE)
  view.setUint8(bodyType, BodyType.event)

  view.setUint16(EVENT_VTABLE, vtableEntry(FIELD.content) + 2 - EVENT_VTABLE, true)
  view.setUint16(EVENT_VTABLE + 2, HEAD_BYTES - EVENT_TABLE, true)
  view.setUint16(vtableEntry(FIELD.stamp), STAMP - EVENT_TABLE, true)
  for (let field: number = FIELD.app; field <= FIELD.content; field++) {
    view.setUint16(vtableEntry(field), offsetSlot(field) - EVENT_TABLE, true)
  }
  view.setInt32(EVENT_TABLE, EVENT_TABLE - EVENT_VTABLE, true)
}

function vtableEntry(field: number): number {
  return EVENT_VTABLE + 4 + 2 * field
}

function offsetSlot(field: number): number {
  return OFFSETS + 4 * (field - 1)
}

function link(view: DataView, from: number, to: number): void {
  view.setUint32(from, to - from, true)
}

/** Of a string with its length, its NUL and the padding to 4. */
function textBytes(text: Uint8Array): number {
  return 4 + ((text.length + 4) & ~3)
}

function writeText(bytes: Bytes, at: number, text: Uint8Array): number {
  bytes.view.setUint32(at, text.length, true)
  bytes.u8.set(text, at + 4)
  return at + textBytes(text)
}

function writeTexts(bytes: Bytes, at: number, texts: readonly Uint8Array[]): number {
  bytes.view.setUint32(at, texts.length, true)
  let slot = at + 4
  at = slot + 4 * texts.length
  for (const text of texts) {
    link(bytes.view, slot, at)
    slot += 4
    at = writeText(bytes, at, text)
  }
  return at
}
