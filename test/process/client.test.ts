/** The client library against a real server: what survives which end of whom. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import type { Client } from '../../src/client/client.js'
import type { ClientOptions } from '../../src/client/client-options.js'
import type { RefusedError } from '../../src/client/errors.js'
import { fileStorage, ParleyClient } from '../../src/client-node.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const urlOf = (server: ServerProcess) => `ws://127.0.0.1:${server.port}/v1/ws`
const tokenOf = (user: string, livesMs = 60 * 60_000) =>
  signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + livesMs })

function clientOf(server: ServerProcess, user: string, options: Partial<ClientOptions> = {}): ParleyClient {
  return new ParleyClient({ servers: [urlOf(server)], token: tokenOf(user), ...options })
}

function textsOf(client: Client): string[] {
  const texts: string[] = []
  client.onMessage(({ text }) => texts.push(text))
  return texts
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('two users chat: acks, order, streams, history, own messages once', async () => {
  await using server = await ServerProcess.start()
  const [alice, bob] = [clientOf(server, 'alice'), clientOf(server, 'bob')]
  const [hers, his] = [textsOf(alice), textsOf(bob)]
  const lunch = alice.direct('bob').send('lunch?') // before it connects, or knows who it is
  equal(lunch.state.kind, 'storing')
  await Promise.all([alice.connect(), bob.connect()])
  equal((await lunch.acked()).seq, 1)
  await until(() => his.length === 1)
  const stream = alice.direct('bob').events({ after: 0 })
  equal(
    (
      await bob
        .direct('alice')
        .send({ text: 'yes', mentions: ['alice'] })
        .acked()
    ).seq,
    2,
  )
  await until(() => hers.length === 2)
  deepEqual(
    [hers, his],
    [
      ['lunch?', 'yes'],
      ['lunch?', 'yes'],
    ],
  )
  const seqs: number[] = []
  for await (const event of stream) if (seqs.push(event.seq) === 2) break
  deepEqual(seqs, [1, 2])
  const { events, head } = await bob.direct('alice').history({ limit: 1 })
  deepEqual([head, events.map((event) => event.kind === 'message' && event.text)], [2, ['yes']])
  await Promise.all([alice.close(), bob.close()])
})

test('groups: create, invite, kick, leave, and refusals that say what to do', async () => {
  await using server = await ServerProcess.start()
  const [alice, bob] = [clientOf(server, 'alice'), clientOf(server, 'bob')]
  await Promise.all([alice.connect(), bob.connect()])
  const group = await alice.createGroup({ members: ['bob'] })
  await until(() => bob.state.kind === 'online')
  await group.invite('carol')
  await rejects(group.invite('carol'), (error: RefusedError) => error.reason === 'nothing-to-change')
  await rejects(bob.conversation(group.id!).kick('carol'), { reason: 'not-owner', todo: 'not-allowed', code: 1404 })
  await bob.conversation(group.id!).leave()
  const late = bob.conversation(group.id!).send('still here?')
  await rejects(late.acked(), { reason: 'not-member' })
  equal(late.state.kind, 'refused')
  try {
    group.send('x'.repeat(64 * 1024 + 1))
    ok(false)
  } catch (error) {
    equal((error as RefusedError).code, 1103)
  }
  await rejects(alice.createGroup({ id: group.id!, members: [] }), { reason: 'already-exists' })
  await Promise.all([alice.close(), bob.close()])
})

test('the server is killed with -9 under way: everything arrives once and in order', async () => {
  await using server = await ServerProcess.start({ workers: 1 })
  const [alice, bob] = [clientOf(server, 'alice'), clientOf(server, 'bob')]
  const his = textsOf(bob)
  await Promise.all([alice.connect(), bob.connect()])
  const sent = Array.from({ length: 200 }, (_, index) => `${index}`)
  const acks = sent.map((text) => alice.direct('bob').send(text).acked())
  await acks[20]
  process.kill(server.pid, 'SIGKILL')
  await server.serving(2)
  await Promise.all(acks)
  await until(() => his.length >= sent.length)
  deepEqual(his, sent)
  await Promise.all([alice.close(), bob.close()])
})

test('a token that has expired, or is not good yet, is asked for anew; a text that is no good stops the client', async () => {
  await using server = await ServerProcess.start()
  let asked = 0
  const alice = clientOf(server, 'alice', { token: async () => tokenOf('alice', ++asked === 1 ? -60_000 : 60_000) })
  await alice.connect()
  equal(asked, 2)
  let hers = 0
  const ahead = { app: 'test', user: 'carol', issuedAt: Date.now() + 600_000, expiresAt: Date.now() + 900_000 }
  const carol = clientOf(server, 'carol', {
    token: async () => (++hers === 1 ? signToken(SECRET, ahead) : tokenOf('carol')),
  })
  await carol.connect()
  equal(hers, 2)
  const forged = clientOf(server, 'bob', { token: `${tokenOf('bob')}x` })
  await rejects(forged.connect(), { reason: 'bad-token', todo: 'not-allowed' })
  equal(forged.state.kind, 'stopped')
  await Promise.all([alice.close(), carol.close(), forged.close()])
})

test('a token is fetched ahead of its end, and the connection goes on with it', async () => {
  await using server = await ServerProcess.start()
  let asked = 0
  const alice = clientOf(server, 'alice', { token: async () => tokenOf('alice', ++asked === 1 ? 5_000 : 60_000) })
  const states: string[] = []
  alice.onState(({ kind }) => states.push(kind))
  await alice.connect()
  await new Promise((resolve) => setTimeout(resolve, 7_500))
  deepEqual([asked, alice.state.kind, states.filter((kind) => kind !== 'connecting')], [2, 'online', ['online']])
  await alice.close()
})

test('addresses that do not answer are passed over', async () => {
  await using server = await ServerProcess.start()
  const servers = ['ws://127.0.0.1:1/v1/ws', 'ws://127.0.0.1:2/v1/ws', urlOf(server)]
  const alice = clientOf(server, 'alice', { servers })
  await alice.connect()
  equal(alice.state.kind, 'online')
  await alice.close()
})

test('what was queued offline goes out in the next life, and is shown there as pending', async () => {
  await using server = await ServerProcess.start()
  const folder = mkdtempSync(join(tmpdir(), 'parley-client-'))
  const first = clientOf(server, 'alice', { storage: fileStorage(folder) })
  await first.connect()
  await first.direct('bob').send('one').acked()
  await first.close()

  const offline = clientOf(server, 'alice', { servers: ['ws://127.0.0.1:1/v1/ws'], storage: fileStorage(folder) })
  void offline.connect().catch(() => {})
  await offline.direct('bob').send('two').stored()
  await rejects(clientOf(server, 'alice', { storage: fileStorage(folder) }).connect(), { name: 'StorageError' })
  await offline.close()

  const third = clientOf(server, 'alice', { storage: fileStorage(folder) })
  const shown = textsOf(third)
  await third.connect()
  await until(() => shown.length === 1)
  deepEqual(shown, ['two']) // one was shown in the first life
  equal((await third.direct('bob').send('three').acked()).seq, 3)
  await third.close()
  const stranger = clientOf(server, 'bob', { storage: fileStorage(folder) })
  await rejects(stranger.connect(), { reason: 'foreign-storage' })
  await stranger.close()
  rmSync(folder, { recursive: true })
})

test('a storage restored from an old backup takes a new lane, and says so', async () => {
  await using server = await ServerProcess.start()
  const [folder, backup] = [
    mkdtempSync(join(tmpdir(), 'parley-client-')),
    mkdtempSync(join(tmpdir(), 'parley-backup-')),
  ]
  const live = async (text: string) => {
    const client = clientOf(server, 'alice', { storage: fileStorage(folder) })
    const troubles: string[] = []
    client.onTrouble(({ kind }) => troubles.push(kind))
    await client.connect()
    const { seq } = await client.direct('bob').send(text).acked()
    await client.close()
    return { seq, troubles }
  }
  deepEqual(await live('one'), { seq: 1, troubles: [] })
  cpSync(folder, backup, { recursive: true })
  deepEqual(await live('two'), { seq: 2, troubles: [] })
  rmSync(folder, { recursive: true })
  cpSync(backup, folder, { recursive: true })
  deepEqual(await live('three'), { seq: 3, troubles: ['lane-lost'] })
  deepEqual(await live('four'), { seq: 4, troubles: [] })
  for (const each of [folder, backup]) rmSync(each, { recursive: true })
})

test('a device that is killed again and again loses nothing it stored, and sends nothing twice', async () => {
  await using server = await ServerProcess.start()
  const folder = mkdtempSync(join(tmpdir(), 'parley-client-'))
  const reader = clientOf(server, 'reader')
  await reader.connect()
  const group = await reader.createGroup({ members: ['writer'] })
  const stored: string[] = []
  const shown: string[] = []
  for (let life = 1; life <= 5; life++) {
    const lines = await liveUntil(life * 130, [urlOf(server), tokenOf('writer'), folder, `${life}`, group.id!])
    deepEqual(
      lines.filter((line) => line.startsWith('trouble')),
      [],
    )
    stored.push(...lines.filter((line) => line.startsWith('stored ')).map((line) => line.slice(7)))
    shown.push(...lines.filter((line) => line.startsWith('shown ')))
  }
  const writer = clientOf(server, 'writer', { storage: fileStorage(folder) })
  await writer.connect()
  await Promise.all(writer.pending().map((outgoing) => outgoing.acked()))
  const texts: string[] = []
  for await (const event of group.events({ after: 0 })) {
    if (event.kind === 'message') texts.push(event.text)
    if (event.seq >= (await group.history({ limit: 1 })).head) break
  }
  equal(new Set(texts).size, texts.length)
  deepEqual(
    stored.filter((text) => !texts.includes(text)),
    [],
  )
  ok(stored.length > 100 && shown.length > 0, `${stored.length} stored, ${shown.length} shown`)
  await Promise.all([writer.close(), reader.close()])
  rmSync(folder, { recursive: true })
})

/** Runs a life until it has printed so many lines, kills it there, and returns what it printed in whole lines. */
async function liveUntil(lines: number, options: readonly string[]): Promise<string[]> {
  const program = new URL('client-life.ts', import.meta.url).pathname
  const life = spawn(process.execPath, ['--import', 'tsx', program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  life.stdout.on('data', (part) => {
    text += part
    if (text.split('\n').length > lines) life.kill('SIGKILL')
  })
  await once(life, 'close')
  return text.split('\n').slice(0, -1)
}

test('the conversation list: unread, what began while a device was away, and the same after a restart of the program', async () => {
  await using server = await ServerProcess.start()
  const folder = mkdtempSync(join(tmpdir(), 'parley-inbox-'))
  try {
    const alice = clientOf(server, 'alice')
    let bob = clientOf(server, 'bob', { storage: fileStorage(folder) })
    const stands = () => bob.inbox().map(({ conversation, head, unread }) => [conversation.id, head, unread])
    await Promise.all([alice.connect(), bob.connect()])
    await alice.direct('bob').send('one').acked()
    await until(() => stands().length === 1)
    const direct = alice.direct('bob').id
    await alice.direct('bob').send('two').acked()
    await until(() => stands()[0]![2] === 2)
    await bob.direct('alice').send('read it').acked()
    deepEqual(stands(), [[direct, 3, 0]])
    await bob.close()

    const lunch = await alice.createGroup({ id: 'lunch', members: ['bob'] })
    await lunch.send('noon?').acked()
    bob = clientOf(server, 'bob', { storage: fileStorage(folder) })
    const his = textsOf(bob)
    const connected = bob.connect()
    await until(() => stands().length > 0)
    await connected
    await until(() => his.length === 1) // the device has never heard of that group; the list tells
    await until(() => stands().length === 2)
    deepEqual(his, ['noon?'])
    await until(() => stands()[1]![1] === 3) // told again a second after it was told first
    deepEqual(stands(), [
      ['lunch', 2, 1],
      [direct, 3, 0],
    ])
    await Promise.all([alice.close(), bob.close()])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('read markers and settings of the list reach the other devices, from offline as well', async () => {
  await using server = await ServerProcess.start()
  const alice = clientOf(server, 'alice')
  const [phone, tablet] = ['phone', 'tablet'].map((device) => clientOf(server, 'bob', { device })) as [Client, Client]
  await Promise.all([alice, phone, tablet].map((client) => client.connect()))
  await alice.direct('bob').send('one').acked()
  await until(() => phone.inbox()[0]?.unread === 1 && tablet.inbox()[0]?.unread === 1)
  phone.direct('alice').markRead()
  phone.direct('alice').set({ pinned: true, muted: true })
  equal(phone.inbox()[0]!.unread, 0)
  await until(() => tablet.inbox()[0]!.unread === 0 && tablet.inbox()[0]!.isPinned && tablet.inbox()[0]!.isMuted)
  tablet.direct('alice').set({ muted: false, markedUnread: true })
  await until(() => !phone.inbox()[0]!.isMuted && phone.inbox()[0]!.isMarkedUnread)
  equal(phone.inbox()[0]!.isPinned, true)
  phone.direct('alice').markRead() // which ends that
  await until(() => !tablet.inbox()[0]!.isMarkedUnread)
  await Promise.all([alice, phone, tablet].map((client) => client.close()))
})
