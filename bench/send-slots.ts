/**
 * One client's Send frames, encoded once: `count` equal frames in a row, behind room for the WebSocket header. A message
 * is sent by writing its n, ref and id into the next of them; encoding and copying would cost more than all the rest.
 *
 * Where the numbers lie is found by encoding known ones, so that the encoder may lay frames out as it likes.
 */
import { LIMITS } from '../src/domain/limits.js'
import { encodeContent } from '../src/protocol/content.js'
import { encodeFrame } from '../src/protocol/encode.js'
import { Bytes, writeU53 } from '../src/std/bytes.js'
import { HEADER_BYTES_MAX } from './connection.js'

export interface Letter {
  readonly conversationKind: number
  /** They take turns; all ids are of one length. */
  readonly conversations: readonly string[]
  /** Number of the sending client; with n it makes the message id, and read-back knows every id without a table. */
  readonly client: number
  readonly body: Uint8Array
}

/** Upper half of every message id, so that ids of the bench are recognized in a dump. */
const ID_HIGH = 0x7061726c_62656e63n
const MARK_N = 0x1a2b3c4d5e6f7
const MARK_REF = 0x9e3779b1
const MARK_ID_LOW = 0xc2b2ae35_85ebca6bn

export class SendSlots {
  readonly bytes: Bytes
  readonly frameBytes: number
  /** As many as are here and fit into one WebSocket message. */
  readonly countMax: number
  readonly #request: number
  readonly #idLow: number
  /** Where the id of the conversation lies; the ids, where there are several. */
  readonly #conversation: number
  readonly #conversations: readonly Uint8Array[]

  constructor(letter: Letter, count: number) {
    const frame = sendFrame(letter, { n: MARK_N, ref: MARK_REF, idLow: MARK_ID_LOW })
    this.countMax = Math.min(count, Math.floor(LIMITS.messageBytesMax / frame.length))
    this.frameBytes = frame.length
    this.#request = placeOf(frame, requestMark())
    this.#idLow = placeOf(frame, idMark(MARK_ID_LOW))
    this.#conversations = letter.conversations.map((conversation) => Buffer.from(conversation))
    this.#conversation = this.#conversations.length > 1 ? placeOf(frame, this.#conversations[0]!) : 0
    this.bytes = Bytes.ofSize(HEADER_BYTES_MAX + count * frame.length)
    for (let slot = 0; slot < count; slot++) {
      this.bytes.u8.set(frame, this.start(slot))
      this.bytes.view.setUint32(this.start(slot) + this.#idLow + 4, letter.client, true)
    }
  }

  start(slot: number): number {
    return HEADER_BYTES_MAX + slot * this.frameBytes
  }

  /** `place` is the message's in all that the client says, from 1; the n of its conversation follows from it. */
  write(slot: number, place: number, ref: number): void {
    const start = this.start(slot)
    const { view } = this.bytes
    const conversations = this.#conversations
    writeU53(view, start + this.#request, Math.floor((place - 1) / conversations.length) + 1)
    view.setUint32(start + this.#request + 8, ref, true)
    view.setUint32(start + this.#idLow, place, true)
    if (conversations.length === 1) return
    this.bytes.u8.set(conversations[(place - 1) % conversations.length]!, start + this.#conversation)
  }
}

/** The id that `client` gives the message at `place` in all that it says. */
export function messageIdOf(client: number, place: number): bigint {
  return (ID_HIGH << 64n) | (BigInt(client) << 32n) | BigInt(place)
}

/** A body that is the same in every run; incompressible, so that no layer below gets it cheaper. */
export function bodyOf(client: number, size: number): Uint8Array {
  const body = new Uint8Array(size)
  let state = (client + 1) * 0x9e3779b1
  for (let at = 0; at < size; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39
    body[at] = state >>> 24
  }
  return body
}

function sendFrame(letter: Letter, numbers: { n: number; ref: number; idLow: bigint }): Uint8Array {
  const messageId = (ID_HIGH << 64n) | numbers.idLow
  const content = encodeContent({ messageId, contentType: 'application/octet-stream', body: letter.body })
  const { conversationKind } = letter
  const conversation = letter.conversations[0]!
  return encodeFrame({ kind: 'send', ref: numbers.ref, n: numbers.n, conversationKind, conversation, content })
}

function requestMark(): Uint8Array {
  const mark = Bytes.ofSize(12)
  writeU53(mark.view, 0, MARK_N)
  mark.view.setUint32(8, MARK_REF, true)
  return mark.u8
}

function idMark(low: bigint): Uint8Array {
  const mark = Bytes.ofSize(8)
  mark.view.setBigUint64(0, low, true)
  return mark.u8
}

function placeOf(frame: Uint8Array, mark: Uint8Array): number {
  const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  const at = buffer.indexOf(mark)
  if (at < 0 || buffer.indexOf(mark, at + 1) >= 0)
    throw new Error('Cannot find where the encoder puts a number of Send')
  return at
}
