import { deepEqual, equal, throws } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, test } from 'vitest'
import { arbitraryClientFrame, arbitraryServerFrame } from '../../test/protocol/arbitrary-frames.js'
import { LIMITS } from '../domain/limits.js'
import { refusalOfWire } from '../domain/refusal.js'
import { Bytes } from '../std/bytes.js'
import { decodeContent, encodeContent } from './content.js'
import { decodeFrame } from './decode.js'
import { encodeFrame } from './encode.js'
import { frameFromJson, frameToJson } from './json-frames.js'
import { verifyClientFrame } from './verify.js'

const text = (value: string) => new TextEncoder().encode(value)

function sent(content: object): ReturnType<typeof decodeContent> {
  const frame = decodeFrame(frameFromJson(JSON.stringify({ ...SEND, content }))!)
  return decodeContent((frame as { content: Uint8Array }).content)
}

function told(content: Parameters<typeof encodeContent>[0]): Record<string, unknown> {
  const frame = {
    kind: 'send',
    ref: 1,
    n: 1,
    conversationKind: 2,
    conversation: 'team',
    content: encodeContent(content),
  }
  return JSON.parse(frameToJson(encodeFrame(frame as Parameters<typeof encodeFrame>[0]))!).content
}

function verdict(frame: object): string | undefined {
  const bytes = Bytes.over(frameFromJson(JSON.stringify(frame))!)
  return refusalOfWire(-verifyClientFrame(bytes, 0, bytes.size))
}

const SEND = {
  type: 'send',
  ref: 1,
  n: 1,
  kind: 'group',
  conversation: 'team',
  content: { message_id: '7', text: 'Hi' },
}

test('every frame comes back from JSON as it was, byte by byte', () => {
  fc.assert(
    fc.property(fc.oneof(arbitraryClientFrame, arbitraryServerFrame), (frame) => {
      const bytes = encodeFrame(frame)
      deepEqual(frameFromJson(frameToJson(bytes)!), bytes)
    }),
    { numRuns: 500 },
  )
})

test('what a person types in wscat is the frame that an encoder makes', () => {
  const content = encodeContent({ messageId: 7n, contentType: 'text/plain', body: text('Hi') })
  deepEqual(
    frameFromJson(JSON.stringify(SEND)),
    encodeFrame({ kind: 'send', ref: 1, n: 1, conversationKind: 2, conversation: 'team', content }),
  )
  deepEqual(frameFromJson('{"type":"ping","ref":3,"mood":"good"}'), encodeFrame({ kind: 'ping', ref: 3 }))
  deepEqual(frameFromJson('{"type":"ping"}'), encodeFrame({ kind: 'ping', ref: 0 }))
  deepEqual(frameFromJson(JSON.stringify({ ...SEND, kind: 2 })), frameFromJson(JSON.stringify(SEND)))
})

test('a type that is newer than this build is skipped, both ways', () => {
  equal(frameFromJson('{"type":"dance","ref":{}}'), undefined)
  equal(frameFromJson('{"type":"constructor"}'), undefined)
  const unknown = encodeFrame({ kind: 'ping', ref: 1 }).slice()
  unknown[unknown.indexOf(3, 16)] = 99
  equal(decodeFrame(unknown).kind, 'unknown')
  equal(frameToJson(unknown), undefined)
})

test('what is not a frame is malformed', () => {
  const wrong = [
    ...['', '{', '[]', '"send"', 'null', '{}', '{"type":1}', '{"type":"ping","ref":-1}', '{"type":"ping","ref":1.5}'],
    ...['{"type":"ping","ref":"1"}', '{"type":"ping","ref":4294967296}', '{"type":"ping","ref":null}'],
    ...['{"type":"hello","lane":7}', '{"type":"hello","lane":{"random":"x"}}', '{"type":"hello","lane":{"random":-1}}'],
    ...[
      '{"type":"hello","lane":{"random":"18446744073709551616"}}',
      '{"type":"hello","lane":{"random":9007199254740993}}',
    ],
    ...['{"type":"hello","token":"\\ud800"}', '[{"type":"ping"}]', '{"type":"ping"}{"type":"ping"}'],
    ...[{ kind: 'crowd' }, { kind: 257 }, { n: 2 ** 53 }, { content: undefined }, { content: 'Hi' }].map((change) =>
      JSON.stringify({ ...SEND, ...change }),
    ),
    ...[
      { text: 'a', body: 'YQ==' },
      { body: 'a?' },
      { body: 7 },
      { text: null },
      { mentions: 'bob' },
      { mentions: [7] },
    ].map((change) => JSON.stringify({ ...SEND, content: { message_id: '7', ...change } })),
  ]
  for (const json of wrong) throws(() => frameFromJson(json), { name: 'MalformedJson' }, json)
})

test('what is a frame and may not be said is refused like the same frame of FlatBuffers', () => {
  equal(verdict({ ...SEND, n: 0 }), 'bad-frame')
  equal(verdict({ ...SEND, conversation: 'a\n' }), 'bad-id')
  equal(verdict({ ...SEND, content: { text: 'no message id' } }), 'bad-content')
  equal(verdict({ ...SEND, content: { message_id: 1, text: 'b'.repeat(LIMITS.bodyBytesMax + 1) } }), 'body-too-large')
  equal(verdict({ type: 'pong', ref: 1 }), 'bad-frame')
  equal(verdict({ type: 'history', kind: 'group', conversation: 'team', limit: 201 }), 'bad-history')
})

describe('a body', () => {
  test('is text where its type and its bytes say so, and base64 otherwise', () => {
    const body = text('Zoë\t🍜\n')
    for (const contentType of ['text/plain', 'text/markdown; charset=utf-8', 'application/json', 'application/a+json'])
      equal(told({ messageId: 1n, contentType, body })['text'], 'Zoë\t🍜\n', contentType)
    for (const contentType of ['application/x-cipher', 'text/plain; charset=latin1', 'image/png'])
      equal(told({ messageId: 1n, contentType, body })['body'], 'Wm/Dqwnwn42cCg==', contentType)
    equal(told({ messageId: 1n, body })['body'], 'Wm/Dqwnwn42cCg==')
    equal(told({ messageId: 1n, contentType: 'text/plain', body: Uint8Array.of(0xff) })['body'], '/w==')
    equal(told({ messageId: 1n, contentType: 'text/plain', body: Uint8Array.of(0) })['body'], 'AA==')
  })

  test('keeps a byte order mark, and one without a type that is given as text is text/plain', () => {
    const content = { messageId: 1n, contentType: 'text/plain', body: Uint8Array.of(0xef, 0xbb, 0xbf, 0x61) }
    deepEqual(sent(told(content)), { ...content, mentions: [] })
    deepEqual(sent({ message_id: 1, text: 'a' }).contentType, 'text/plain')
    deepEqual(sent({ message_id: 1, text: 'a', content_type: 'a/b' }).contentType, 'a/b')
    deepEqual(sent({ message_id: 1, body: 'YQ==' }), { messageId: 1n, mentions: [], body: text('a') })
  })

  test('of the largest size fits into one message, whatever is in it', () => {
    for (const byte of ['"', '\\', '\n', 'a'].map((letter) => letter.charCodeAt(0)).concat(0, 255)) {
      const body = new Uint8Array(LIMITS.bodyBytesMax).fill(byte)
      const json = JSON.stringify(told({ messageId: 1n, contentType: 'text/plain', body }))
      equal(json.length < LIMITS.messageBytesMax, true, `byte ${byte}`)
    }
  })
})
