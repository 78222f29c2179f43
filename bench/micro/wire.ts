/**
 * Nanoseconds per frame of the wire's hot paths, for a Send with a body of 256 bytes: verify, read, hash, write the
 * event, write the ack; beside them what the generated builder takes.
 *
 *   npx tsx bench/micro/wire.ts
 */
import { writeAck, writeRefusal } from '../../src/protocol/answer-frames.js'
import { ClientFrame } from '../../src/protocol/client-frame.js'
import { encodeContent } from '../../src/protocol/content.js'
import { contentHash } from '../../src/protocol/content-hash.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { EventTemplate, readEvent } from '../../src/protocol/event-frame.js'
import { verifyClientFrame } from '../../src/protocol/verify.js'
import { Bytes, GrowingBytes } from '../../src/std/bytes.js'

const RUN_MS = 300

const content = encodeContent({
  messageId: 0x0123_4567_89ab_cdef_0123_4567_89ab_cdefn,
  contentType: 'text/plain',
  preview: 'See you at noon?',
  body: new Uint8Array(256).fill(0x61),
})
const place = { conversationKind: 1, conversation: 'alice-0001\u001fbob-0002' }
const send = { kind: 'send', ref: 7, n: 41, ...place, content } as const
const bytes = Bytes.over(encodeFrame(send).slice())
const frame = new ClientFrame()
frame.read(bytes, 0)

const template = new EventTemplate({ app: 'shop', ...place, from: 'alice-0001', device: 'phone' })
const stamp = {
  ...{ seq: 41, time: 1_770_000_000_000, ordinal: 40, memberSeq: 1, n: 41, laneRandom: 0xfedc_ba98_7654_3210n },
  ...{ lane: 1, incarnation: 1, hash: 0x1234_5678, eventKind: 1 },
}
const out = new GrowingBytes(1 << 20)
const event = new GrowingBytes()
template.write(event, stamp, bytes, frame.contentStart, frame.contentEnd)
const ack = { ref: 7, n: 41, seq: 41, time: stamp.time, flags: 0 }
const refused = { ref: 7, n: 41, retryAfterMs: 0, expected: 0 }

const paths: Record<string, () => unknown> = {
  'verify a Send': () => verifyClientFrame(bytes, 0, bytes.size),
  'read a Send': () => frame.read(bytes, 0),
  'its conversation as a string': () => frame.conversation(bytes),
  'hash its content': () => contentHash(bytes, frame.contentStart, frame.contentEnd),
  'write the event': () => template.write(emptied(), stamp, bytes, frame.contentStart, frame.contentEnd),
  'write the ack': () => writeAck(emptied(), ack),
  'write a refusal': () => writeRefusal(emptied(), 'not-member', refused),
  'read the event back': () => readEvent(event.bytes, 0),
  'encode a Send (builder)': () => encodeFrame(send),
}

for (const [name, path] of Object.entries(paths)) {
  measure(path)
  process.stdout.write(`${name.padEnd(32)} ${measure(path).toFixed(0).padStart(6)} ns\n`)
}
process.stdout.write(`Send ${bytes.size} bytes, Event ${event.size} bytes\n`)

/** Room for one more, as in a batch that is being filled. */
function emptied(): GrowingBytes {
  if (out.size > 200_000) out.clear()
  return out
}

function measure(path: () => unknown): number {
  const start = performance.now()
  let runs = 0
  let elapsed = 0
  do {
    for (let left = 1000; left > 0; left--) path()
    runs += 1000
    elapsed = performance.now() - start
  } while (elapsed < RUN_MS)
  return (elapsed * 1e6) / runs
}
