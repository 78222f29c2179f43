import { deepEqual, equal } from 'node:assert/strict'
import * as fc from 'fast-check'
import { test } from 'vitest'
import { arbitraryServerFrame } from '../../test/protocol/arbitrary-frames.js'
import { strictly } from '../../test/protocol/strict-reads.js'
import { LIMITS } from '../domain/limits.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { GrowingBytes } from '../std/bytes.js'
import * as answers from './answer-frames.js'
import { decodeFrame, decodeFrames } from './decode.js'
import { encodeFrame } from './encode.js'
import * as wire from './generated/parley/wire.js'
import { frameBytes } from './table.js'
import * as numbers from './wire-numbers.js'

test('acks and refusals decode to what was written, each number in its place', () => {
  const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const name = fc.constantFrom(...(Object.keys(REFUSALS) as RefusalName[]))
  const refused = fc.record({ ref: u32, n: fc.maxSafeNat(), retryAfterMs: u32, expected: fc.maxSafeNat() })
  const acked = fc.record({ ref: u32, n: fc.maxSafeNat(), seq: fc.maxSafeNat(), time: fc.maxSafeNat(), flags: u32 })
  const property = fc.property(name, refused, acked, (why, request, ack) => {
    const out = new GrowingBytes(16)
    answers.writeAck(out, ack)
    answers.writeRefusal(out, why, request)
    answers.writeAck(out, ack)
    const { wire: code, advice } = REFUSALS[why]
    const acks = { kind: 'ack', ...ack }
    const refusal = { kind: 'refusal', code, name: why, advice, ...request }
    deepEqual(decodeFrames(out.written()), [acks, refusal, acks])
    equal(out.size % 8, 0)
  })
  fc.assert(property)
})

test('the rare answers decode to what was written', () => {
  const out = new GrowingBytes(16)
  const place = { ref: 9, conversationKind: 3, conversation: 'news' }
  const lane = { number: 4, random: 2n ** 64n - 1n }
  const welcome = { ref: 1, app: 'shop', user: 'alice', device: 'phone', lane, serverTime: 5 }
  answers.writeWelcome(out, welcome)
  const second = out.size
  answers.writePong(out, 2, 6)
  answers.writeSkip(out, { ...place, from: 3, to: 4 })
  answers.writeHistoryEnd(out, { ...place, from: 3, completeTo: 8, head: 9 })
  const [first, ...rest] = decodeFrames(out.written())
  equal(first?.kind === 'welcome' && first.heartbeatMs, LIMITS.heartbeatMs)
  equal(first?.kind === 'welcome' && first.limits.bodyBytesMax, LIMITS.bodyBytesMax)
  deepEqual(rest, [
    { kind: 'pong', ref: 2, serverTime: 6 },
    { kind: 'skip', ...place, from: 3, to: 4 },
    { kind: 'history-end', ...place, from: 3, completeTo: 8, head: 9 },
  ])
  deepEqual(answers.readWelcome(out.bytes, 0), { lane, serverTime: welcome.serverTime })
  equal(frameBytes(out.bytes, 0), second)
})

test('what a server says comes back the same, and reads as strict readers want it', () => {
  const property = fc.property(arbitraryServerFrame, (frame) => {
    const bytes = encodeFrame(frame)
    equal(bytes.length % 8, 0)
    deepEqual(decodeFrame(bytes), frame)
    deepEqual(
      strictly(() => decodeFrame(bytes)),
      frame,
    )
  })
  fc.assert(property)
})

test('a number beyond 2^53 is not rounded in silence, and half a frame is not read', () => {
  const bytes = encodeFrame({
    kind: 'skip',
    ref: 0,
    conversationKind: 2,
    conversation: 'c',
    from: 2 ** 53,
    to: 2 ** 53,
  })
  fc.assert(fc.property(fc.nat(bytes.length - 1), (size) => size === 0 || throws(bytes.subarray(0, size))))
  equal(throws(bytes), true)

  function throws(input: Uint8Array): boolean {
    try {
      decodeFrames(input)
      return false
    } catch (error) {
      return error instanceof RangeError
    }
  }
})

test('hand-written numbers are those of the schema', () => {
  const same = (ours: object, generated: object, skipped: string[] = []) => {
    const plain = (name: string) => name.toLowerCase()
    const entries = Object.entries(generated).filter(([, value]) => typeof value === 'number')
    const theirs = entries.map(([name, value]) => [plain(name), value]).filter(([name]) => !skipped.includes(`${name}`))
    deepEqual(
      Object.fromEntries(Object.entries(ours).map(([name, value]) => [plain(name), value])),
      Object.fromEntries(theirs),
    )
  }
  same(numbers.BodyType, wire.Body, ['none'])
  same(numbers.EventKind, wire.EventKind, ['none'])
  same(numbers.ChangeAction, wire.ChangeAction, ['none'])
  same(numbers.HistoryMode, wire.HistoryMode)
  equal(numbers.BODY_TYPE_MAX, Math.max(...Object.values(numbers.BodyType)))
})
