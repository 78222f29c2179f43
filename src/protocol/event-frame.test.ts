import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { Bytes, GrowingBytes } from '../std/bytes.js'
import { decodeContent, encodeContent } from './content.js'
import { decodeFrames } from './decode.js'
import { EVENT, EventTemplate, readEvent, writeMembershipEvent } from './event-frame.js'
import { bodyTypeOf, frameBytes } from './table.js'
import { BodyType, EventKind } from './wire-numbers.js'

const IDENTITY = { app: 'shop', conversation: 'lunch', conversationKind: 2, from: 'alice', device: 'phone' }
const STAMP = {
  seq: 7,
  time: 1_770_000_000_123,
  ordinal: 5,
  memberSeq: 2,
  n: 2 ** 53 - 1,
  laneRandom: 0xfedc_ba98_7654_3210n,
  lane: 3,
  incarnation: 1,
  hash: 0xffff_fffe,
  eventKind: EventKind.message,
}
const TEXT = new TextEncoder()

test('EventTemplate writes what the generated code reads, wherever the frame starts and whatever lay there', () => {
  const template = new EventTemplate(IDENTITY)
  const out = new GrowingBytes(64)
  out.append(new Uint8Array(4096).fill(0xaa))
  out.clear()
  const contents = ['', 'a', 'seven..', 'eight...', 'nine.....'].map((text) => TEXT.encode(text))
  const around = new GrowingBytes(16)
  for (const content of contents) {
    around.clear()
    around.append(TEXT.encode('[before]'))
    around.append(content)
    around.append(TEXT.encode('[after]'))
    const start = template.write(out, STAMP, around.bytes, 8, 8 + content.length)
    equal(start % 8, 0)
    equal(frameBytes(out.bytes, start), out.size - start)
    equal(bodyTypeOf(out.bytes, start), BodyType.event)
    const facts = readEvent(out.bytes, start)
    equal(facts.contentStart % 8, 0)
    deepEqual(facts, {
      ...IDENTITY,
      ...STAMP,
      users: [],
      contentStart: facts.contentStart,
      contentEnd: facts.contentEnd,
    })
    equal(facts.contentEnd - facts.contentStart, content.length)
    const padding = out.bytes.u8.subarray(facts.contentEnd, out.size)
    deepEqual([...padding], new Array(padding.length).fill(0))
  }
  const expected = contents.map((content) => ({ kind: 'event', ...IDENTITY, ...STAMP, users: [], content }))
  deepEqual(decodeFrames(out.written()), expected)
})

test('an event without content has none, and one with users names them', () => {
  const out = new GrowingBytes()
  new EventTemplate(IDENTITY).write(out, STAMP)
  const joined = { ...STAMP, eventKind: EventKind.joined }
  const users = ['bob', 'Zoë', '会員']
  const second = writeMembershipEvent(out, IDENTITY, joined, users)
  const hello = encodeContent({ messageId: 9n, body: TEXT.encode('hello') })
  const third = writeMembershipEvent(out, IDENTITY, joined, users, hello)
  const bare = { kind: 'event', ...IDENTITY, users, content: undefined }
  deepEqual(decodeFrames(out.written()), [
    { ...bare, ...STAMP, users: [] },
    { ...bare, ...joined },
    { ...bare, ...joined, content: hello.slice() },
  ])
  deepEqual(readEvent(out.bytes, second), { ...IDENTITY, ...joined, users, contentStart: 0, contentEnd: 0 })
  const { contentStart, contentEnd } = readEvent(out.bytes, third)
  deepEqual(decodeContent(out.bytes.u8.subarray(contentStart, contentEnd)).messageId, 9n)
})

test('the stamp lies at the places that EVENT names, in every kind of event', () => {
  for (const users of [undefined, ['bob'], ['bob', 'carol', 'a longer name than those']]) {
    for (const conversation of ['c', 'a-conversation', 'alice\u001fbob']) {
      const out = new GrowingBytes()
      new EventTemplate({ ...IDENTITY, conversation }, users).write(out, STAMP, Bytes.ofSize(16), 0, 16)
      const { view } = out.bytes
      equal(view.getUint32(EVENT.seq, true), STAMP.seq)
      equal(view.getUint32(EVENT.ordinal, true), STAMP.ordinal)
      equal(view.getUint32(EVENT.memberSeq, true), STAMP.memberSeq)
      equal(view.getBigUint64(EVENT.time, true), BigInt(STAMP.time))
      equal(view.getBigUint64(EVENT.n, true), BigInt(STAMP.n))
      equal(view.getBigUint64(EVENT.laneRandom, true), STAMP.laneRandom)
      equal(view.getUint32(EVENT.lane, true), STAMP.lane)
      equal(view.getUint32(EVENT.incarnation, true), STAMP.incarnation)
      equal(view.getUint32(EVENT.hash, true), STAMP.hash)
      equal(view.getUint16(EVENT.eventKind, true), STAMP.eventKind)
      equal(view.getUint8(EVENT.conversationKind), IDENTITY.conversationKind)
      equal(view.getUint8(EVENT.flags), 0)
    }
  }
})
