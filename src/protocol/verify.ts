/**
 * Decides whether a client's frame may be believed: after a pass, every reader of ours and of other clients finds each
 * known field inside the frame, aligned, of the right form and within its limits.
 *
 * FlatBuffers' own verifiers (C++, Rust) ask the same of a buffer; JavaScript has none. Fields may share bytes, since
 * nobody writes into a client's frame: what is stored is a copy of the content behind a prefix of ours. Numbers of 64
 * bits are below 2^53, but for lane randoms and message ids. Offsets are unsigned but read as signed by some, so vtables
 * and tables stay below 32 KiB. Fields that are newer than this build are not looked at.
 */
import { ID_BYTES_MAX } from '../domain/ids.js'
import { KiB, LIMITS } from '../domain/limits.js'
import { REFUSALS, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import { assert } from '../std/assert.js'
import type { Bytes } from '../std/bytes.js'
import { fieldAt } from './table.js'
import { isConversationIdAt, isIdAt, isUtf8At } from './text-bytes.js'
import { BODY_TYPE_MAX, BodyType, ChangeAction, HistoryMode } from './wire-numbers.js'

const BAD_FRAME = -REFUSALS['bad-frame'].wire
const BAD_ID = -REFUSALS['bad-id'].wire
const BAD_CONTENT = -REFUSALS['bad-content'].wire
const BODY_TOO_LARGE = -REFUSALS['body-too-large'].wire
const BAD_HISTORY = -REFUSALS['bad-history'].wire
const BAD_TOKEN = -REFUSALS['bad-token'].wire
const TOO_MANY_USERS = -REFUSALS['too-many-users'].wire

/** A content's bytes beside its body: 100 mentions of 64 bytes take 7.2 KiB; the rest is room for newer fields. */
const CONTENT_BYTES_MAX = LIMITS.bodyBytesMax + 16 * KiB

/** Positions are above both. */
const ABSENT = 0
const BROKEN = -1

/**
 * The body type of the frame at `start` of a message that ends at `end`, after a pass; a type above BODY_TYPE_MAX is to
 * be skipped. Below 0 it is refused (`refusalOfVerdict`), and then only `ClientFrame.readRequest` may read it. After
 * bad-frame nothing may, nor what follows in the message.
 */
export function verifyClientFrame(bytes: Bytes, start: number, end: number): number {
  const { view } = bytes
  if (start + 16 > end) return BAD_FRAME
  const size = 4 + view.getUint32(start, true)
  if ((size & 7) !== 0 || start + size > end) return BAD_FRAME
  end = start + size
  const frame = tableFrom(view, start, start + 4, end)
  if (frame <= ABSENT) return BAD_FRAME
  const typeAt = fieldIn(view, start, frame, 0, 1, 1)
  const bodyAt = fieldIn(view, start, frame, 1, 4, 4)
  if (typeAt <= ABSENT || bodyAt <= ABSENT) return BAD_FRAME
  const type = view.getUint8(typeAt)
  if (type > BODY_TYPE_MAX) return type
  const body = tableFrom(view, start, bodyAt, end)
  if (body <= ABSENT) return BAD_FRAME
  switch (type) {
    case BodyType.send:
      return sendVerdict(bytes, start, body, end)
    case BodyType.change:
      return changeVerdict(bytes, start, body, end)
    case BodyType.void:
      return voidVerdict(bytes, start, body, end)
    case BodyType.mark:
      return markVerdict(bytes, start, body, end)
    case BodyType.history:
      return historyVerdict(bytes, start, body, end)
    case BodyType.members:
      return membersVerdict(bytes, start, body, end)
    case BodyType.hello:
      return helloVerdict(bytes, start, body, end)
    case BodyType.resume:
      return resumeVerdict(view, start, body)
    case BodyType.typing:
      if (fieldIn(view, start, body, 0, 4, 4) === BROKEN || textIn(bytes, start, body, 3, end) === BROKEN)
        return BAD_FRAME
      return conversationVerdict(bytes, start, body, end, 1, type)
    case BodyType.watch:
      if (fieldIn(view, start, body, 0, 4, 4) === BROKEN) return BAD_FRAME
      return usersVerdict(bytes, start, body, end, 1, LIMITS.watchedUsersMax, type)
    case BodyType.signOut:
      return signOutVerdict(bytes, start, body, end)
    case BodyType.ping:
      return fieldIn(view, start, body, 0, 4, 4) === BROKEN ? BAD_FRAME : type
    default:
      return BAD_FRAME // what only a server says
  }
}

/** What to answer where `verifyClientFrame` returned a number below 0. */
export function refusalOfVerdict(verdict: number): RefusalName {
  const name = refusalOfWire(-verdict)
  assert(name !== undefined, `not a refusal: ${verdict}`)
  return name
}

function sendVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  if (!hasRequest(view, base, table)) return BAD_FRAME
  const verdict = conversationVerdict(bytes, base, table, end, 1, BodyType.send)
  if (verdict < 0) return verdict
  const content = vectorIn(view, base, table, 3, 1, end)
  if (content <= ABSENT) return BAD_FRAME
  const contentBytes = view.getUint32(content, true)
  if (contentBytes > CONTENT_BYTES_MAX) return BODY_TOO_LARGE
  const verdictOfContent = contentVerdict(bytes, content + 4, content + 4 + contentBytes)
  return verdictOfContent < 0 ? verdictOfContent : BodyType.send
}

/** 0, or below 0 a refusal of the Content in [start, end), a FlatBuffer of its own that clients get as it is. */
function contentVerdict(bytes: Bytes, start: number, end: number): number {
  const { view, u8 } = bytes
  if (start + 8 > end) return BAD_CONTENT
  const table = tableFrom(view, start, start, end)
  if (table <= ABSENT || fieldIn(view, start, table, 0, 16, 8) <= ABSENT) return BAD_CONTENT

  const contentType = textIn(bytes, start, table, 1, end)
  if (contentType === BROKEN || !isShortText(bytes, contentType, LIMITS.contentTypeBytesMax)) return BAD_CONTENT
  const preview = textIn(bytes, start, table, 3, end)
  if (preview === BROKEN || !isShortText(bytes, preview, LIMITS.previewBytesMax)) return BAD_CONTENT

  const mentions = vectorIn(view, start, table, 2, 4, end)
  if (mentions === BROKEN) return BAD_CONTENT
  if (mentions !== ABSENT) {
    const count = view.getUint32(mentions, true)
    if (count > LIMITS.mentionsMax) return BAD_CONTENT
    for (let at = mentions + 4; at < mentions + 4 + 4 * count; at += 4) {
      const user = textFrom(bytes, start, at, end)
      if (user === BROKEN) return BAD_CONTENT
      if (!isIdAt(u8, user + 4, user + 4 + view.getUint32(user, true), ID_BYTES_MAX)) return BAD_CONTENT
    }
  }

  const body = vectorIn(view, start, table, 4, 1, end)
  if (body === BROKEN) return BAD_CONTENT
  return body !== ABSENT && view.getUint32(body, true) > LIMITS.bodyBytesMax ? BODY_TOO_LARGE : 0
}

function changeVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  if (!hasRequest(view, base, table)) return BAD_FRAME
  const actionAt = fieldIn(view, base, table, 1, 1, 1)
  if (actionAt <= ABSENT) return BAD_FRAME
  const action = view.getUint8(actionAt)
  if (action < ChangeAction.create || action > ChangeAction.kick) return BAD_FRAME
  const verdict = conversationVerdict(bytes, base, table, end, 2, BodyType.change)
  if (verdict < 0) return verdict
  return usersVerdict(bytes, base, table, end, 4, LIMITS.usersPerChangeMax, BodyType.change)
}

/** Checks the users in this field, at most so many; `type` where they are fine. */
function usersVerdict(
  bytes: Bytes,
  base: number,
  table: number,
  end: number,
  field: number,
  usersMax: number,
  type: number,
): number {
  const { view, u8 } = bytes
  const users = vectorIn(view, base, table, field, 4, end)
  if (users === BROKEN) return BAD_FRAME
  if (users === ABSENT) return type
  const count = view.getUint32(users, true)
  if (count > usersMax) return TOO_MANY_USERS
  for (let at = users + 4; at < users + 4 + 4 * count; at += 4) {
    const user = textFrom(bytes, base, at, end)
    if (user === BROKEN) return BAD_FRAME
    if (!isIdAt(u8, user + 4, user + 4 + view.getUint32(user, true), ID_BYTES_MAX)) return BAD_ID
  }
  return type
}

function signOutVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  if (fieldIn(bytes.view, base, table, 0, 4, 4) === BROKEN) return BAD_FRAME
  const device = textIn(bytes, base, table, 1, end)
  if (device <= ABSENT) return BAD_FRAME
  const idEnd = device + 4 + bytes.view.getUint32(device, true)
  return isIdAt(bytes.u8, device + 4, idEnd, ID_BYTES_MAX) ? BodyType.signOut : BAD_ID
}

/** A void of a Mark names kind 0 and an empty conversation. */
function voidVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  if (!hasRequest(view, base, table)) return BAD_FRAME
  const kindAt = fieldIn(view, base, table, 1, 1, 1)
  const conversation = textIn(bytes, base, table, 2, end)
  const isOfInbox = (kindAt === ABSENT || (kindAt > ABSENT && view.getUint8(kindAt) === 0)) && conversation > ABSENT
  if (isOfInbox && view.getUint32(conversation, true) === 0) return BodyType.void
  return conversationVerdict(bytes, base, table, end, 1, BodyType.void)
}

function markVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  if (!hasRequest(view, base, table)) return BAD_FRAME
  const seqAt = fieldIn(view, base, table, 3, 8, 8)
  const ordinalAt = fieldIn(view, base, table, 4, 8, 8)
  const setAt = fieldIn(view, base, table, 5, 2, 2)
  const flagsAt = fieldIn(view, base, table, 6, 2, 2)
  const incarnationAt = fieldIn(view, base, table, 7, 4, 4)
  if (seqAt < 0 || ordinalAt < 0 || setAt < 0 || flagsAt < 0 || incarnationAt < 0) return BAD_FRAME
  if ((seqAt > ABSENT && !isU53(view, seqAt)) || (ordinalAt > ABSENT && !isU53(view, ordinalAt))) return BAD_FRAME
  return conversationVerdict(bytes, base, table, end, 1, BodyType.mark)
}

function historyVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  const refAt = fieldIn(view, base, table, 0, 4, 4)
  const modeAt = fieldIn(view, base, table, 1, 1, 1)
  const anchorAt = fieldIn(view, base, table, 4, 8, 8)
  const limitAt = fieldIn(view, base, table, 5, 4, 4)
  const minSeqAt = fieldIn(view, base, table, 6, 8, 8)
  if (refAt < 0 || modeAt < 0 || anchorAt < 0 || limitAt < 0 || minSeqAt < 0) return BAD_FRAME
  if (modeAt > ABSENT && view.getUint8(modeAt) > HistoryMode.around) return BAD_FRAME
  if ((anchorAt > ABSENT && !isU53(view, anchorAt)) || (minSeqAt > ABSENT && !isU53(view, minSeqAt))) return BAD_FRAME
  const verdict = conversationVerdict(bytes, base, table, end, 2, BodyType.history)
  if (verdict < 0) return verdict
  const limit = limitAt === ABSENT ? 0 : view.getUint32(limitAt, true)
  return limit < 1 || limit > LIMITS.historyLimitMax ? BAD_HISTORY : BodyType.history
}

function resumeVerdict(view: DataView, base: number, table: number): number {
  const versionAt = fieldIn(view, base, table, 2, 8, 8)
  for (const field of [0, 1, 3, 4]) if (fieldIn(view, base, table, field, 4, 4) === BROKEN) return BAD_FRAME
  return versionAt === BROKEN || (versionAt > ABSENT && !isU53(view, versionAt)) ? BAD_FRAME : BodyType.resume
}

function membersVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view } = bytes
  const refAt = fieldIn(view, base, table, 0, 4, 4)
  const afterAt = fieldIn(view, base, table, 3, 4, 4)
  const limitAt = fieldIn(view, base, table, 4, 4, 4)
  if (refAt < 0 || afterAt < 0 || limitAt < 0 || fieldIn(view, base, table, 5, 1, 1) < 0) return BAD_FRAME
  const verdict = conversationVerdict(bytes, base, table, end, 1, BodyType.members)
  if (verdict < 0) return verdict
  const limit = limitAt === ABSENT ? 0 : view.getUint32(limitAt, true)
  return limit < 1 || limit > LIMITS.membersLimitMax ? BAD_HISTORY : BodyType.members
}

function helloVerdict(bytes: Bytes, base: number, table: number, end: number): number {
  const { view, u8 } = bytes
  if (fieldIn(view, base, table, 0, 4, 4) === BROKEN) return BAD_FRAME
  if (fieldIn(view, base, table, 3, 16, 8) <= ABSENT) return BAD_FRAME
  const token = textIn(bytes, base, table, 1, end)
  const device = textIn(bytes, base, table, 2, end)
  if (token <= ABSENT || device <= ABSENT) return BAD_FRAME
  if (!isShortText(bytes, token, LIMITS.tokenBytesMax)) return BAD_TOKEN
  return isIdAt(u8, device + 4, device + 4 + view.getUint32(device, true), ID_BYTES_MAX) ? BodyType.hello : BAD_ID
}

/** The Request struct in field 0: there, n from 1 and below 2^53. */
function hasRequest(view: DataView, base: number, table: number): boolean {
  const at = fieldIn(view, base, table, 0, 16, 8)
  return at > ABSENT && isU53(view, at) && (view.getUint32(at, true) | view.getUint32(at + 4, true)) !== 0
}

/** Checks the kind in `kindField` and the conversation's id behind it; `type` where both are fine. */
function conversationVerdict(
  bytes: Bytes,
  base: number,
  table: number,
  end: number,
  kindField: number,
  type: number,
): number {
  const { view } = bytes
  const kindAt = fieldIn(view, base, table, kindField, 1, 1)
  const conversation = textIn(bytes, base, table, kindField + 1, end)
  if (kindAt === BROKEN || conversation <= ABSENT) return BAD_FRAME
  const kind = kindAt === ABSENT ? 0 : view.getUint8(kindAt)
  const idEnd = conversation + 4 + view.getUint32(conversation, true)
  return isConversationIdAt(bytes.u8, kind, conversation + 4, idEnd) ? type : BAD_ID
}

function isShortText(bytes: Bytes, text: number, bytesMax: number): boolean {
  if (text === ABSENT) return true
  const size = bytes.view.getUint32(text, true)
  return size <= bytesMax && isUtf8At(bytes.u8, text + 4, text + 4 + size)
}

function isU53(view: DataView, at: number): boolean {
  return view.getUint32(at + 4, true) < 0x20_0000
}

/** The table that the offset at `at` points to, its vtable and fields in bounds; or BROKEN. */
function tableFrom(view: DataView, base: number, at: number, end: number): number {
  const table = at + view.getUint32(at, true)
  if (((table - base) & 3) !== 0 || table + 4 > end) return BROKEN
  const vtable = table - view.getInt32(table, true)
  if (vtable < base || ((vtable - base) & 1) !== 0 || vtable + 4 > end) return BROKEN
  const vtableBytes = view.getUint16(vtable, true)
  if (vtableBytes < 4 || vtableBytes > 0x7fff || (vtableBytes & 1) !== 0 || vtable + vtableBytes > end) return BROKEN
  const tableBytes = view.getUint16(vtable + 2, true)
  return tableBytes < 4 || tableBytes > 0x7fff || table + tableBytes > end ? BROKEN : table
}

/** Where a field of `size` bytes lies in a table that passed, ABSENT, or BROKEN. */
function fieldIn(view: DataView, base: number, table: number, index: number, size: number, alignment: number): number {
  const at = fieldAt(view, table, index)
  if (at === ABSENT) return ABSENT
  const tableBytes = view.getUint16(table - view.getInt32(table, true) + 2, true)
  return at + size > table + tableBytes || ((at - base) & (alignment - 1)) !== 0 ? BROKEN : at
}

/** The vector in this field, its items in bounds; ABSENT; or BROKEN. */
function vectorIn(view: DataView, base: number, table: number, index: number, itemBytes: number, end: number): number {
  const at = fieldIn(view, base, table, index, 4, 4)
  if (at <= ABSENT) return at
  const vector = at + view.getUint32(at, true)
  if (vector === at || ((vector - base) & 3) !== 0 || vector + 4 > end) return BROKEN
  return vector + 4 + itemBytes * view.getUint32(vector, true) > end ? BROKEN : vector
}

/** The string in this field, in bounds and closed by a NUL; ABSENT; or BROKEN. */
function textIn(bytes: Bytes, base: number, table: number, index: number, end: number): number {
  const at = fieldIn(bytes.view, base, table, index, 4, 4)
  return at <= ABSENT ? at : textFrom(bytes, base, at, end)
}

function textFrom(bytes: Bytes, base: number, at: number, end: number): number {
  const { view } = bytes
  const text = at + view.getUint32(at, true)
  if (text === at || ((text - base) & 3) !== 0 || text + 4 > end) return BROKEN
  const close = text + 4 + view.getUint32(text, true)
  return close >= end || bytes.u8[close] !== 0 ? BROKEN : text
}
