/** Tabs that slept, were closed without a word, or lost their leader under way. */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { Home } from '../../test/support/tab-home.js'
import type { InboxEntryFacts } from '../protocol/decoded-frame.js'
import type { ConversationName } from './command-queue.js'
import type { FromLeader, FromTab, TabRequest } from './tab-words.js'

const ALL = { conversationKind: 2, conversation: 'all' }

test('a leader that is closed leaves the reads of other tabs to the next', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  for (let said = 0; said < 3; said++) home.server.write('bob', `${said}`)
  await home.soon()
  home.server.cut()
  const page = second!.client.conversation('all').history()
  while (await home.browser.step());
  const closed = first!.client.close()
  await home.longer()
  await closed
  equal((await page).events.length, 3)
})

test('a tab that says nothing for minutes is forgotten, with whom it watched, and joins anew when it speaks', async () => {
  const home = new Home()
  const [first, second] = await home.tabs(2)
  first!.client.presence.watch(['alice'])
  second!.client.presence.watch(['carol'])
  const gone = home.tab()
  const heard: FromLeader[] = []
  const channel = gone.channel((message) => {
    const word = message as FromLeader | FromTab
    if (word.from === 'leader') heard.push(word)
  })
  let k = 0
  const ask = (request: TabRequest) => channel.post({ from: 'tab', tab: 'gone', k: ++k, request } satisfies FromTab)
  const join = { kind: 'join' as const, isFirst: true, isStarted: true, commands: [], followed: [] }
  ask({ ...join, watched: ['dave'] })
  await home.soon()
  deepEqual([...home.server.watched.at(-1)!].sort(), ['alice', 'carol', 'dave'])
  await home.browser.quiet(301_000)
  await home.tabs(1)
  deepEqual([...home.server.watched.at(-1)!].sort(), ['alice', 'carol'])
  heard.length = 0
  ask({ kind: 'ping' })
  await home.soon()
  equal(
    heard.some(({ news }) => news.kind === 'leading'),
    true,
  )
})

test('a tab does not wait for the commands of others when it is closed', async () => {
  const home = new Home()
  const [first] = await home.tabs(1)
  home.server.isSilent = true
  home.server.cut()
  first!.client.conversation('all').send('later')
  await home.soon()
  const second = home.client()
  const connected = rejects(second.connect(), { reason: 'closed' })
  await home.soon()
  equal(second.pending().length, 1)
  let isClosed = false
  void second.close().then(() => {
    isClosed = true
  })
  await home.soon() // shorter than a tab waits for what is not stored
  await new Promise(setImmediate)
  equal(isClosed, true)
  await connected
})

test('a tab that slept while a conversation lost events shows it again', async () => {
  const home = new Home()
  const [, second] = await home.tabs(2)
  const list = (version: number, incarnation: number) => {
    const facts = { head: 3, ordinal: 3, time: 1, readSeq: 0, readOrdinal: 0, isMember: true, version, flags: 0 }
    const entry: InboxEntryFacts = { ...ALL, ...facts, incarnation, mentionSeq: 0, sinceSeq: incarnation }
    const step = { incarnation: 1, prev: version - 1, version, entries: [entry], more: false, heads: [], headsNext: 0 }
    home.server.tell({ kind: 'inbox', ref: 0, ...step })
  }
  const seqs: number[] = []
  const restarted: (ConversationName | undefined)[] = []
  second!.client.onMessage(({ seq }) => seqs.push(seq))
  second!.client.onTrouble((trouble) => {
    if (trouble.kind === 'history-restarted') restarted.push(trouble.conversation)
  })
  for (let said = 1; said <= 3; said++) home.server.write('bob', `${said}`)
  list(2, 1)
  await home.soon()
  second!.tab.isFrozen = second!.tab.isDeaf = true
  list(3, 2)
  await home.soon()
  second!.tab.isFrozen = second!.tab.isDeaf = false
  await home.longer()
  deepEqual(restarted, [{ kind: 2, id: 'all' }])
  deepEqual(seqs, [1, 2, 3, 1, 2, 3])
})
