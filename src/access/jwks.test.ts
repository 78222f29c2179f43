import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { keyPair } from '../../test/support/tokens.js'
import { seededRandom } from '../std/random.js'
import type { KeyDescription } from './access-config.js'
import { fetchKeys, readKeySet } from './jwks.js'
import { JwksRefresh } from './jwks-refresh.js'
import { type FetchedKeys, JWKS_COOLDOWN_MS } from './key-ring.js'

const ALGS = ['RS256', 'ES256', 'EdDSA'] as const
const ec = keyPair('ES256', 'ec')

async function provider(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}/keys`, algs: ALGS, [Symbol.dispose]: close }
}

test('keys for signatures are taken, secrets, private keys, small ones and those of other uses are not', () => {
  const [rsa, ed] = [keyPair('RS256', 'rsa'), keyPair('EdDSA', 'ed')]
  const { alg: _, ...unsaid } = rsa.jwk
  const keys = [
    { ...unsaid, kid: 'unsaid' },
    ec.jwk,
    ed.jwk,
    { ...ec.jwk, kid: 'encrypts', use: 'enc' },
    { ...ec.jwk, kid: 'signs', key_ops: ['sign'] },
    { ...ec.jwk, kid: 'confused', alg: 'RS256' },
    { ...ec.jwk, kid: 'odd', alg: 'ES999' },
    { ...ec.privateKey.export({ format: 'jwk' }), kid: 'private', alg: 'ES256' },
    { kty: 'oct', kid: 'secret', alg: 'HS256', k: Buffer.alloc(32).toString('base64url') },
    'nonsense',
  ]
  const read = readKeySet(JSON.stringify({ keys }), ALGS)
  deepEqual(
    read.map(({ kid, alg }) => [kid, alg]),
    [
      ['unsaid', 'RS256'],
      ['ec', 'ES256'],
      ['ed', 'EdDSA'],
    ],
  )
  throws(() => readKeySet(JSON.stringify({ keys }), []), /no key/)
  throws(() => readKeySet('{}', ALGS), /no list of keys/)
  throws(() => readKeySet(JSON.stringify({ keys: new Array(33).fill(ec.jwk) }), ALGS), /33 keys/)
})

test('a key set is fetched within bounds: another status, a redirect or too many bytes are refused', async () => {
  using good = await provider((_, response) => response.end(JSON.stringify({ keys: [ec.jwk] })))
  deepEqual(
    (await fetchKeys(good)).map(({ kid }) => kid),
    ['ec'],
  )
  using missing = await provider((_, response) => response.writeHead(404).end())
  await rejects(fetchKeys(missing), /answered 404/)
  using elsewhere = await provider((_, response) => response.writeHead(302, { location: good.url }).end())
  await rejects(fetchKeys(elsewhere))
  using endless = await provider((_, response) => {
    const more = () => response.write('x'.repeat(16_384), () => setImmediate(more))
    more()
  })
  await rejects(fetchKeys(endless), /larger than 65536 bytes/)
})

class Fetches {
  readonly clock = new ManualClock()
  readonly told: FetchedKeys[] = []
  count = 0
  fails = false
  readonly refresh = new JwksRefresh({
    app: 'shop',
    clock: this.clock,
    random: seededRandom(1),
    fetch: async (): Promise<KeyDescription[]> => {
      this.count++
      if (this.fails) throw new Error('the provider is away')
      return [{ kid: `${this.count}`, alg: 'ES256', jwk: ec.jwk }]
    },
    fetched: (keys) => this.told.push(keys),
    failed: () => {},
  })

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      this.clock.advance(Math.min(left, 1_000))
      await settled()
    }
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('it is fetched at start, every ten minutes, and once for many tokens of an unknown key', async () => {
  const it = new Fetches()
  it.refresh.start()
  await settled()
  equal(it.count, 1)
  it.refresh.wanted()
  await it.advance(JWKS_COOLDOWN_MS - 1_000)
  for (let n = 0; n < 100; n++) it.refresh.wanted()
  equal(it.count, 1)
  await it.advance(1_000)
  for (let n = 0; n < 100; n++) it.refresh.wanted()
  await settled()
  equal(it.count, 2)
  await it.advance(12 * 60_000)
  equal(it.count, 3)
  it.refresh.stop()
})

test('while the provider is away it is asked again at growing distances, and its keys are good for a day', async () => {
  const it = new Fetches()
  it.refresh.start()
  await settled()
  it.fails = true
  await it.advance(24 * 60 * 60_000 - 60_000)
  deepEqual(
    it.told.map(({ keys }) => keys.length),
    [1],
  )
  ok(it.count > 100 && it.count < 2_500, `${it.count} fetches in a day`)
  await it.advance(3 * 60_000)
  deepEqual(
    it.told.map(({ keys }) => keys.length),
    [1, 0],
  )
  it.fails = false
  await it.advance(2 * 60_000)
  deepEqual(
    it.told.map(({ keys }) => keys.length),
    [1, 0, 1],
  )
  it.refresh.stop()
})
