/** The client library as a browser loads it. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import { signToken } from '../src/access/token.js'
import type { ParleyClient as Client } from '../src/client-browser.js'
import { SECRET, ServerProcess } from './support/server-process.js'

const BUNDLE = new URL('../dist/client/browser.js', import.meta.url)
const GZIPPED_BYTES_MAX = 40 * 1024

test('it is one file below 40 KB gzipped, with nothing of Node', () => {
  const text = readFileSync(BUNDLE, 'utf8')
  const size = gzipSync(text, { level: 9 }).length
  ok(size < GZIPPED_BYTES_MAX, `${size} bytes gzipped`)
  deepEqual(text.match(/\bimport\s*[("'{*]|\bfrom\s*["']|\brequire\s*\(/g), null)
  deepEqual(text.match(/node:|\bBuffer\b|\bprocess\.|\bsetImmediate\b|\bunref\b/g), null)
})

test('it chats where there are only globals', async () => {
  await using server = await ServerProcess.start()
  Object.assign(globalThis, { WebSocket })
  const { ParleyClient } = (await import(BUNDLE.href)) as { ParleyClient: typeof Client }
  const token = signToken(SECRET, { app: 'test', user: 'alice', expiresAt: Date.now() + 60_000 })
  const alice = new ParleyClient({ servers: [`ws://127.0.0.1:${server.port}/v1/ws`], token })
  const seen: string[] = []
  alice.onMessage(({ text }) => seen.push(text))
  await alice.connect()
  equal((await alice.direct('bob').send('from a bundle').acked()).seq, 1)
  deepEqual(seen, ['from a bundle'])
  await alice.close()
})
