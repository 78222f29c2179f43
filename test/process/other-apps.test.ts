/**
 * Apps do not meet: a second app of one server, with the same users, devices, lanes and names, walks every command on every
 * wire and every operation of HTTP, and is told what it is told of things that nobody has. The first app stays as it was.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.js'
import type { DecodedFrame, EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { type ApiAnswer, ApiClient } from '../support/api-client.js'
import { APPS, attacks, bankToken, shopToken } from '../support/attacks.js'
import { ChatClient } from '../support/chat-client.js'
import { startWith } from '../support/configured-server.js'
import { clientKinds, commandKinds, everyCommand } from '../support/every-command.js'
import { WIRES, type WireClient } from '../support/wire-client.js'

const TEAM = '/v1/conversations/group/team'
const DIRECT = `/v1/conversations/direct/${encodeURIComponent('alice\u001fbob')}`
const serviceOfShop = () => shopToken(Date.now(), { sub: 'backend', role: 'service' })
const serviceOfBank = () => bankToken(Date.now(), 'backend', 'service')

/** What the shop has, and devices of it that are there. */
async function openShop(port: number) {
  const api = await ApiClient.open(port, serviceOfShop())
  const devices = [
    await ChatClient.open({ port, user: 'alice', device: 'tablet', token: shopToken(Date.now()) }),
    await ChatClient.open({ port, user: 'bob', device: 'phone', token: shopToken(Date.now(), { sub: 'bob' }) }),
  ]
  await api.post('/v1/conversations', { kind: 'group', id: 'team', owner: 'alice', members: ['bob'] }, 'k')
  await api.post(`${TEAM}/messages`, { as: 'alice', text: 'of the shop' }, 'k2')
  await api.post(`${DIRECT}/messages`, { as: 'alice', text: 'of the shop' })
  for (const device of devices) await device.until(() => device.events.length === 3)
  const places = [TEAM, DIRECT].flatMap((place) => [`${place}/messages?after=0`, `${place}/members`])
  const inboxes = ['alice', 'bob'].map((user) => `/v1/users/${user}/conversations`)
  const state = async () => {
    const all: unknown[] = []
    for (const path of [...places, ...inboxes]) all.push((await api.get(path)).json)
    return all
  }
  /** The lists have heard of everything. */
  const isSettled = async () => {
    const lists = (await state()).slice(places.length) as { conversations: { head: number }[] }[]
    return lists.every(({ conversations }) => conversations.reduce((sum, { head }) => sum + head, 0) === 3)
  }
  while (!(await isSettled())) await new Promise((resolve) => setTimeout(resolve, 20))
  return { api, devices, state }
}

/** Too many of one address are forged here for one second. */
async function patiently(ask: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  for (;;) {
    const answer = await ask()
    if (answer.json.title !== 'bad-token-rate') return answer
    await new Promise((resolve) => setTimeout(resolve, answer.json.retry_after_ms))
  }
}

const AIM = { user: 'alice', peer: 'bob', group: 'team', text: 'of the bank', device: 'tablet' }
/** Nobody is or has any of these, in no app. */
const NOBODYS = { ...AIM, user: 'carol', peer: 'zoe', group: 'none' }

/** Says all, one after another, and gathers what is answered to each. */
async function answersTo(client: WireClient, commands: readonly EncodableFrame[]) {
  const [answers, unasked] = [new Map<string, unknown[]>(), [] as DecodedFrame[]]
  for (const command of commands) {
    const ref = (command as { ref: number }).ref
    const fence = 1_000 + ref
    client.say(command, { kind: 'ping', ref: fence })
    const heard: DecodedFrame[] = []
    const isDone = () => {
      const isAnswered =
        command.kind === 'typing' || heard.some((frame) => 'ref' in frame && frame.ref === ref && frame.kind !== 'skip')
      return isAnswered && heard.some((frame) => frame.kind === 'pong' && frame.ref === fence)
    }
    while (!isDone()) {
      const frame = await client.heard()
      if (frame === undefined) throw new Error(`the connection ended at ${command.kind}`)
      heard.push(frame)
    }
    const ofRef = heard.filter((frame) => 'ref' in frame && frame.ref === ref)
    answers.set(`${command.kind} ${ref}`, ofRef.map(nameless))
    unasked.push(...heard.filter((frame) => !('ref' in frame) || frame.ref === 0))
  }
  return { answers, unasked }
}

/** Without times, and with the names of both aims made one. */
function nameless(frame: DecodedFrame): unknown {
  const timeless = { ...frame, ...('time' in frame && { time: 0 }), ...('lastSeen' in frame && { lastSeen: 0 }) }
  const text = JSON.stringify(timeless, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
  const names = (['user', 'peer', 'group'] as const).map((each) => [NOBODYS[each], AIM[each]] as const)
  return JSON.parse(names.reduce((all, [nobodys, theirs]) => all.replaceAll(nobodys, theirs), text))
}

for (const [wire, dial] of Object.entries(WIRES)) {
  test(`over ${wire} every command of another app is answered as if aimed at nothing, and the first app does not notice`, async () => {
    deepEqual([...commandKinds(), 'hello', 'ping'].sort(), clientKinds()) // a new command has a case
    await using server = await startWith({ apps: APPS, tcp_port: 0 })
    const { port, tcpPort } = server
    const { devices, state } = await openShop(port)
    const [before, events] = [await state(), devices.map((device) => device.events.length)]
    const walk = async (aim: typeof AIM) => {
      const client = await dial({ port, tcpPort })
      const token = bankToken(Date.now(), aim.user)
      client.say({ kind: 'hello', ref: 1, token, device: 'phone', lane: { number: 0, random: 7n } })
      const welcome = await client.heard()
      deepEqual([welcome?.kind, welcome?.kind === 'welcome' && welcome.app], ['welcome', 'bank'])
      const { answers, unasked } = await answersTo(client, everyCommand(aim))
      for (const frame of unasked) if (frame.kind === 'event') equal(frame.app, 'bank')
      client.end()
      return answers
    }
    deepEqual(await walk(AIM), await walk(NOBODYS))
    deepEqual(await state(), before)
    const after = devices.map((device) => device.events.length)
    deepEqual(after, events)
    for (const [at, device] of devices.entries()) {
      deepEqual(device.notices, [])
      equal((await device.send(at === 0 ? 'bob' : 'alice', 1, 'still here')).kind, 'ack')
      device.end()
    }
  })
}

test('over HTTP a token of another app, or none that is good, gets nothing of any operation', async () => {
  await using server = await startWith({ apps: APPS })
  const { api, devices, state } = await openShop(server.port)
  const bank = api.as(serviceOfBank())
  const before = await state()

  const userOf = (id: string) => (id === 'team' ? 'alice' : 'zoe')
  const walk = {
    'POST /v1/conversations': (by: ApiClient, id: string) => by.post('/v1/conversations', { kind: 'group', id }, 'k'),
    'POST /v1/conversations/{kind}/{id}/messages': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/messages`, { text: 'x' }, 'k'),
    'GET /v1/conversations/{kind}/{id}/messages': (by: ApiClient, id: string) =>
      by.get(`/v1/conversations/group/${id}/messages`),
    'GET /v1/conversations/{kind}/{id}/members': (by: ApiClient, id: string) =>
      by.get(`/v1/conversations/group/${id}/members`),
    'GET /v1/conversations/{kind}/{id}/online': (by: ApiClient, id: string) =>
      by.get(`/v1/conversations/group/${id}/online`),
    'POST /v1/conversations/{kind}/{id}/members': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/members`, { users: ['eve'] }, 'k'),
    'POST /v1/conversations/{kind}/{id}/members/kick': (by: ApiClient, id: string) =>
      by.post(`/v1/conversations/group/${id}/members/kick`, { users: ['bob'] }, 'k'),
    'GET /v1/users/{user}/conversations': (by: ApiClient, id: string) =>
      by.get(`/v1/users/${userOf(id)}/conversations`),
    'POST /v1/users/{user}/disconnect': (by: ApiClient, id: string) =>
      by.post(`/v1/users/${userOf(id)}/disconnect`, {}),
    'POST /v1/revocations': (by: ApiClient, id: string) => by.post('/v1/revocations', { user: userOf(id) }),
    'GET /v1/quota': (by: ApiClient) => by.get('/v1/quota'),
  }
  deepEqual(Object.keys(walk).sort(), api.operations.map(({ method, path }) => `${method} ${path}`).sort())

  // What another app has is not told apart from what nobody has.
  for (const [name, ask] of Object.entries(walk)) {
    if (name === 'POST /v1/conversations') continue
    const [theirs, nobodys] = [await ask(bank, 'team'), await ask(bank, 'nothing')]
    const timeless = ({ status, json }: typeof theirs) => ({
      status,
      json: { ...json, user: '', issued_before: 0, frames_per_second_of_app: 0 },
    })
    deepEqual(timeless(theirs), timeless(nobodys), name)
  }
  const created = (await walk['POST /v1/conversations'](bank, 'team')).json
  deepEqual([created.seq, created.duplicate], [1, false]) // the id is free there
  equal((await bank.get(`${DIRECT}/messages`)).json.head, 0)
  equal((await bank.get('/v1/quota')).json.connections_of_user.remaining, LIMITS.connectionsPerUserMax)
  deepEqual(await state(), before)
  equal((await devices[0]!.send('bob', 1, 'still here')).kind, 'ack')

  for (const [how, [token, code]] of Object.entries(attacks(Date.now()))) {
    if (how === 'bound to another device') continue
    for (const [name, ask] of Object.entries(walk))
      equal((await patiently(() => ask(api.as(token), 'team'))).json.title, code, `${how}: ${name}`)
  }
  const member = api.as(shopToken(Date.now()))
  for (const [name, ask] of Object.entries(walk)) {
    const { status, json } = await ask(member, 'team')
    if (name === 'GET /v1/quota') deepEqual([status, json.user], [200, 'alice'])
    else deepEqual([status, json.title], [403, 'role-needed'], name)
  }
})
