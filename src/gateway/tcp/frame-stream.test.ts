import { deepEqual, equal, ok } from 'node:assert/strict'
import * as fc from 'fast-check'
import { test } from 'vitest'
import { LIMITS } from '../../domain/limits.js'
import { TCP_PREFACE } from '../../domain/tcp-preface.js'
import { FrameStream } from './frame-stream.js'

/** What comes out of a stream that got these chunks, its preface said. */
function cut(chunks: readonly Uint8Array[], stream = begun()): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (const chunk of chunks) {
    const own = Uint8Array.from(chunk)
    stream.take(own, ({ u8 }) => messages.push(u8.slice()))
    own.fill(0xee) // Node may use it again
  }
  return messages
}

function begun(): FrameStream {
  const stream = new FrameStream()
  stream.take(TCP_PREFACE, () => {})
  return stream
}

function frameOf(size: number, fill = 7): Uint8Array {
  const frame = new Uint8Array(size).fill(fill)
  new DataView(frame.buffer).setUint32(0, size - 4, true)
  return frame
}

test('frames come out whole and in order, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2, max: 60 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (sizes, cuts) => {
        const all = Buffer.concat([TCP_PREFACE, ...sizes.map((size, index) => frameOf(size * 8, index))])
        const chunks: Uint8Array[] = []
        for (let at = 0, index = 0; at < all.length; index++) {
          const end = at + cuts[index % cuts.length]!
          chunks.push(all.subarray(at, end))
          at = end
        }
        const messages = cut(chunks, new FrameStream())
        deepEqual(Buffer.concat(messages), all.subarray(TCP_PREFACE.length))
        for (const message of messages) equal(message.length % 8, 0)
      },
    ),
  )
})

test('frames of one chunk are one message, and another where the limit is reached', () => {
  equal(cut([Buffer.concat([frameOf(64), frameOf(64)])]).length, 1)
  const half = frameOf(LIMITS.messageBytesMax / 2)
  deepEqual(
    cut([Buffer.concat([half, half, half])]).map(({ length }) => length / half.length),
    [2, 1],
  )
})

test('what can be no frame goes on at once, as such, and nothing behind it', () => {
  for (const size of [8, 20]) {
    const messages = cut([frameOf(64), frameOf(size), frameOf(64)])
    deepEqual(messages, [frameOf(64), new Uint8Array(16)])
  }
  deepEqual(cut([Buffer.from('parley2\n'), frameOf(64)], new FrameStream()), [new Uint8Array(16)])
  deepEqual(cut([Buffer.from('GET')], new FrameStream()), [new Uint8Array(16)])
})

test('a frame above the limit goes on once more than the limit is there, and no more is kept', () => {
  const head = frameOf(64 * 1024)
  new DataView(head.buffer).setUint32(0, 2 ** 31 - 4, true)
  const chunks = Array.from({ length: 10 }, () => head)
  const messages = cut(chunks)
  equal(messages.length, 1)
  ok(messages[0]!.length > LIMITS.messageBytesMax && messages[0]!.length <= LIMITS.messageBytesMax + head.length)
})
