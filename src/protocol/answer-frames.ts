/**
 * The frames that a server answers with. Each writer appends one whole frame, a multiple of 8 bytes, to `out`.
 *
 * Acks and refusals leave by the hundred thousand, so they are templates: encoded once with the generated builder, then
 * copied and patched. The rest is rare.
 */
import { LIMITS } from '../domain/limits.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { Bytes, type GrowingBytes, readU53, writeU53 } from '../std/bytes.js'
import type {
  HistoryEndFrame,
  InboxFrame,
  LaneName,
  MemberListFrame,
  SkipFrame,
  WelcomeFrame,
} from './decoded-frame.js'
import { encodeFrame } from './encode.js'
import { bodyTableOf, fieldAt } from './table.js'

export interface Ack {
  readonly ref: number
  readonly n: number
  readonly seq: number
  readonly time: number
  /** Bits of AckFlag. */
  readonly flags: number
}

const ACK = encodeFrame({ kind: 'ack', ref: 0, n: 0, seq: 0, time: 0, flags: 0 })
/** Where the AckBody struct lies. */
const ACK_BODY = placesIn(ACK, 1)[0]!

export function writeAck(out: GrowingBytes, ack: Ack): void {
  const at = out.reserve(ACK.length)
  const { u8, view } = out.bytes
  u8.set(ACK, at)
  const body = at + ACK_BODY
  writeU53(view, body, ack.n)
  writeU53(view, body + 8, ack.seq)
  writeU53(view, body + 16, ack.time)
  view.setUint32(body + 24, ack.ref, true)
  view.setUint32(body + 28, ack.flags, true)
}

/** Numbers of a refusal; what it has no use for is 0. */
export interface RefusedRequest {
  readonly ref: number
  readonly n: number
  readonly retryAfterMs: number
  /** With send-gap: the n that the conversation expects of this lane. */
  readonly expected: number
}

/** One frame per name, made when the name is first used. Field 1 is the code, which the template has. */
class RefusalTemplate {
  readonly bytes: Uint8Array
  readonly ref: number
  readonly retryAfterMs: number
  readonly n: number
  readonly expected: number

  constructor(name: RefusalName) {
    const { wire: code, advice } = REFUSALS[name]
    // Numbers that are not 0, because the builder leaves zeros out.
    const full = { ref: 1, n: 1, retryAfterMs: 1, expected: 1 }
    this.bytes = encodeFrame({ kind: 'refusal', code, name, advice, ...full })
    const places = placesIn(this.bytes, 5)
    this.ref = places[0]!
    this.retryAfterMs = places[2]!
    this.n = places[3]!
    this.expected = places[4]!
  }
}

const refusals = new Map<RefusalName, RefusalTemplate>()

export function writeRefusal(out: GrowingBytes, name: RefusalName, request: RefusedRequest): void {
  let template = refusals.get(name)
  if (template === undefined) {
    template = new RefusalTemplate(name)
    refusals.set(name, template)
  }
  const at = out.reserve(template.bytes.length)
  const { u8, view } = out.bytes
  u8.set(template.bytes, at)
  view.setUint32(at + template.ref, request.ref, true)
  view.setUint32(at + template.retryAfterMs, request.retryAfterMs, true)
  writeU53(view, at + template.n, request.n)
  writeU53(view, at + template.expected, request.expected)
}

export function writeSkip(out: GrowingBytes, skip: Omit<SkipFrame, 'kind'>): void {
  out.append(encodeFrame({ kind: 'skip', ...skip }))
}

export function writeHistoryEnd(out: GrowingBytes, end: Omit<HistoryEndFrame, 'kind'>): void {
  out.append(encodeFrame({ kind: 'history-end', ...end }))
}

const NO_INBOX = { ref: 0, incarnation: 0, prev: 0, version: 0, entries: [], more: false, heads: [], headsNext: 0 }

/** What is not said is 0, or none. */
export function writeInbox(out: GrowingBytes, inbox: Partial<Omit<InboxFrame, 'kind'>>): void {
  out.append(encodeFrame({ kind: 'inbox', ...NO_INBOX, ...inbox }))
}

export function writeMemberList(out: GrowingBytes, list: Omit<MemberListFrame, 'kind'>): void {
  out.append(encodeFrame({ kind: 'member-list', ...list }))
}

/** Tells the client its names, its lane, and what it is held to. */
export function writeWelcome(out: GrowingBytes, welcome: Omit<WelcomeFrame, 'kind' | 'limits' | 'heartbeatMs'>): void {
  out.append(encodeFrame({ kind: 'welcome', ...welcome, heartbeatMs: LIMITS.heartbeatMs, limits: LIMITS }))
}

export function writePong(out: GrowingBytes, ref: number, serverTime: number): void {
  out.append(encodeFrame({ kind: 'pong', ref, serverTime }))
}

/** The lane that the Welcome frame at `start` confirms, and its time, which is when the session starts. */
export function readWelcome(bytes: Bytes, start: number): { readonly lane: LaneName; readonly serverTime: number } {
  const { view } = bytes
  const table = bodyTableOf(view, start)
  const at = fieldAt(view, table, 4)
  const lane = { random: view.getBigUint64(at, true), number: view.getUint32(at + 8, true) }
  return { lane, serverTime: readU53(view, fieldAt(view, table, 6)) }
}

/** Where the first `count` fields of the frame's body lie. */
function placesIn(frame: Uint8Array, count: number): number[] {
  const { view } = Bytes.over(frame)
  const table = bodyTableOf(view, 0)
  return Array.from({ length: count }, (_, index) => fieldAt(view, table, index))
}
