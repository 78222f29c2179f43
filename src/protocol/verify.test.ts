import { deepEqual, equal, ok } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, test } from 'vitest'
import { ARBITRARY_CLIENT_FRAMES, arbitraryServerFrame } from '../../test/protocol/arbitrary-frames.js'
import { strictly } from '../../test/protocol/strict-reads.js'
import { isConversationId, isId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { Bytes } from '../std/bytes.js'
import { ClientFrame } from './client-frame.js'
import { encodeContent, type MessageContent } from './content.js'
import { decodeFrame } from './decode.js'
import type { ChangeFrame, EncodableFrame, HelloFrame, HistoryFrame, SendFrame } from './decoded-frame.js'
import { encodeFrame, encodeFrames } from './encode.js'
import { isConversationIdAt, isIdAt, isUtf8At } from './text-bytes.js'
import { refusalOfVerdict, verifyClientFrame } from './verify.js'

const TEXT = new TextEncoder()

describe('what our encoder writes', () => {
  for (const [kind, frames] of Object.entries(ARBITRARY_CLIENT_FRAMES)) {
    test(`a ${kind} passes, and every reader finds in it what was written`, () => {
      fc.assert(
        fc.property(frames, fc.nat(5), (frame, before) => {
          const bytes = framed(frame, 8 * before)
          const start = 8 * before
          ok(verifyClientFrame(bytes, start, bytes.size) > 0)
          deepEqual(decodeFrame(bytes.u8.slice(start)), frame)
          deepEqual(
            strictly(() => decodeFrame(bytes.u8.slice(start))),
            frame,
          )
          deepEqual(readByHand(bytes, start, frame), frame)
        }),
      )
    })
  }

  test('what only a server says is refused', () => {
    const saidByServersOnly = arbitraryServerFrame.filter(({ kind }) => kind !== 'typing')
    fc.assert(fc.property(saidByServersOnly, (frame) => equal(verdictOf(frame), 'bad-frame')))
  })

  test('a frame ends where its size says, and the next one starts there', () => {
    const bytes = Bytes.over(encodeFrames([send(), { kind: 'ping', ref: 2 }]))
    const first = encodeFrame(send()).length
    equal(verifyClientFrame(bytes, 0, bytes.size), 5)
    equal(verifyClientFrame(bytes, first, bytes.size), 3)
    equal(verifyClientFrame(bytes, 0, first - 8), -1101)
  })

  test('a size that is no multiple of 8 is refused, and so is a frame that ends too early', () => {
    const bytes = framed({ kind: 'ping', ref: 1 })
    for (const size of [0, 4, 8, bytes.size - 4, bytes.size - 8, bytes.size - 5]) {
      const shorter = Bytes.over(bytes.u8.slice())
      shorter.view.setUint32(0, size - 4, true)
      equal(verifyClientFrame(shorter, 0, bytes.size), -1101, `${size} of ${bytes.size}`)
    }
    const followed = Bytes.ofSize(bytes.size + 8)
    followed.u8.set(bytes.u8)
    followed.view.setUint32(0, bytes.size + 4 - 4, true)
    equal(verifyClientFrame(followed, 0, followed.size), -1101)
    for (let end = 0; end < bytes.size; end++) equal(verifyClientFrame(bytes, 0, end), -1101)
  })

  test('tables lie at multiples of 4, vtables at multiples of 2 and below 32 KiB', () => {
    const good = { table: 40, vtable: 16, vtableBytes: 4 }
    equal(verdictOfBytes(pingByHand(good)), 'passes')
    equal(verdictOfBytes(pingByHand({ ...good, table: 42 })), 'bad-frame')
    equal(verdictOfBytes(pingByHand({ ...good, vtable: 18 })), 'passes')
    equal(verdictOfBytes(pingByHand({ ...good, vtable: 17 })), 'bad-frame')
    equal(verdictOfBytes(pingByHand({ table: 40, vtable: 64, vtableBytes: 0x7ffe })), 'passes')
    equal(verdictOfBytes(pingByHand({ table: 40, vtable: 64, vtableBytes: 0x8000 })), 'bad-frame')
  })

  test('a body type newer than this build passes, to be skipped', () => {
    const bytes = framed({ kind: 'ping', ref: 1 })
    const typeAt = bytes.u8.findIndex((byte, at) => byte === 3 && at > 15)
    bytes.u8[typeAt] = 77
    equal(verifyClientFrame(bytes, 0, bytes.size), 77)
  })
})

describe('limits come in pairs: the most that passes, and one more', () => {
  const pairs: [string, EncodableFrame, EncodableFrame, string][] = [
    ['body', sized({ body: LIMITS.bodyBytesMax }), sized({ body: LIMITS.bodyBytesMax + 1 }), 'body-too-large'],
    ['content', withRoomFor(81_920), withRoomFor(81_921), 'body-too-large'],
    ['content type', sized({ contentType: 128 }), sized({ contentType: 129 }), 'bad-content'],
    ['preview', sized({ preview: 120 }), sized({ preview: 121 }), 'bad-content'],
    ['mentions', sized({ mentions: 100 }), sized({ mentions: 101 }), 'bad-content'],
    ['mentioned user', mentioning('u'.repeat(64)), mentioning('u'.repeat(65)), 'bad-content'],
    ['group id', send({ conversation: 'g'.repeat(128) }), send({ conversation: 'g'.repeat(129) }), 'bad-id'],
    ['id from below', send({ conversation: 'g' }), send({ conversation: '' }), 'bad-id'],
    ['direct id', direct('a', 'z'.repeat(64)), direct('a', 'z'.repeat(65)), 'bad-id'],
    ['order of a direct id', direct('a', 'ab'), direct('ab', 'a'), 'bad-id'],
    ['kind', send({ conversationKind: 4 }), send({ conversationKind: 5 }), 'bad-id'],
    ['kind from below', send({ conversationKind: 2 }), send({ conversationKind: 0 }), 'bad-id'],
    ['n from below', send({ n: 1 }), send({ n: 0 }), 'bad-frame'],
    ['n', send({ n: 2 ** 53 - 1 }), send({ n: 2 ** 53 }), 'bad-frame'],
    ['users', change({ users: users(500) }), change({ users: users(501) }), 'too-many-users'],
    ['user', change({ users: ['é'.repeat(32)] }), change({ users: ['é'.repeat(32) + 'e'] }), 'bad-id'],
    ['action', change({ action: 4 }), change({ action: 5 }), 'bad-frame'],
    ['action from below', change({ action: 1 }), change({ action: 0 }), 'bad-frame'],
    ['history limit', history({ limit: 200 }), history({ limit: 201 }), 'bad-history'],
    ['history limit from below', history({ limit: 1 }), history({ limit: 0 }), 'bad-history'],
    ['history mode', history({ mode: 2 }), history({ mode: 3 }), 'bad-frame'],
    ['anchor', history({ anchor: 2 ** 53 - 1 }), history({ anchor: 2 ** 53 }), 'bad-frame'],
    ['minSeq', history({ minSeq: 2 ** 53 - 1 }), history({ minSeq: 2 ** 53 }), 'bad-frame'],
    ['token', hello({ token: 't'.repeat(4096) }), hello({ token: 't'.repeat(4097) }), 'bad-token'],
    ['device', hello({ device: 'd'.repeat(64) }), hello({ device: 'd'.repeat(65) }), 'bad-id'],
    ['control characters', send({ conversation: 'a b' }), send({ conversation: 'a\u0000b' }), 'bad-id'],
    ['byte order mark', send({ conversation: 'a\ufeff' }), send({ conversation: '\ufeffa' }), 'bad-id'],
  ]
  for (const [what, most, oneMore, refusal] of pairs) {
    test(what, () => {
      equal(verdictOf(most), 'passes')
      equal(verdictOf(oneMore), refusal)
    })
  }

  test('a content without a message id, or that is none, is refused, and its request can still be read', () => {
    for (const content of [new Uint8Array(0), TEXT.encode('not a FlatBuffer at all!'), withoutMessageId()]) {
      const bytes = framed(send({ n: 41, ref: 17, content }))
      equal(refusalOfVerdict(verifyClientFrame(bytes, 0, bytes.size)), 'bad-content')
      const frame = new ClientFrame()
      frame.readRequest(bytes, 0)
      deepEqual({ n: frame.n, ref: frame.ref }, { n: 41, ref: 17 })
    }
  })
})

describe('rules for text, asked of bytes', () => {
  const anyBytes = fc.uint8Array({ maxLength: 12 })
  const nearText = fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.nat(40), fc.nat(255))
    .map(([text, at, byte]) => {
      const bytes = TEXT.encode(text)
      if (at < bytes.length) bytes[at] = byte
      return bytes
    })
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  test('isUtf8At() agrees with the decoder that browsers have', () => {
    const check = (bytes: Uint8Array) => equal(isUtf8At(bytes, 0, bytes.length), textOf(bytes) !== undefined)
    fc.assert(fc.property(fc.oneof(anyBytes, nearText), check), { numRuns: 5_000 })
    for (let lead = 0x80; lead <= 0xff; lead++) {
      for (let second = 0x70; second <= 0xd0; second++) {
        for (const rest of [[], [0x80], [0xbf, 0xbf], [0x80, 0x80, 0x80]]) check(Uint8Array.of(lead, second, ...rest))
      }
    }
  })

  test('isIdAt() and isConversationIdAt() agree with domain/ids.ts', () => {
    const unit = fc.constantFrom('a', 'b', 'é', '漢', '🙂', '\u001f', '\u007f', '\u0000', ' ')
    const texts = fc.oneof(fc.string({ unit, maxLength: 8 }), fc.string({ unit: fc.constantFrom('a', 'é', '\u001f') }))
    const check = (text: string) => {
      const bytes = TEXT.encode(text)
      equal(isIdAt(bytes, 0, bytes.length, 8), isId(text, 8))
      for (const kind of [0, 1, 2, 3, 4] as const) {
        equal(isConversationIdAt(bytes, kind, 0, bytes.length), isConversationId(kind, text))
      }
    }
    fc.assert(fc.property(texts, check), { numRuns: 5_000 })
  })

  function textOf(bytes: Uint8Array): string | undefined {
    try {
      return decoder.decode(bytes)
    } catch {
      return undefined
    }
  }
})

function verdictOf(frame: EncodableFrame): string {
  return verdictOfBytes(framed(frame))
}

function verdictOfBytes(bytes: Bytes): string {
  const verdict = verifyClientFrame(bytes, 0, bytes.size)
  return verdict > 0 ? 'passes' : refusalOfVerdict(verdict)
}

/** The frame's bytes behind `before` bytes of something else. */
function framed(frame: EncodableFrame, before = 0): Bytes {
  const encoded = encodeFrame(frame)
  const bytes = Bytes.ofSize(before + encoded.length)
  bytes.u8.fill(0xee, 0, before)
  bytes.u8.set(encoded, before)
  return bytes
}

function readByHand(bytes: Bytes, start: number, like: EncodableFrame): unknown {
  const read = new ClientFrame()
  read.read(bytes, start)
  const place = () => ({ conversationKind: read.conversationKind, conversation: read.conversation(bytes) })
  const { kind } = like
  const { ref, n, action, mode, anchor, limit, minSeq } = read
  switch (kind) {
    case 'hello': {
      const lane = { number: read.laneNumber, random: read.laneRandom }
      return { kind, ref, token: read.token(bytes), device: read.device(bytes), lane }
    }
    case 'send':
      return { kind, ref, n, ...place(), content: bytes.u8.slice(read.contentStart, read.contentEnd) }
    case 'change':
      return { kind, ref, n, ...place(), action, users: read.users(bytes) }
    case 'void':
      return { kind, ref, n, ...place() }
    case 'history':
      return { kind, ref, ...place(), mode, anchor, limit, minSeq }
    case 'mark': {
      const { seq, ordinal, set, flags, incarnation } = read
      return { kind, ref, n, ...place(), seq, ordinal, set, flags, incarnation }
    }
    case 'resume': {
      const { incarnation, version, headsFrom, eventsMax } = read
      return { kind, ref, incarnation, version, headsFrom, eventsMax }
    }
    case 'members':
      return { kind, ref, ...place(), after: anchor, limit, wantsOnline: read.wantsOnline }
    case 'typing':
      return { kind, ref, ...place(), user: '' }
    case 'watch':
      return { kind, ref, users: read.users(bytes) }
    case 'sign-out':
      return { kind, ref, device: read.device(bytes) }
    default:
      return { kind, ref }
  }
}

/** A Ping without fields, its body's table and vtable at these places. */
function pingByHand(body: { table: number; vtable: number; vtableBytes: number }): Bytes {
  const bytes = Bytes.ofSize(40_000)
  const { view } = bytes
  view.setUint32(0, bytes.size - 4, true)
  view.setUint32(4, 20, true)
  for (const [index, value] of [8, 12, 8, 4].entries()) view.setUint16(8 + 2 * index, value, true)
  view.setInt32(24, 24 - 8, true)
  view.setUint32(28, body.table - 28, true)
  view.setUint8(32, 3)
  view.setUint16(body.vtable, body.vtableBytes, true)
  view.setUint16(body.vtable + 2, 4, true)
  view.setInt32(body.table, body.table - body.vtable, true)
  return bytes
}

const AT_LUNCH = { conversationKind: 2, conversation: 'lunch' }

function send(fields: Partial<SendFrame> = {}): SendFrame {
  return { kind: 'send', ref: 1, n: 1, ...AT_LUNCH, content: encodeContent({ messageId: 1n }), ...fields }
}

function change(fields: Partial<ChangeFrame>): ChangeFrame {
  return { kind: 'change', ref: 1, n: 1, ...AT_LUNCH, action: 2, users: [], ...fields }
}

function history(fields: Partial<HistoryFrame>): HistoryFrame {
  return { kind: 'history', ref: 1, ...AT_LUNCH, mode: 0, anchor: 0, limit: 1, minSeq: 0, ...fields }
}

function hello(fields: Partial<HelloFrame>): HelloFrame {
  return { kind: 'hello', ref: 1, token: 't', device: 'd', lane: { number: 0, random: 1n }, ...fields }
}

function direct(a: string, b: string): SendFrame {
  return send({ conversationKind: 1, conversation: `${a}\u001f${b}` })
}

function users(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}`)
}

function mentioning(user: string): SendFrame {
  return send({ content: encodeContent({ messageId: 1n, mentions: ['bob', user] }) })
}

function sized(sizes: { body?: number; contentType?: number; preview?: number; mentions?: number }): SendFrame {
  const content: MessageContent = {
    messageId: 1n,
    mentions: users(sizes.mentions ?? 0),
    contentType: 't'.repeat(sizes.contentType ?? 0),
    preview: 'p'.repeat(sizes.preview ?? 0),
    body: new Uint8Array(sizes.body ?? 0),
  }
  return send({ content: encodeContent(content) })
}

/** A content of `size` bytes, most of them of no field. */
function withRoomFor(size: number): SendFrame {
  const content = new Uint8Array(size)
  content.set(encodeContent({ messageId: 1n }))
  return send({ content })
}

function withoutMessageId(): Uint8Array {
  const content = encodeContent({ messageId: 1n })
  const { view } = Bytes.over(content)
  const table = view.getUint32(0, true)
  view.setUint16(table - view.getInt32(table, true) + 4, 0, true)
  return content
}
