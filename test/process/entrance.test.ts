/**
 * Who may knock at all, on a real server: development, lists, limits, and what changes while it runs.
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { stringify } from 'smol-toml'
import { test } from 'vitest'
import { APPS, bankToken, goodTokens, SHOP_SECRET, shopToken } from '../support/attacks.js'
import { ChatClient, openSoon } from '../support/chat-client.js'
import { fileOf, startWith } from '../support/configured-server.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { ServerProcess } from '../support/server-process.js'
import { hmac, jwt } from '../support/tokens.js'

test('in development a token is for the asking on this machine, and for no web page', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_SECRET: undefined } })
  const { port } = server
  const ask = (headers: Record<string, string>, path = '/v1/dev/token?user=alice') =>
    new Promise<{ status: number; body: string; allowed: unknown }>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
        let body = ''
        answer.on('data', (text) => {
          body += text
        })
        const { statusCode: status = 0, headers: heard } = answer
        answer.on('end', () => resolve({ status, body, allowed: heard['access-control-allow-origin'] }))
      })
      asked.on('error', reject).end()
    })
  const { status, body } = await ask({})
  equal(status, 200)
  const { token, user, app } = JSON.parse(body)
  deepEqual([user, app], ['alice', 'demo'])
  ;(await ChatClient.open({ port, user: 'alice', token })).end()
  equal((await ask({}, '/v1/dev/token')).status, 400)

  const page = { host: `localhost:${port}`, origin: 'http://localhost:5173' }
  deepEqual(((await ask(page)) as { allowed: unknown }).allowed, page.origin)
  const foreign: Record<string, string>[] = [
    { host: `evil.example:${port}` }, // its name leads to 127.0.0.1 now
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ]
  for (const headers of foreign) {
    const answer = await ask(headers)
    deepEqual([answer.status, /"title":"origin-denied"/.test(answer.body)], [403, true], JSON.stringify(headers))
    ok(!answer.body.includes('eyJ'))
    if (headers['sec-fetch-site'] !== undefined) continue
    await rejects(
      RawWebSocket.open({ port, headers }),
      { name: 'UpgradeRefused', status: 403 },
      JSON.stringify(headers),
    )
  }
  ;(await RawWebSocket.open({ port, headers: page })).destroy()
  const proxied = { host: `localhost:${port}`, 'x-forwarded-for': '203.0.113.7' }
  for (const path of ['/v1/dev/token?user=alice', '/metrics']) {
    const answer = await ask(proxied, path)
    deepEqual([answer.status, /"title":"address-denied"/.test(answer.body)], [403, true], path)
  }
  await rejects(RawWebSocket.open({ port, headers: proxied }), { name: 'UpgradeRefused', status: 403 })
  equal((await ask(foreign[0]!, '/metrics')).status, 403)
  equal((await ask(proxied, '/healthz')).status, 200)
})

test('with a secret of its own the server gives no tokens away, and lists of origins and addresses hold', async () => {
  await using server = await ServerProcess.start()
  equal((await fetch(`http://127.0.0.1:${server.port}/v1/dev/token?user=alice`)).status, 404)
  const access = { origins: ['https://chat.example'], deny: ['127.0.0.7'] }
  await using listed = await startWith({ apps: APPS, access, limits: { connections_per_address: 2 }, tcp_port: 0 })
  const { port } = listed
  const origin = (text: string) => RawWebSocket.open({ port, headers: { origin: text } })
  ;(await origin('https://chat.example')).destroy()
  await rejects(origin('https://evil.example'), { status: 403 })
  await rejects(RawWebSocket.open({ port, localAddress: '127.0.0.7' }), { status: 403 })
  const denied = await askFrom('127.0.0.7', port, '/metrics')
  deepEqual([denied, await askFrom('127.0.0.8', port, '/metrics')], [403, 200])
  await rejects(RawWebSocket.open({ port, protocol: 'parley.v1.json', headers: { origin: 'https://evil.example' } }), {
    status: 403,
  })
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  match(metrics, /parley_refusals_total\{refusal="origin-denied"\} 2\n/)
  match(metrics, /parley_refusals_total\{refusal="address-denied"\} 2\n/)
  const overTcp = connect({ host: '127.0.0.1', port: listed.tcpPort, localAddress: '127.0.0.7' })
  equal(await once(overTcp, 'close').then(() => overTcp.bytesRead), 0)
  const from = () => RawWebSocket.open({ port, localAddress: '127.0.0.8' })
  const sockets = [await from(), await from()]
  deepEqual(await (await from()).closed, { code: 4323, reason: 'address-connections' })
  for (const socket of sockets) socket.destroy()
  equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
})

test('on SIGHUP keys, lists and limits change for who comes next, and only what rests on a key or app that is gone is closed', async () => {
  const path = fileOf({ apps: APPS })
  const environment = { PARLEY_SECRET: undefined, PARLEY_CONFIG: path }
  await using server = await ServerProcess.start({ environment })
  const { port } = server
  const stays = await ChatClient.open({ port, user: 'alice', token: shopToken(Date.now()) })
  const carol = { app: 'shop', sub: 'carol', exp: Math.floor(Date.now() / 1000) + 600 }
  const bank = { port, user: 'alice', token: bankToken(Date.now()) }
  const older = { port, user: 'carol', token: jwt({ alg: 'HS256', kid: 'old' }, carol, hmac(`${SHOP_SECRET}-old`)) }
  const gone = [await ChatClient.open(bank), await ChatClient.open(older)]

  const reload = async (settings: object, times: number) => {
    writeFileSync(path, stringify(settings))
    process.kill(server.parentPid, 'SIGHUP')
    await server.until(() => server.stderr.split('config-reloaded').length > times)
  }
  const [shop] = APPS
  const newest = shop!.keys.filter(({ kid }) => kid !== 'old')
  const access = { origins: ['https://chat.example'], deny: ['127.0.0.7'] }
  await reload({ apps: [{ ...shop, keys: newest }], access, limits: { connections_per_address: 2 } }, 1)

  for (const { closed } of gone) deepEqual(await closed, { code: 4420, reason: 'token-revoked' })
  const good = goodTokens(Date.now())
  for (let n = 0; n < 8; n++) {
    // whichever worker takes it
    await rejects(ChatClient.open(bank), /bad-token/)
    await rejects(ChatClient.open({ port, user: 'alice', token: good['the older secret']! }), /bad-token/)
    await rejects(RawWebSocket.open({ port, headers: { origin: 'https://evil.example' } }), { status: 403 })
    await rejects(RawWebSocket.open({ port, localAddress: '127.0.0.7' }), { status: 403 })
  }
  const second = await ChatClient.open({ port, user: 'alice', device: 'tablet', token: good['the newer secret']! })
  deepEqual(await (await RawWebSocket.open({ port })).closed, { code: 4323, reason: 'address-connections' })
  second.end()
  equal((await stays.send('bob', 1, 'still here')).kind, 'ack')

  await reload({ apps: APPS }, 2)
  ;(await openSoon(bank)).end()
  ;(await RawWebSocket.open({ port, localAddress: '127.0.0.7' })).destroy()
  equal((await stays.send('bob', 2, 'and still')).kind, 'ack')
})

test('a missing, guessable or doubled secret is refused at start, and none of it is shown', async () => {
  const guessable = 'my secret password, which is long enough'
  const starts = [
    [{ PARLEY_HOST: '0.0.0.0', PARLEY_SECRET: undefined }, /PARLEY_SECRET must be set/],
    [{ PARLEY_HOST: '0.0.0.0', PARLEY_SECRET: guessable }, /people can guess/],
  ] as const
  for (const [environment, why] of starts) {
    await using server = ServerProcess.begin({ environment })
    deepEqual(await server.ended, { code: 78, signal: null })
    match(server.stderr, why)
    ok(!server.stderr.includes(guessable))
  }
})

function askFrom(localAddress: string, port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', localAddress, port, path }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject).end()
  })
}
