/**
 * `/v1` on a real server. Every answer is compared with /v1/openapi.json (api-client.ts).
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.js'
import { ApiClient } from '../support/api-client.js'
import { APPS, bankToken, shopToken } from '../support/attacks.js'
import { ChatClient, openSoon } from '../support/chat-client.js'
import { startWith } from '../support/configured-server.js'

const serviceOfShop = () => shopToken(Date.now(), { sub: 'backend', role: 'service' })
const serviceOfBank = () => bankToken(Date.now(), 'backend', 'service')
const TEAM = '/v1/conversations/group/team'
const DIRECT = `/v1/conversations/direct/${encodeURIComponent('bob\u001falice')}`

const PROBLEM = 'application/problem+json'

interface Listed {
  readonly kind: string
  readonly id: string
  readonly head: number
  readonly time: number
  readonly unread: number
  readonly read_seq: number
  readonly is_member: boolean
  readonly is_pinned: boolean
  readonly is_muted: boolean
}

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
    { user: 'alice', role: 'owner', read_seq: 0 },
    { user: 'bob', role: 'member', read_seq: 2 },
    { user: 'carol', role: 'member', read_seq: 0 },
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

test("a server reads a user's conversation list: heads, unread, markers, and what changed of it", async () => {
  await using server = await startWith({ apps: APPS })
  const api = await ApiClient.open(server.port, serviceOfShop())
  const alice = await ChatClient.open({ port: server.port, user: 'alice', token: shopToken(Date.now()) })
  const inbox = '/v1/users/alice/conversations'
  const untilListed = async (path: string, isThere: (conversations: Listed[]) => boolean) => {
    for (;;) {
      const { status, json } = await api.get(path)
      equal(status, 200)
      if (isThere(json.conversations))
        return json as { conversations: Listed[]; is_whole: boolean; cursor: string; more: boolean }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const nothing = (await api.get(inbox)).json
  deepEqual([nothing.conversations, nothing.more, nothing.is_whole], [[], false, true])

  await api.post('/v1/conversations', { kind: 'group', id: 'team', owner: 'bob', members: ['alice'] })
  await api.post(`${TEAM}/messages`, { as: 'bob', text: 'one' })
  await api.post(`${TEAM}/messages`, { as: 'bob', text: 'two', mentions: ['alice'] })
  await api.post(`${DIRECT}/messages`, { as: 'bob', text: 'three' })
  const first = await untilListed(inbox, (all) => all.reduce((sum, { unread }) => sum + unread, 0) === 3)
  const named = new Map(first.conversations.map((entry) => [entry.id, entry]))
  const plain = { is_marked_unread: false, is_muted: false, is_pinned: false, is_hidden: false }
  const { time, ...team } = named.get('team')!
  deepEqual(team, {
    ...{ kind: 'group', id: 'team', head: 3, ordinal: 2, unread: 2, read_seq: 0, read_ordinal: 0, is_member: true },
    ...{ mention_seq: 3, incarnation: 1 },
    ...plain,
  })
  ok(Math.abs(time - Date.now()) < 60_000)
  deepEqual([named.get('alice\u001fbob')!.kind, named.get('alice\u001fbob')!.unread], ['direct', 1])

  // A device reads, and pins: a server that asks on from its cursor hears of that and no more.
  const place = { conversationKind: 2, conversation: 'team' } as const
  const marked = await alice.ask((ref) => ({
    kind: 'mark',
    ref,
    n: 1,
    ...place,
    incarnation: 1,
    seq: 2,
    ordinal: 1,
    set: 6,
    flags: 4,
  }))
  equal(marked.kind, 'ack')
  const changed = await untilListed(`${inbox}?after=${first.cursor}`, (all) => all.some(({ is_pinned }) => is_pinned))
  deepEqual(
    changed.conversations.map(({ id, unread, read_seq, is_pinned, is_muted }) => [
      id,
      unread,
      read_seq,
      is_pinned,
      is_muted,
    ]),
    [['team', 1, 2, true, false]],
  )
  equal(changed.is_whole, false)
  deepEqual((await api.get(`${inbox}?after=${changed.cursor}`)).json.conversations, [])
  await api.post(`${TEAM}/members/kick`, { users: ['alice'] })
  const left = await untilListed(`${inbox}?after=${changed.cursor}`, (all) => all.length > 0)
  deepEqual([left.conversations[0]!.is_member, left.conversations[0]!.head], [false, 4])

  // Where a large conversation stands is asked for by itself.
  const users = Array.from({ length: 2_100 }, (_, n) => `user ${n}`)
  const page = (n: number) => users.slice(n * 500, (n + 1) * 500)
  await api.post('/v1/conversations', { kind: 'group', id: 'crowd', owner: 'alice', members: page(0) })
  const invited = '/v1/conversations/group/crowd'
  for (const n of [1, 2, 3, 4]) equal((await api.post(`${invited}/members`, { users: page(n) })).status, 201)
  await untilListed(inbox, (all) => all.some(({ id }) => id === 'crowd'))
  let whole = (await api.get(inbox)).json
  while (whole.heads_next === 0) whole = (await api.get(inbox)).json
  const { head } = (await api.get(`${invited}/messages`)).json
  const large = (await api.get(`${inbox}?heads_from=${whole.heads_next}&after=${whole.cursor}`)).json
  const { time: _, ...crowd } = large.heads[0]
  deepEqual([large.heads.length, large.cursor, large.heads_next], [1, whole.cursor, 0])
  deepEqual(crowd, { kind: 'group', id: 'crowd', head, ordinal: 0, is_away: false })

  deepEqual(outcome(await api.get(`${inbox}?after=999.1`)), [400, 'cursor-ahead'])
  deepEqual(outcome(await api.get(`${inbox}?after=x`)), [400, 'bad-frame'])
  deepEqual(outcome(await api.as(shopToken(Date.now())).get(inbox)), [403, 'role-needed'])
  alice.end()
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
  const limits = { bad_tokens_per_second: 20 }
  await using server = await startWith({ apps: APPS, limits })
  const api = await ApiClient.open(server.port, 'x.y.z')
  const answers = []
  while (answers.length < 2_000 && answers.at(-1)?.status !== 429) {
    answers.push(...(await Promise.all(Array.from({ length: 100 }, () => api.get('/v1/quota')))))
  }
  const waits = answers.filter(({ status }) => status === 429)
  ok(waits.length > 0 && answers.length >= limits.bad_tokens_per_second, `${waits.length} of ${answers.length}`)
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
