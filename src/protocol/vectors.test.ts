/**
 * schemas/vectors/: bytes and what they mean, for whoever writes a client in another language. `UPDATE=1` writes the
 * files anew; a change in one is a change of the wire, or of where data lies.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { strictly } from '../../test/protocol/strict-reads.js'
import { CONTENTS, FRAMES, REFUSED, SHARDS } from '../../test/protocol/vector-samples.js'
import { actorKey, shardOf } from '../domain/ids.js'
import { refusalOfWire } from '../domain/refusal.js'
import { Bytes } from '../std/bytes.js'
import { murmur3 } from '../std/murmur3.js'
import { decodeContent, encodeContent, type MessageContent } from './content.js'
import { decodeFrame } from './decode.js'
import type { EncodableFrame } from './decoded-frame.js'
import { encodeFrame } from './encode.js'
import { contentFromJson, contentToJson } from './json-content.js'
import { frameFromJson, frameToJson } from './json-frames.js'
import { verifyClientFrame } from './verify.js'

const FOLDER = join(import.meta.dirname, '../../schemas/vectors')

interface Vector<T> {
  readonly name: string
  readonly hex: string
  readonly means: T
}

/** Frames and contents have a form in JSON too: subprotocol parley.v1.json. */
interface WireVector<T> extends Vector<T> {
  readonly json: object
}

describe('frames.json', () => {
  const vectors = compared<WireVector<EncodableFrame>>(
    'frames.json',
    Object.entries(FRAMES).map(([name, frame]) => {
      const bytes = encodeFrame(frame)
      return { name, hex: hexOf(bytes), means: frame, json: JSON.parse(frameToJson(bytes)!) }
    }),
  )
  for (const { name, hex, means, json } of vectors) {
    test(name, () => {
      deepEqual(
        strictly(() => decodeFrame(bytesOf(hex))),
        means.kind === 'event' ? { content: undefined, ...means } : means,
      )
      equal(hexOf(encodeFrame(means)), hex)
    })
    test(`${name}, in JSON`, () => {
      deepEqual(JSON.parse(frameToJson(bytesOf(hex))!), json)
      equal(hexOf(frameFromJson(JSON.stringify(json))!), hex)
    })
  }

  test('every kind of frame is there', () => {
    const kinds = new Set(vectors.map(({ means }) => means.kind))
    equal(kinds.size, 23)
  })
})

describe('contents.json', () => {
  const vectors = compared<WireVector<MessageContent>>(
    'contents.json',
    Object.entries(CONTENTS).map(([name, content]) => {
      const bytes = encodeContent(content)
      return { name, hex: hexOf(bytes), means: content, json: contentToJson(bytes) }
    }),
  )
  for (const { name, hex, means, json } of vectors) {
    test(name, () => {
      deepEqual(decodeContent(bytesOf(hex)), { mentions: [], ...means })
      equal(hexOf(encodeContent(means)), hex)
    })
    test(`${name}, in JSON`, () => {
      deepEqual(contentToJson(bytesOf(hex)), json)
      equal(hexOf(contentFromJson(json)), hex)
    })
  }
})

describe('refused.json', () => {
  const vectors = compared<Vector<string>>(
    'refused.json',
    Object.entries(REFUSED).map(([name, [bytes, refusal]]) => ({ name, hex: hexOf(bytes), means: refusal })),
  )
  for (const { name, hex, means } of vectors) {
    test(`${name}: ${means}`, () => {
      const bytes = Bytes.over(bytesOf(hex))
      equal(refusalOfWire(-verifyClientFrame(bytes, 0, bytes.size)), means)
    })
  }
})

describe('shards.json', () => {
  const fresh = SHARDS.map(([app, kind, id, shardCount]) => {
    const hashed = new TextEncoder().encode(actorKey(app, kind, id))
    const hash = murmur3(hashed)
    return { app, kind, id, shardCount, hashed: hexOf(hashed), hash, shard: hash % shardCount }
  })
  for (const { app, kind, id, shardCount, shard } of compared('shards.json', fresh)) {
    test(`${app} ${kind} ${id}`, () => equal(shardOf(actorKey(app, kind, id), shardCount), shard))
  }
})

/** What the file holds, after making sure that it is what the samples give today. */
function compared<T>(file: string, fresh: readonly T[]): readonly T[] {
  const path = join(FOLDER, file)
  const text = `${JSON.stringify(fresh, plainly, 2)}\n`
  if (process.env['UPDATE'] === '1') {
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(path, text)
  }
  const stored = readFileSync(path, 'utf8')
  test(`${file} is what UPDATE=1 writes`, () => equal(stored, text))
  // What is JSON on the wire is that here, too.
  return (JSON.parse(stored) as { json?: object }[]).map(({ json, ...vector }) => ({
    ...JSON.parse(JSON.stringify(vector), meant),
    ...(json !== undefined && { json }),
  }))
}

/** 64-bit and larger numbers are decimal strings, bytes are hex. */
function plainly(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? hexOf(value) : value
}

function meant(key: string, value: unknown): unknown {
  if (key === 'random' || key === 'laneRandom' || key === 'messageId') return BigInt(value as string)
  return key === 'content' || key === 'body' ? bytesOf(value as string) : value
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
