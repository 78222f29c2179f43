/** Several devices of one user, and one device twice, against a real server of two workers. */
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import type { RefusedError } from '../../src/client/errors.js'
import { ParleyClient } from '../../src/client-node.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

function clientOf(server: ServerProcess, user: string, device: string): ParleyClient {
  const token = signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 3_600_000 })
  return new ParleyClient({ servers: [`ws://127.0.0.1:${server.port}/v1/ws`], token, device })
}

function textsOf(client: ParleyClient): string[] {
  const texts: string[] = []
  client.onMessage(({ text }) => texts.push(text))
  return texts
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('all devices of a user see all, what they send themselves included, in one order', async () => {
  await using server = await ServerProcess.start({ workers: 2 })
  const devices = ['phone', 'tablet', 'laptop', 'web'].map((name) => clientOf(server, 'alice', name))
  const bob = clientOf(server, 'bob', 'phone')
  const seen = [...devices, bob].map(textsOf)
  await Promise.all([...devices, bob].map((client) => client.connect()))
  for (const [at, device] of devices.entries()) await device.direct('bob').send(`from ${at}`).acked()
  await bob.direct('alice').send('to all').acked()
  await until(() => seen.every((texts) => texts.length === 5))
  for (const texts of seen) deepEqual(texts, ['from 0', 'from 1', 'from 2', 'from 3', 'to all'])
  await Promise.all([...devices, bob].map((client) => client.close()))
})

test('the same device again: the first is replaced, says so, and stays away', async () => {
  await using server = await ServerProcess.start({ workers: 2 })
  const first = clientOf(server, 'alice', 'phone')
  const states: string[] = []
  first.onState((state) => states.push(state.kind))
  await first.connect()
  const second = clientOf(server, 'alice', 'phone')
  await second.connect()
  await until(() => first.state.kind === 'stopped')
  equal(first.state.kind === 'stopped' && (first.state.error as RefusedError).reason, 'replaced')
  await new Promise((resolve) => setTimeout(resolve, 500))
  deepEqual([states.at(-1), second.state.kind], ['stopped', 'online'])

  await first.connect() // on purpose it may: then the other goes
  await until(() => second.state.kind === 'stopped')
  await Promise.all([first.close(), second.close()])
})

test('presence and typing are heard across workers; presence goes with the last device', async () => {
  await using server = await ServerProcess.start({ workers: 2 })
  const [alice, phone, tablet] = [
    clientOf(server, 'alice', 'phone'),
    clientOf(server, 'bob', 'phone'),
    clientOf(server, 'bob', 'tablet'),
  ]
  const isOnline = () => alice.presence.of('bob')?.isOnline
  let typists: readonly string[] = []
  alice.presence.onTyping(({ users }) => {
    typists = users
  })
  await alice.connect()
  alice.presence.watch(['bob'])
  await until(() => isOnline() === false)
  await Promise.all([phone.connect(), tablet.connect()])
  await until(() => isOnline() === true)
  await phone.direct('alice').send('hello').acked()
  phone.presence.typing(phone.direct('alice'))
  await until(() => typists[0] === 'bob')
  await phone.close()
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  equal(isOnline(), true)
  await tablet.close()
  await until(() => isOnline() === false)
  equal(typeof alice.presence.of('bob')?.lastSeen, 'number')
  await alice.close()
})
