/**
 * Who is let in, on a real server: stolen, forged and foreign tokens, two apps, ends and revocations, keys that change.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'vitest'
import { REFUSALS, type RefusalName } from '../../src/domain/refusal.js'
import type { DecodedFrame, EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrames } from '../../src/protocol/encode.js'
import { APPS, attacks, bankToken, goodTokens, SHOP_SECRET, shopToken } from '../support/attacks.js'
import { ChatClient, openSoon } from '../support/chat-client.js'
import { startWith } from '../support/configured-server.js'
import { clientKinds, commandKinds, everyCommand } from '../support/every-command.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { type KeyPair, keyPair, tokenOf } from '../support/tokens.js'
import { WIRES, type WireClient } from '../support/wire-client.js'

const BODY = 'a body that nobody else should read'

async function everythingHeard(client: WireClient, frames: readonly EncodableFrame[]) {
  client.say(...frames)
  const heard: DecodedFrame[] = []
  for (let frame = await client.heard(); frame !== undefined; frame = await client.heard()) heard.push(frame)
  return { heard, closed: await client.closed }
}

const COMMANDS = everyCommand({ user: 'alice', peer: 'bob', group: 'lunch', text: BODY, device: 'phone' })
const helloWith = (token: string): EncodableFrame => ({
  ...{ kind: 'hello', ref: 1, token, device: 'phone', lane: { number: 0, random: 3n } },
})

test('with a bad token no command is heard: each attack gets its code, the connection ends, and nothing was done', async () => {
  deepEqual([...commandKinds(), 'hello', 'ping'].sort(), clientKinds()) // a new command has a case
  await using server = await startWith({ apps: APPS, tcp_port: 0 })
  const { port, tcpPort } = server
  const now = Date.now()
  for (const [index, [wire, dial]] of Object.entries(WIRES).entries()) {
    const open = () => dial({ port, tcpPort, localAddress: `127.0.0.${index + 2}` })
    const refused = async (frames: readonly EncodableFrame[], code: RefusalName, how: string) => {
      const { heard, closed } = await everythingHeard(await open(), frames)
      const told = heard.map((frame) => [frame.kind, 'name' in frame && frame.name])
      deepEqual(told, [['refusal', code]], `${how}, ${wire}`)
      if (wire !== 'tcp') deepEqual(closed, { code: 3000 + REFUSALS[code].wire, reason: code }, `${how}, ${wire}`)
    }
    for (const [how, [token, code]] of Object.entries(attacks(now)))
      await refused([helloWith(token), ...COMMANDS], code, how)
    for (const frame of COMMANDS) await refused([frame], 'hello-first', `${frame.kind} without a token`)
  }
  for (const [how, token] of Object.entries(goodTokens(now))) {
    const alice = await ChatClient.open({ port, user: 'alice', token, device: how })
    deepEqual([alice.welcome!.app, alice.welcome!.user], ['shop', 'alice'], how)
    deepEqual(await alice.seqsWith('bob'), [], how)
    alice.end()
  }
})

test('a connection ends with its token, unless a fresh one comes in time', async () => {
  await using server = await startWith({ apps: APPS })
  const soon = () => Math.floor(Date.now() / 1000) + 2
  const open = (device: string) =>
    ChatClient.open({ port: server.port, user: 'alice', device, token: shopToken(Date.now(), { exp: soon() }) })
  const [leaves, stays] = [await open('phone'), await open('tablet')]
  const { lane } = stays.welcome!
  const token = shopToken(Date.now())
  const answer = await stays.ask((ref) => ({ kind: 'hello', ref, token, device: 'tablet', lane }))
  equal(answer.kind, 'welcome')
  deepEqual(await leaves.closed, { code: 4320, reason: 'session-expired' })
  equal((await stays.send('bob', 1, 'still here')).kind, 'ack')
})

test('a revocation reaches all workers, closes connections, and survives kill -9 and a restart', async () => {
  await using server = await startWith({ apps: APPS })
  const { port, pid, dataFolder } = server
  const past = Math.floor(Date.now() / 1000) - 60
  const stolen = shopToken(Date.now(), { iat: past })
  const device = (n: number) => ({ port, user: 'alice', token: stolen, device: `phone ${n}` })
  const clients = await Promise.all(Array.from({ length: 12 }, (_, n) => ChatClient.open(device(n))))
  const bob = await ChatClient.open({ port, user: 'bob', token: shopToken(Date.now(), { sub: 'bob', iat: past }) })

  const service = shopToken(Date.now(), { sub: 'backend', role: 'service' })
  const revoke = (bearer: string, body: object) =>
    fetch(`http://127.0.0.1:${port}/v1/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body: JSON.stringify(body),
    })
  const refused = async (bearer: string, body: object) => {
    const answer = await revoke(bearer, body)
    const { title, code } = (await answer.json()) as { title: string; code: number }
    return [answer.status, title, code]
  }
  deepEqual(await refused(shopToken(Date.now()), { user: 'alice' }), [403, 'role-needed', 1424])
  deepEqual(await refused('nonsense', { user: 'alice' }), [401, 'bad-token', 1402])
  const wrong = [{ user: 'alice', app: 'bank' }, {}, { user: 'alice', all: true }, { all: false }, { user: '\ud800' }]
  const late = { user: 'alice', issued_before: Date.now() + 120_000 }
  for (const body of [...wrong, { user: '' }, { user: null }, late]) {
    deepEqual(await refused(service, body), [400, 'bad-frame', 1101], JSON.stringify(body))
  }
  for (const [how, [token, code]] of Object.entries(attacks(Date.now()))) {
    if (how !== 'bound to another device') deepEqual((await refused(token, {}))[1], code, how)
  }
  equal((await revoke(bankToken(Date.now(), 'backend', 'admin'), { user: 'alice' })).status, 200) // of the bank
  equal((await clients[0]!.send('bob', 1, 'still here')).kind, 'ack')

  equal((await revoke(service, { user: 'alice' })).status, 200)
  for (const client of clients) deepEqual(await client.closed, { code: 4420, reason: 'token-revoked' })
  for (let n = 0; n < 12; n++) await rejects(ChatClient.open(device(n)), /token-revoked/)
  equal((await bob.send('alice', 1, 'where are you?')).kind, 'ack')
  // Whose signer is ahead says so: then the tokens that it has dated into the future go, too.
  const ahead = { port, user: 'carol', token: shopToken(Date.now(), { sub: 'carol', iat: past + 60 + 30 }) }
  ;(await ChatClient.open(ahead)).end()
  equal((await revoke(service, { user: 'carol', issued_before: Date.now() + 59_000 })).status, 200)
  await rejects(ChatClient.open(ahead), /token-revoked/)

  process.kill(pid, 'SIGKILL')
  await server.serving(2)
  await rejects(ChatClient.open(device(0)), /token-revoked/)
  const later = shopToken(Date.now(), { iat: Math.floor(Date.now() / 1000) + 1 })
  ;(await openSoon({ port, user: 'alice', token: later })).end()
  await server.stop()
  await using again = await startWith({ apps: APPS }, { dataFolder })
  await rejects(ChatClient.open({ ...device(0), port: again.port }), /token-revoked/)
})

test('keys of an address: until they are there a client waits; then each is good, and a stranger causes no fetch', async () => {
  const [known, unknown] = [keyPair('RS256', 'known'), keyPair('EdDSA', 'unknown')]
  let isUp = false
  let fetches = 0
  const provider = createServer((_, response) => {
    if (!isUp) return response.writeHead(503).end()
    fetches++
    return response.end(JSON.stringify({ keys: [known.jwk] }))
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  const url = `http://127.0.0.1:${(provider.address() as { port: number }).port}/keys`
  await using server = await startWith({ apps: [{ id: 'shop', jwks: { url } }] })
  const claims = { app: 'shop', sub: 'alice', exp: Math.floor(Date.now() / 1000) + 60 }
  const alice = (pair: KeyPair) => ({ port: server.port, user: 'alice', token: tokenOf(pair, claims) })

  await rejects(ChatClient.open(alice(known)), /keys-loading/)
  isUp = true
  ;(await openSoon(alice(known))).end()
  for (let n = 0; n < 20; n++) await rejects(ChatClient.open(alice(unknown)), /bad-token/)
  equal(fetches, 1)
  await server.stop()
  provider.close()
  provider.closeAllConnections()
})

test('no token, secret or body reaches a log line, whatever happens', async () => {
  const jwks = { url: 'http://127.0.0.1:9/keys?key=of-the-provider' }
  await using server = await startWith(
    { apps: [...APPS, { id: 'toys', jwks }] },
    { environment: { PARLEY_LOG_LEVEL: 'debug', PARLEY_TEST_FAULTS: '1' } },
  )
  const { port, pid } = server
  const used = Object.values(attacks(Date.now())).map(([token]) => token)
  used.push(...Object.values(goodTokens(Date.now())), shopToken(Date.now(), { sub: 'boss', role: 'admin' }))
  for (const token of used) {
    const socket = await RawWebSocket.open({ port })
    socket.send(encodeFrames([helloWith(token), ...COMMANDS]))
    await socket.receive()
    socket.destroy()
    const headers = { authorization: `Bearer ${token}` }
    const post = (path: string, body: string) =>
      fetch(`http://127.0.0.1:${port}/v1/${path}`, { method: 'POST', headers, body })
    await post('revocations', '{"user":"carol"}')
    await post('conversations/direct/alice%1Fbob/messages', JSON.stringify({ text: BODY }))
    await post('conversations/direct/alice%1Fbob/messages', JSON.stringify({ text: BODY, colour: BODY }))
    await post('conversations', BODY)
    await fetch(`http://127.0.0.1:${port}/v1/other?token=${token}`, { headers })
  }
  process.kill(pid, 'SIGUSR2') // a worker dies with all that it knows
  await server.until(() => server.stderr.includes('worker-failed'))
  await server.stop()
  const said = server.stdout + server.stderr
  ok(said.includes('shard-served'), 'there are debug lines')
  ok(said.includes('http://127.0.0.1:9/keys'), 'a key set that cannot be fetched is told')
  const secrets = ['of-the-provider', BODY, Buffer.from(BODY).toString('base64'), SHOP_SECRET, 'eyJ']
  for (const token of used) secrets.push(...token.split('.').filter((part) => part.length > 20))
  for (const secret of secrets) ok(!said.includes(secret), secret)
})
