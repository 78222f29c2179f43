/**
 * `/v1` on a real server. Every answer is compared with /v1/openapi.json (api-client.ts).
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.js'
import { ApiClient } from '../support/api-client.js'
import { APPS, attacks, bankToken, shopToken } from '../support/attacks.js'
import { ChatClient, openSoon } from '../support/chat-client.js'
import { startWith } from '../support/configured-server.js'

const serviceOfShop = () => shopToken(Date.now(), { sub: 'backend', role: 'service' })
const serviceOfBank = () => bankToken(Date.now(), 'backend', 'service')
const TEAM = '/v1/conversations/group/team'
const DIRECT = `/v1/conversations/direct/${encodeURIComponent('bob\u001falice')}`

const PROBLEM = 'application/problem+json'

const outcome = ({ status, json }: { status: number; json: { title?: string; seq?: number; duplicate?: boolean } }) =>
  json.title === undefined ? [status, json.seq, json.duplicate] : [status, json.title]

test('a server creates, sends in names and as the app, invites, kicks and reads; devices see it as it is', async () => {
  await using server = await startWith({ apps: APPS })
  const api = await ApiClient.open(server.port, serviceOfShop())
  const alice = await ChatClient.open({ port: server.port, user: 'alice', token: shopToken(Date.now()) })

  const created = { kind: 'group', id: 'team', owner: 'alice', members: ['bob'] }
  deepEqual(outcome(await api.post('/v1/conversations', created)), [201, 1, false])
  deepEqual(outcome(await api.post('/v1/conversations', created)), [409, 'already-exists'])
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { as: 'bob', text: 'hi', mentions: ['alice'] })), [
    201,
    2,
    false,
  ])
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { as: 'carol', text: 'hi' })), [403, 'not-member'])
  const file = { content_type: 'image/png', preview: 'a picture', body: Buffer.from([1, 2, 255]).toString('base64') }
  deepEqual(outcome(await api.post(`${TEAM}/messages`, file)), [201, 3, false])
  deepEqual(outcome(await api.post(`${TEAM}/members`, { users: ['carol', 'dan'] })), [201, 4, false])
  deepEqual(outcome(await api.post(`${TEAM}/members`, { users: ['carol'] })), [409, 'nothing-to-change'])
  deepEqual(outcome(await api.post(`${TEAM}/members/kick`, { users: ['dan'], as: 'bob' })), [403, 'not-owner'])
  deepEqual(outcome(await api.post(`${TEAM}/members/kick`, { users: ['dan'], as: 'alice' })), [201, 5, false])
  deepEqual(outcome(await api.post(`${DIRECT}/messages`, { text: 'your order' })), [201, 1, false])

  const members = await api.get(`${TEAM}/members`)
  const listed = [
    { user: 'alice', role: 'owner' },
    { user: 'bob', role: 'member' },
    { user: 'carol', role: 'member' },
  ]
  deepEqual(members.json, { members: listed, count: 3, next: 0 })
  const first = (await api.get(`${TEAM}/members?limit=2&as=bob`)).json
  deepEqual([first.members.length, first.count], [2, 3])
  const second = (await api.get(`${TEAM}/members?limit=2&after=${first.next}`)).json
  deepEqual([second.members.map(({ user }: { user: string }) => user), second.next], [['carol'], 0])
  deepEqual(outcome(await api.get(`${TEAM}/members?as=dan`)), [403, 'not-member'])

  const all = (await api.get(`${TEAM}/messages?after=0`)).json
  deepEqual([all.from, all.complete_to, all.head, all.skips], [1, 5, 5, []])
  const said = all.events.map((event: { event_kind: string; from: string; of_app: boolean }) => [
    event.event_kind,
    event.from,
    event.of_app,
  ])
  deepEqual(said, [
    ['created', 'alice', false],
    ['message', 'bob', false],
    ['message', 'backend', true],
    ['joined', 'backend', true],
    ['kicked', 'alice', false],
  ])
  deepEqual([all.events[1].content.text, all.events[2].content.body], ['hi', file.body])
  const latest = (await api.get(`${TEAM}/messages?limit=2`)).json
  deepEqual([latest.from, latest.complete_to], [4, 5])
  deepEqual((await api.get(`${TEAM}/messages?before=3&limit=1`)).json.events[0].seq, 2)
  const ofDan = (await api.get(`${TEAM}/messages?as=dan&after=0`)).json
  deepEqual([ofDan.skips, ofDan.events.length], [[{ from: 1, to: 3 }], 2])

  await alice.until(() => alice.events.length === 6)
  deepEqual(
    alice.events.filter(({ conversation }) => conversation === 'team').map(({ seq }) => seq),
    [1, 2, 3, 4, 5],
  )
})

test('one key is one message: both workers at once, and after kill -9', async () => {
  await using server = await startWith({ apps: APPS })
  const { port, pid } = server
  const api = await ApiClient.open(port, serviceOfShop())
  await api.post('/v1/conversations', { kind: 'group', id: 'team', owner: 'alice' })
  const body = { as: 'alice', text: 'once' }
  const many = await Promise.all(Array.from({ length: 20 }, () => api.post(`${TEAM}/messages`, body, 'order-17')))
  deepEqual(new Set(many.map(({ status, json }) => `${status} ${json.seq}`)), new Set(['201 2']))
  equal(many.filter(({ json }) => !json.duplicate).length, 1)
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { ...body, text: 'else' }, 'order-17')), [422, 'key-reused'])
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { text: 'once' }, 'order-17')), [201, 3, false]) // of the app

  process.kill(pid, 'SIGKILL')
  await server.serving(2)
  deepEqual(outcome(await api.post(`${TEAM}/messages`, body, 'order-17')), [201, 2, true])
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { text: 'once' }, 'order-17')), [201, 3, true])
  equal((await api.get(`${TEAM}/messages`)).json.head, 3)
})

test('one key is one message after a restart, when rows have taken the place of the log', async () => {
  const settings = { apps: APPS }
  await using server = await startWith(settings)
  const api = await ApiClient.open(server.port, serviceOfShop())
  await api.post('/v1/conversations', { kind: 'group', id: 'team', owner: 'alice' })
  const asked = [{ as: 'alice', text: 'once' }, { text: 'once' }]
  for (const body of asked) equal((await api.post(`${TEAM}/messages`, body, 'order-17')).json.duplicate, false)
  await new Promise((resolve) => setTimeout(resolve, 500)) // rows are stored
  await server.stop()
  await using again = await startWith(settings, { dataFolder: server.dataFolder })
  const later = await ApiClient.open(again.port, serviceOfShop())
  for (const [at, body] of asked.entries()) {
    deepEqual(outcome(await later.post(`${TEAM}/messages`, body, 'order-17')), [201, at + 2, true])
  }
})

test('with a token of another app, or none that is good, every operation tells nothing', async () => {
  await using server = await startWith({ apps: APPS })
  const api = await ApiClient.open(server.port, serviceOfShop())
  const bank = api.as(serviceOfBank())
  await api.post('/v1/conversations', { kind: 'group', id: 'team', owner: 'alice', members: ['bob'] }, 'k')
  await api.post(`${TEAM}/messages`, { as: 'alice', text: 'of the shop' }, 'k2')
  await api.post(`${DIRECT}/messages`, { as: 'alice', text: 'of the shop' })
  const alice = await ChatClient.open({ port: server.port, user: 'alice', token: shopToken(Date.now()) })

  const walk = {
    'POST /v1/conversations': (by: ApiClient, id: string) => by.post('/v1/conversations', { kind: 'group', id }, 'k'),
    'POST /v1/conversations/{kind}/{id}/messages': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/messages`, { text: 'x' }, 'k'),
    'GET /v1/conversations/{kind}/{id}/messages': (by: ApiClient, id: string) =>
      by.get(`/v1/conversations/group/${id}/messages`),
    'GET /v1/conversations/{kind}/{id}/members': (by: ApiClient, id: string) =>
      by.get(`/v1/conversations/group/${id}/members`),
    'POST /v1/conversations/{kind}/{id}/members': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/members`, { users: ['eve'] }, 'k'),
    'POST /v1/conversations/{kind}/{id}/members/kick': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/members/kick`, { users: ['bob'] }, 'k'),
    'POST /v1/users/{user}/disconnect': (by: ApiClient) => by.post('/v1/users/alice/disconnect', {}),
    'POST /v1/revocations': (by: ApiClient) => by.post('/v1/revocations', { user: 'alice' }),
    'GET /v1/quota': (by: ApiClient) => by.get('/v1/quota'),
  }
  deepEqual(Object.keys(walk).sort(), api.operations.map(({ method, path }) => `${method} ${path}`).sort())

  // What another app has is not told apart from what nobody has.
  for (const [name, ask] of Object.entries(walk)) {
    if (name === 'POST /v1/conversations') continue
    const [theirs, nobodys] = [await ask(bank, 'team'), await ask(bank, 'nothing')]
    const timeless = ({ status, json }: typeof theirs) => ({
      status,
      json: { ...json, issued_before: 0, frames_per_second_of_app: 0 },
    })
    deepEqual(timeless(theirs), timeless(nobodys), name)
  }
  deepEqual(outcome(await walk['POST /v1/conversations'](bank, 'team')), [201, 1, false]) // the id is free there
  equal((await bank.get(`${DIRECT}/messages`)).json.head, 0)
  equal((await bank.get('/v1/quota')).json.connections_of_user.remaining, LIMITS.connectionsPerUserMax)
  equal((await api.get(`${TEAM}/messages`)).json.head, 2)
  equal((await alice.send('bob', 1, 'still here')).kind, 'ack')

  for (const [how, [token, code]] of Object.entries(attacks(Date.now()))) {
    if (how === 'bound to another device') continue
    for (const [name, ask] of Object.entries(walk))
      equal((await ask(api.as(token), 'team')).json.title, code, `${how}: ${name}`)
  }
  const member = api.as(shopToken(Date.now()))
  for (const [name, ask] of Object.entries(walk)) {
    const { status, json } = await ask(member, 'team')
    if (name === 'GET /v1/quota') deepEqual([status, json.user], [200, 'alice'])
    else deepEqual([status, json.title], [403, 'role-needed'], name)
  }
})

test('a disconnected user goes, on every worker, and only the device that was named', async () => {
  await using server = await startWith({ apps: APPS })
  const { port } = server
  const api = await ApiClient.open(port, serviceOfShop())
  const open = (device: string) => ChatClient.open({ port, user: 'alice', device, token: shopToken(Date.now()) })
  const phones = await Promise.all(Array.from({ length: 6 }, (_, n) => open(`phone ${n}`)))
  equal((await api.post('/v1/users/alice/disconnect', { device: 'phone 0' })).status, 202)
  deepEqual(await phones[0]!.closed, { code: 4430, reason: 'signed-out' })
  equal((await phones[1]!.send('bob', 1, 'still here')).kind, 'ack')
  equal((await api.post('/v1/users/alice/disconnect', {})).status, 202)
  for (const phone of phones) deepEqual((await phone.closed).reason, 'signed-out')
  ;(await openSoon({ port, user: 'alice', token: shopToken(Date.now()) })).end() // the token stays good
})

test('what is wrong with a request is said with its place, never its value', async () => {
  await using server = await startWith({ apps: APPS })
  const api = await ApiClient.open(server.port, serviceOfShop())
  const secret = 'do not repeat me'
  const wrong: [path: string, body: object | string, detail: RegExp, key?: string][] = [
    [`${TEAM}/messages`, '{', /JSON/],
    [`${TEAM}/messages`, {}, /either text or body/],
    [`${TEAM}/messages`, { text: secret, body: 'AA==' }, /either text or body/],
    [`${TEAM}/messages`, { text: secret, colour: secret }, /the body has no "colour"/],
    [`${TEAM}/messages`, { text: secret, mentions: 'x' }, /^body\.mentions: /],
    [`${TEAM}/messages`, { text: secret, as: 'a\u0000b' }, /^body\.as: is an id/],
    [`${TEAM}/messages`, { text: secret }, /idempotency-key/, 'k'.repeat(129)],
    [`${TEAM}/messages?x=${secret}`, { text: secret }, /the query has no "x"/],
    ['/v1/conversations/club/team/messages', { text: secret }, /^path\.kind: /],
    ['/v1/revocations', { user: 'alice', issued_before: 8e15 }, /future/],
    ['/v1/revocations', {}, /names a user, or has "all": true/],
    ['/v1/revocations', '', /names a user, or has "all": true/],
    ['/v1/revocations', { user: 'alice', all: true }, /names a user, or has "all": true/],
    ['/v1/revocations', { all: false }, /all/],
    ['/v1/revocations', { user: '\ud800' }, /user/],
    ['/v1/users/alice/disconnect', { user: 'bob' }, /the body has no "user"/],
  ]
  for (const [path, body, detail, key] of wrong) {
    const { status, json } = await api.post(path, body, key)
    deepEqual([status, json.title, detail.test(json.detail)], [400, 'bad-frame', true], `${path} ${json.detail}`)
    ok(!JSON.stringify(json).includes(secret))
  }
  const bad = `/v1/conversations/direct/${encodeURIComponent('alice')}/messages`
  deepEqual(outcome(await api.post(bad, { text: 'x' })), [400, 'bad-id'])
  deepEqual(outcome(await api.post(`${TEAM}/messages`, { text: 'é'.repeat(LIMITS.bodyBytesMax / 2 + 1) })), [
    413,
    'body-too-large',
  ])
  equal((await fetch(`http://127.0.0.1:${server.port}/v1/quota`, { method: 'DELETE' })).status, 405)
  for (const path of ['/v1/nothing', '/nothing', '/v1/conversations/group/team/nothing']) {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`)
    const { title } = (await answer.json()) as { title: string }
    deepEqual([answer.status, title, answer.headers.get('content-type')], [404, 'no-such-address', PROBLEM], path)
  }
  // A body that never ends is not waited for beyond its limit.
  const endless = connect({ host: '127.0.0.1', port: server.port })
  endless.on('error', () => {})
  endless.write('POST /v1/quota HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\n')
  endless.write(Buffer.alloc(LIMITS.httpBodyBytesMax + 1))
  const [answer] = await once(endless, 'data')
  ok(`${answer}`.startsWith('HTTP/1.1 413'))
  endless.destroy()
})

test('forged bearers are checked up to a number in a second, then those of their address wait', async () => {
  await using server = await startWith({ apps: APPS })
  const api = await ApiClient.open(server.port, 'x.y.z')
  const answers = []
  while (answers.length < 2_000 && answers.at(-1)?.status !== 429) {
    answers.push(...(await Promise.all(Array.from({ length: 100 }, () => api.get('/v1/quota')))))
  }
  const waits = answers.filter(({ status }) => status === 429)
  ok(waits.length > 0 && answers.length >= LIMITS.badTokensPerSecondMax, `${waits.length} of ${answers.length}`)
  for (const { json, headers } of waits) {
    deepEqual([json.title, headers.get('retry-after')], ['bad-token-rate', '1'])
    ok(json.retry_after_ms > 0 && json.retry_after_ms <= 1_000)
  }
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  equal((await api.as(serviceOfShop()).get('/v1/quota')).status, 200)
  const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
  ok(Number(/parley_refusals_total\{refusal="bad-token-rate"\} (\d+)/.exec(metrics)![1]) >= waits.length)
})

test('an app has its share of a second, and the quota tells what is left of it', async () => {
  const limits = { app_frames_per_second: 5, connections_per_user: 3 }
  await using server = await startWith({ apps: APPS, limits })
  const api = await ApiClient.open(server.port, serviceOfShop())
  const bank = api.as(serviceOfBank())
  const answers = await Promise.all(Array.from({ length: 30 }, () => api.get('/v1/quota')))
  const refused = answers.filter(({ status }) => status === 429)
  ok(refused.length >= 15 && refused.length < 30, `${refused.length}`)
  for (const { json, headers } of refused) {
    deepEqual([json.title, headers.get('retry-after')], ['app-rate', '1'])
    ok(json.retry_after_ms > 0 && json.retry_after_ms <= 1000)
  }
  equal((await bank.get('/v1/quota')).status, 200)
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const alice = { port: server.port, user: 'backend', token: serviceOfShop() }
  const open = [await ChatClient.open({ ...alice, device: 'a' }), await ChatClient.open({ ...alice, device: 'b' })]
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const { json } = await api.get('/v1/quota')
  deepEqual(json.connections_of_user, { limit: 3, remaining: 1 })
  deepEqual(json.frames_per_second_of_app, { limit: 5, remaining: 4 })
  open.push(await ChatClient.open({ ...alice, device: 'c' }))
  await rejects(ChatClient.open({ ...alice, device: 'd' }), /user-connections/)
  for (const client of open) client.end()
})
