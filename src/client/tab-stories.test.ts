/** What tabs that share a device owe each other, told one by one. */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { sharedStorageConformance } from '../../test/conformance/shared-storage.js'
import { TabBrowser } from '../../test/support/tab-browser.js'
import { Home } from '../../test/support/tab-home.js'
import type { InboxEntryFacts } from '../protocol/decoded-frame.js'
import { Client } from './client.js'
import type { RefusedError } from './errors.js'
import type { SharedStorage } from './storage.js'
import type { FromLeader, FromTab, TabRequest } from './tab-words.js'

/** A browser whose events come by themselves, one after the other. */
function liveBrowser() {
  const browser = new TabBrowser(1)
  setInterval(() => void browser.step(), 0).unref()
  return { tab: () => browser.open(() => ({ send() {}, close() {} })) }
}

sharedStorageConformance('tabs of a test', liveBrowser)

test('two tabs have one connection, one device and one queue; both show what either writes, and read the past', async () => {
  const home = new Home()
  const [first, second] = (await home.tabs(2)).map(({ client }) => client)
  const shown = [first!, second!].map((client) => {
    const texts: string[] = []
    client.onMessage(({ text }) => texts.push(text))
    return texts
  })
  const sent = [first!.conversation('all').send('one'), second!.conversation('all').send('two')]
  await home.soon()
  home.server.write('bob', 'three')
  await home.soon()
  deepEqual(shown, [home.server.texts, home.server.texts])
  equal(home.server.texts.length, 3)
  deepEqual(await Promise.all(sent.map(async (outgoing) => (await outgoing.acked()).seq)), [1, 2])
  const page = second!.conversation('all').history({ after: 1 })
  await home.soon()
  deepEqual(
    (await page).events.map(({ seq }) => seq),
    [2, 3],
  )
  deepEqual([home.server.hellos, home.server.peers.size], [1, 1])
  deepEqual(first!.state, second!.state)
})

test('lists, presence, typing, receipts and marks are those of all tabs', async () => {
  const home = new Home()
  const [first, second] = (await home.tabs(2)).map(({ client }) => client) as [Client, Client]
  const news: string[] = []
  for (const [name, client] of Object.entries({ first, second })) {
    client.onInbox(([entry]) => news.push(`${name} lists ${entry?.unread}`))
    client.presence.onPresence(({ user }) => news.push(`${name} sees ${user}`))
    client.presence.onTyping(({ users }) => news.push(`${name} hears ${users.join(' ')} type`))
    client.onReceipt(({ user, seq }) => news.push(`${name}: ${user} read ${seq}`))
  }
  for (let said = 1; said <= 3; said++) home.server.write('bob', `${said}`)
  await home.soon()
  first.presence.watch(['bob'])
  second.presence.watch(['carol'])
  await home.soon()
  deepEqual([...home.server.watched.at(-1)!].sort(), ['bob', 'carol'])
  const all = { conversationKind: 2, conversation: 'all' }
  const entries = ['bob', 'carol'].map((user) => ({ user, online: true, lastSeen: 0 }))
  home.server.tell({ kind: 'presence', ref: 0, entries })
  home.server.tell({ kind: 'typing', ref: 0, ...all, user: 'bob' })
  home.server.tell({ kind: 'receipt', ...all, users: ['bob'], seqs: [3] })
  const facts = { head: 3, ordinal: 3, time: 1, readSeq: 0, readOrdinal: 0, isMember: true, version: 2, flags: 0 }
  const entry: InboxEntryFacts = { ...all, ...facts, incarnation: 1, mentionSeq: 0, sinceSeq: 1 }
  const step = { incarnation: 1, prev: 1, version: 2, entries: [entry], more: false, heads: [], headsNext: 0 }
  home.server.tell({ kind: 'inbox', ref: 0, ...step })
  await home.soon()
  const told = ['hears bob type', 'lists 3', ': bob read 3']
  const heard = (name: string) => told.map((what) => (what.startsWith(':') ? `${name}${what}` : `${name} ${what}`))
  deepEqual([...news].sort(), [...heard('first'), 'first sees bob', ...heard('second'), 'second sees carol'].sort())
  deepEqual(second.inbox(), first.inbox())
  const online: number[] = []
  second.presence.onlineIn(second.conversation('all'), (count) => online.push(count.online))
  await home.browser.quiet(8_000)
  deepEqual(online, [2, 2])
  second.conversation('all').markRead()
  await home.soon()
  deepEqual(
    home.server.marks.map(({ seq }) => seq),
    [3],
  )
})

test('the outcome of a command that a tab slept through is known to the next leader', async () => {
  const home = new Home()
  const [leader, sleeper] = await home.tabs(2)
  const outgoing = sleeper!.client.conversation('all').send('good night')
  sleeper!.tab.isFrozen = sleeper!.tab.isDeaf = true
  await home.soon()
  deepEqual(home.server.texts, ['good night'])
  equal(outgoing.state.kind, 'storing')
  leader!.tab.kill()
  await home.soon()
  sleeper!.tab.isFrozen = sleeper!.tab.isDeaf = false
  await home.longer()
  deepEqual(outgoing.state, { kind: 'acked', seq: 1, time: 1 })
  deepEqual(home.server.texts, ['good night'])
})

test('so much later that it is forgotten, the outcome is unknown; and known again once the message turns up', async () => {
  const home = new Home()
  const [leader, sleeper] = await home.tabs(2)
  leader!.client.conversation('all').send('hello')
  await home.soon()
  const outgoing = sleeper!.client.conversation('all').send('good night')
  sleeper!.tab.isFrozen = sleeper!.tab.isDeaf = true
  await home.soon()
  for (let sent = 0; sent < 1_000; sent++) leader!.client.conversation('all').send(`${sent}`)
  await home.soon()
  equal(home.server.texts.length, 1_002)
  const states: string[] = []
  outgoing.onChange(({ state }) => states.push(state.kind))
  sleeper!.tab.isFrozen = sleeper!.tab.isDeaf = false
  await home.longer()
  deepEqual(states, ['unknown', 'acked'])
  equal(home.server.texts.length, 1_002)
})

test('what is handed over twice is queued once, by this leader and by the next', async () => {
  const home = new Home()
  const [leader] = await home.tabs(1)
  const other = home.tab()
  let heard: FromLeader[] = []
  const channel = other.channel((message) => heard.push(message as FromLeader))
  let k = 0
  const ask = (request: TabRequest) => {
    channel.post({ from: 'tab', tab: 'other', k: ++k, request } satisfies FromTab)
  }
  const { command } = home.client(home.tab()).conversation('all').send('once')
  const handed = { name: { kind: 2 as const, id: 'all' }, command, since: 0 }
  const nothing = { isFirst: true, isStarted: true, followed: [], watched: [] }
  ask({ kind: 'join', ...nothing, commands: [handed] })
  ask({ kind: 'queue', command: handed })
  await home.soon()
  ask({ kind: 'queue', command: handed })
  await home.soon()
  deepEqual(home.server.texts, ['once'])
  leader!.tab.kill()
  await home.tabs(1)
  heard = []
  ask({ kind: 'join', ...nothing, commands: [handed] })
  await home.soon()
  const settled = heard.flatMap(({ news }) => (news.kind === 'settled' ? news.outcome : []))
  deepEqual(settled, [{ kind: 'acked', seq: 1, time: 1, n: 1 }])
  deepEqual(home.server.texts, ['once'])
})

test('a client that closes leaves the lead to another, with what it had queued', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  home.server.cut()
  const outgoing = first!.client.conversation('all').send('still to go')
  const closed = first!.client.close()
  await home.soon()
  await closed
  await rejects(outgoing.acked(), { reason: 'closed' })
  await home.longer()
  deepEqual(home.server.texts, ['still to go'])
  deepEqual([second!.client.state.kind, home.server.peers.size], ['online', 1])
})

test('a leader that says nothing for long enough is replaced, and joins the other when it wakes', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  const shown: string[] = []
  first!.client.onMessage(({ text }) => shown.push(text))
  first!.tab.isFrozen = true
  const outgoing = second!.client.conversation('all').send('are you asleep?')
  await home.browser.quiet(9_000)
  equal(outgoing.state.kind, 'storing')
  await home.browser.quiet(15_000)
  equal(outgoing.state.kind, 'acked')
  first!.tab.isFrozen = false
  await home.longer()
  deepEqual([shown, home.server.texts], [['are you asleep?'], ['are you asleep?']])
  deepEqual([first!.client.state.kind, home.server.peers.size], ['online', 1])
})

test('reads that a leader leaves behind are asked of the next', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  for (let said = 0; said < 3; said++) home.server.write('bob', `${said}`)
  await home.soon()
  first!.tab.isFrozen = true
  const page = second!.client.conversation('all').history()
  first!.tab.kill()
  await home.longer()
  equal((await page).events.length, 3)
})

test('a server that will not have us stops all tabs, with its code; each may try again', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  home.server.refusal = 'bad-token'
  home.server.cut()
  await home.longer()
  for (const { client } of [first!, second!]) {
    equal(client.state.kind, 'stopped')
    equal(client.state.kind === 'stopped' && (client.state.error as RefusedError).reason, 'bad-token')
  }
  home.server.refusal = undefined
  const again = second!.client.connect()
  await home.longer()
  await again
  deepEqual([first!.client.state.kind, second!.client.state.kind], ['online', 'online'])
})

test('where nobody answers, and nobody can take the lead, opening ends with a word of it', async () => {
  const home = new Home()
  const tab = home.tab()
  const silent: SharedStorage = {
    elect: () => new Promise(() => {}),
    hold: () => tab.hold(),
    channel: () => ({ post() {}, close() {} }),
  }
  const client = new Client({ servers: ['ws://server/'], token: 'token', storage: silent }, tab.platform)
  const refused = rejects(client.connect(), { reason: 'no-leader' })
  await home.browser.quiet(29_000)
  equal(client.state.kind, 'closed')
  await home.browser.quiet(2_000)
  await refused
})
