/**
 * Frames with a few bytes changed: what still passes must decode in every client, and in what the server makes of it.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { ByteBuffer } from 'flatbuffers'
import { test } from 'vitest'
import { strictly } from '../../test/protocol/strict-reads.js'
import { Bytes, GrowingBytes } from '../std/bytes.js'
import { type Random, seededRandom } from '../std/random.js'
import { ClientFrame } from './client-frame.js'
import { decodeContent, encodeContent } from './content.js'
import { decodeFrame, decodeFrames } from './decode.js'
import type { EncodableFrame } from './decoded-frame.js'
import { encodeFrame } from './encode.js'
import { EventTemplate } from './event-frame.js'
import { Content } from './generated/parley/wire.js'
import { refusalOfVerdict, verifyClientFrame } from './verify.js'
import { BODY_TYPE_MAX, BodyType } from './wire-numbers.js'

const MUTATIONS = 60_000
/** What a broken or hostile encoder is likely to write. */
const TELLING = [0, 1, 2, 3, 4, 5, 7, 8, 0x0a, 0x1f, 0x20, 0x7f, 0x80, 0xbf, 0xc2, 0xed, 0xf0, 0xf8, 0xfc, 0xff]
const STEPS = [-8, -4, -2, -1, 1, 2, 4, 8]

const body = new Uint8Array(40).fill(7)
const full = encodeContent({
  messageId: 1n << 70n,
  contentType: 'text/plain',
  mentions: ['bob', 'çelik'],
  preview: 'Hi 🙂',
  body,
})
const place = { conversationKind: 2, conversation: 'lunch' }
const direct = { conversationKind: 1, conversation: 'alice\u001fbob' }
const SAMPLES: EncodableFrame[] = [
  { kind: 'hello', ref: 1, token: 'a.b.c', device: 'phone', lane: { number: 3, random: 2n ** 63n } },
  { kind: 'ping', ref: 9 },
  { kind: 'send', ref: 2, n: 1, ...place, content: full },
  { kind: 'send', ref: 2, n: 2 ** 40, ...direct, content: full },
  { kind: 'send', ref: 2, n: 1, ...place, content: encodeContent({ messageId: 5n }) },
  { kind: 'change', ref: 3, n: 2, ...place, action: 2, users: ['bob', 'carol', 'çelik'] },
  { kind: 'change', ref: 3, n: 2, ...place, action: 3, users: [] },
  { kind: 'void', ref: 4, n: 3, ...direct },
  { kind: 'history', ref: 5, ...place, mode: 1, anchor: 2 ** 52, limit: 50, minSeq: 7 },
]

const template = new EventTemplate({ app: 'shop', ...place, from: 'alice', device: 'phone' })
const stamp = {
  ...{ seq: 1, time: 2, ordinal: 3, memberSeq: 4, n: 5, laneRandom: 6n },
  ...{ lane: 7, incarnation: 8, hash: 9, eventKind: 1 },
}

test(`${MUTATIONS} mutated frames either are refused or decode everywhere`, () => {
  const random = seededRandom(20_260)
  const encoded = SAMPLES.map(encodeFrame)
  const verdicts = new Map<string, number>()
  const readers = new ClientFrame()
  strictly(() => {
    for (let round = 0; round < MUTATIONS; round++) {
      const bytes = mutated(encoded[round % encoded.length]!, random)
      const verdict = verifyClientFrame(bytes, 0, bytes.size)
      const name = verdict > 0 ? 'passes' : refusalOfVerdict(verdict)
      verdicts.set(name, (verdicts.get(name) ?? 0) + 1)
      if (name !== 'bad-frame' && verdict <= BODY_TYPE_MAX) readers.readRequest(bytes, 0)
      if (verdict < 0 || verdict > BODY_TYPE_MAX) continue
      try {
        check(bytes, verdict, readers)
      } catch (error) {
        throw new Error(`round ${round}: ${Buffer.from(bytes.u8).toString('hex')}`, { cause: error })
      }
    }
  })
  ok(verdicts.get('passes')! > MUTATIONS / 10, `too few pass to prove anything: ${JSON.stringify([...verdicts])}`)
  for (const name of ['bad-frame', 'bad-id', 'bad-content', 'bad-history']) {
    ok(verdicts.get(name)! > 100, `${name} never happened: ${JSON.stringify([...verdicts])}`)
  }
})

function check(bytes: Bytes, type: number, read: ClientFrame): void {
  const frame = decodeFrame(bytes.u8.subarray(0, 4 + bytes.view.getUint32(0, true)))
  read.read(bytes, 0)
  equal(read.type, type)
  if ('n' in frame) equal(read.n, frame.n)
  if ('ref' in frame) equal(read.ref, frame.ref)
  if ('conversation' in frame) {
    equal(read.conversation(bytes), frame.conversation)
    equal(read.conversationKind, frame.conversationKind)
  }
  if (frame.kind === 'change') deepEqual(read.users(bytes), frame.users)
  if (frame.kind === 'hello') deepEqual([read.token(bytes), read.device(bytes)], [frame.token, frame.device])
  if (type !== BodyType.send || frame.kind !== 'send') return

  const out = new GrowingBytes(1024)
  template.write(out, stamp, bytes, read.contentStart, read.contentEnd)
  const [event] = decodeFrames(out.written())
  ok(event?.kind === 'event' && event.content !== undefined)
  deepEqual(event.content, new Uint8Array(frame.content))
  ok(event.content.byteOffset % 8 === 0)
  decodeContent(event.content)
  const content = Content.getRootAsContent(new ByteBuffer(event.content))
  for (let index = 0; index < content.bodyLength(); index++) content.body(index)
}

/** One to four bytes changed, or the end cut off, now and then both. */
function mutated(frame: Uint8Array, random: Random): Bytes {
  const dice = random.uint32() % 20
  const cut = dice === 0 ? frame.slice(0, random.uint32() % frame.length) : frame.slice()
  for (let left = 1 + (random.uint32() % 4); left > 0 && dice !== 1 && cut.length > 0; left--) {
    const at = random.uint32() % cut.length
    const how = random.uint32() % 3
    const telling = TELLING[random.uint32() % TELLING.length]!
    cut[at] = how === 0 ? random.uint32() : how === 1 ? telling : cut[at]! + STEPS[random.uint32() % STEPS.length]!
  }
  return Bytes.over(cut)
}
