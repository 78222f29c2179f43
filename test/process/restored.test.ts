/**
 * Devices that have seen more than a restored backup holds: they are told, nothing stays missing, and sending goes on.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { ClientError, fileStorage, type Message, ParleyClient } from '../../src/client-node.js'
import { parley } from '../support/command-line.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const root = mkdtempSync(join(tmpdir(), 'parley-restored-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A user's device, and what it shows since history last began. */
class Person {
  readonly client: ParleyClient
  readonly shown = new Map<number, string>()
  readonly troubles: string[] = []

  constructor(name: string, port: number, storage = name) {
    this.client = new ParleyClient({
      servers: [`ws://127.0.0.1:${port}/v1/ws`],
      token: signToken(SECRET, { app: 'test', user: name, expiresAt: Date.now() + 600_000 }),
      device: storage,
      storage: fileStorage(join(root, `storage-${storage}`)),
    })
    this.client.onMessage(({ seq, text }: Message) => this.shown.set(seq, text ?? ''))
    this.client.onTrouble(({ kind }) => {
      this.troubles.push(kind)
      if (kind === 'history-restarted') this.shown.clear()
    })
  }

  /** Whoever hears that the outcome is unknown, because the lane was lost under way, may say it again. */
  async say(to: string, text: string): Promise<void> {
    try {
      await this.client.direct(to).send(text).acked()
    } catch (error) {
      if (!(error instanceof ClientError) || error.reason !== 'unknown-outcome') throw error
      await this.client.direct(to).send(text).acked()
    }
  }

  async shows(texts: readonly string[]): Promise<void> {
    for (let tries = 0; tries < 500 && this.lines().join() !== texts.join(); tries++) await sleep(20)
    deepEqual(this.lines(), texts)
  }

  /** Head and unread count of each conversation of the list. */
  async lists(entries: readonly [number, number][]): Promise<void> {
    const listed = () => this.client.inbox().map(({ head, unread }) => [head, unread])
    for (let tries = 0; tries < 500 && listed().join() !== entries.join(); tries++) await sleep(20)
    deepEqual(listed(), entries)
  }

  lines(): string[] {
    return [...this.shown].sort(([a], [b]) => a - b).map(([, text]) => text)
  }
}

test('devices ahead of a restored backup are shown the new history, also where it is longer than theirs', {
  timeout: 60_000,
}, async () => {
  const dataFolder = join(root, 'data')
  const first = await ServerProcess.start({ dataFolder })
  const { port } = first
  const [alice, bob] = [new Person('alice', port), new Person('bob', port)]
  await Promise.all([alice.client.connect(), bob.client.connect()])
  await alice.say('bob', 'one')
  await bob.say('alice', 'two')
  await bob.shows(['one', 'two'])
  const backup = join(root, 'backup')
  equal((await parley(['backup', backup, '--data', dataFolder], { folder: root })).code, 0)
  for (const text of ['lost 3', 'lost 4', 'lost 5']) await alice.say('bob', text)
  await bob.shows(['one', 'two', 'lost 3', 'lost 4', 'lost 5'])
  await alice.lists([[5, 0]])
  const stream = bob.client.direct('alice').events({ after: 0 })
  for (let read = 0; read < 5; read++) await stream.next()
  await bob.client.close() // away while the server is restored
  await first.stop()

  const restored = join(root, 'restored')
  equal((await parley(['restore', backup, '--data', restored], { folder: root })).code, 0)
  await using second = await ServerProcess.start({ dataFolder: restored, port })
  equal(second.port, port)
  for (let tries = 0; tries < 500 && !alice.troubles.includes('history-restarted'); tries++) await sleep(20)
  ok(alice.troubles.includes('history-restarted'), alice.troubles.join())
  await alice.lists([[2, 1]]) // its reader has lost what she wrote and read since
  const story = ['one', 'two', 'new 3', 'new 4', 'new 5', 'new 6', 'new 7']
  for (const text of story.slice(2)) await alice.say('bob', text) // its lane is ahead of the backup's
  await alice.shows(story)
  ok(alice.troubles.includes('lane-lost'), alice.troubles.join())

  const again = new Person('bob', port)
  await again.client.connect()
  await again.shows(story)
  ok(again.troubles.includes('history-restarted'), again.troubles.join())
  await again.lists([[7, 5]])
  await again.say('alice', 'eight')
  await alice.shows([...story, 'eight'])
  await Promise.all([alice.client.close(), again.client.close()])
})

test('a stream of events that is open while history begins anew says so', { timeout: 60_000 }, async () => {
  const dataFolder = join(root, 'stream-data')
  const first = await ServerProcess.start({ dataFolder })
  const { port } = first
  const carol = new Person('carol', port)
  await carol.client.connect()
  await carol.say('dave', 'one')
  const backup = join(root, 'stream-backup')
  equal((await parley(['backup', backup, '--data', dataFolder], { folder: root })).code, 0)
  const stream = carol.client.direct('dave').events({ after: 1 })
  const next = stream.next()
  await first.stop()
  equal((await parley(['restore', backup, '--data', join(root, 'stream-restored')], { folder: root })).code, 0)
  await using _second = await ServerProcess.start({ dataFolder: join(root, 'stream-restored'), port })
  await rejects(next, { reason: 'history-restarted' })
  await carol.client.close()
})
