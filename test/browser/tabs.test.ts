/**
 * Two tabs of one browser in a real Chromium: one connection for each user, both see everything, and whichever tab has the
 * connection may close or fall asleep in the middle of it all.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { ServerProcess } from '../support/server-process.js'
import { testWith } from '../support/system-package.js'
import { CHROMIUM, Visitor } from './visitor.js'

const MINUTES = { timeout: 180_000 }
const DEVELOPMENT = { environment: { PARLEY_SECRET: undefined } }
/** Longer than others wait for a word of it. */
const ASLEEP_MS = 25_000
const USERS = ['alice', 'bob']

testWith(
  CHROMIUM,
  'two tabs have one connection; when the one that has it closes, the other goes on',
  MINUTES,
  async () => {
    await using server = await ServerProcess.start(DEVELOPMENT)
    await using first = await Visitor.arrive(server.port)
    await first.say('alice', 'hello from the first tab')
    await first.sees('bob', 'hello from the first tab')
    const second = await first.beside()
    await second.line('alice', 'Connected')
    await second.sees('alice', 'hello from the first tab')
    await second.say('bob', 'hello from the second')
    await first.sees('alice', 'hello from the second')
    deepEqual([first.sockets, second.sockets, await connectionsOf(server)], [USERS.length, 0, USERS.length])

    await first.press('cut', 'bob') // it is one network
    await second.line('bob', 'Network cut')
    await second.say('bob', 'from a tunnel')
    await second.of('bob', 'progress').filter({ hasText: 'waits here' }).waitFor()
    await second.press('restore', 'bob')
    await first.sees('alice', 'from a tunnel')

    await second.press('talk')
    await second.until(async () => (await second.figure('sent')) >= 12)
    await first.page.close()
    await second.until(async () => (await second.figure('sent')) >= 24)
    await second.press('talk')
    await second.settled()
    const { sent, acked, lost, doubled } = await figuresOf(second)
    deepEqual({ acked, lost, doubled }, { acked: sent, lost: 0, doubled: 0 })
    await isWhole(second, sent! + 1)
    deepEqual([second.sockets, await connectionsOf(server)], [USERS.length, USERS.length])
    deepEqual(second.complaints, [])
  },
)

testWith(
  CHROMIUM,
  'a tab that falls asleep with the connection loses it to one that is awake, and joins that when it wakes',
  MINUTES,
  async () => {
    await using server = await ServerProcess.start(DEVELOPMENT)
    await using first = await Visitor.arrive(server.port)
    await first.say('alice', 'good night')
    await first.sees('bob', 'good night')
    const second = await first.beside()
    await second.sees('alice', 'good night')
    await first.sleep(ASLEEP_MS)
    for (const text of ['are you asleep?', 'it seems so']) await second.say('alice', text)
    await second.sees('bob', 'it seems so')
    await second.settled()
    equal(second.sockets, USERS.length)
    await first.sees('bob', 'it seems so')
    await first.say('bob', 'good morning')
    await second.sees('alice', 'good morning')
    for (const visitor of [first, second]) await isWhole(visitor, 4)
    equal(await connectionsOf(server), USERS.length)
    deepEqual(second.complaints, [])
  },
)

/** Both users show every message once, in the order of the server, which has given no seq to another. */
async function isWhole(visitor: Visitor, messages: number): Promise<void> {
  const [hers, his] = [await visitor.shown('alice'), await visitor.shown('bob')]
  deepEqual(hers, his)
  const seqs = hers.map((line) => Number(line.split(' ')[0]))
  deepEqual(
    seqs,
    Array.from({ length: messages }, (_, index) => index + 2),
  ) // 1 made the group
}

async function connectionsOf(server: ServerProcess): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`)
  ok(answer.ok)
  const lines = (await answer.text()).split('\n').filter((line) => /^parley_connections[ {]/.test(line))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

async function figuresOf(visitor: Visitor): Promise<Record<string, number>> {
  const keys = ['sent', 'acked', 'lost', 'doubled']
  const values = await Promise.all(keys.map((key) => visitor.figure(key)))
  return Object.fromEntries(keys.map((key, index) => [key, values[index]!]))
}
