/**
 * Things die, and clients are served again: a worker, the server process, the supervising parent.
 */
import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { ChatClient, openSoon } from '../support/chat-client.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { ServerProcess } from '../support/server-process.js'

/** So many connections that the kernel gives each of two workers some. */
const CONNECTIONS = 16

test('kill -9 of the server process: the parent starts another, and what was acked is there', async () => {
  await using server = await ServerProcess.start()
  const { port, pid } = server
  const alice = await ChatClient.open({ port, user: 'alice' })
  for (let n = 1; n <= 5; n++) equal((await alice.send('bob', n, `message ${n}`)).kind, 'ack')

  process.kill(pid, 'SIGKILL')
  equal((await alice.closed).code, 1006)
  const bob = await openSoon({ port, user: 'bob' }) // at the same address, though the server was free to choose one
  deepEqual(await bob.seqsWith('alice'), [1, 2, 3, 4, 5])
  await server.serving(2)
  notEqual(server.pid, pid)
  const again = await openSoon({ port, user: 'alice', laneRandom: 2n })
  equal((await again.send('bob', 1, 'after')).kind, 'ack')
})

test('an uncaught exception in a worker ends that worker only, and it is started again', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TEST_FAULTS: '1' } })
  const { port, pid } = server
  const users = Array.from({ length: CONNECTIONS }, (_, index) => `user${index}`)
  const clients = await Promise.all(users.map((user) => ChatClient.open({ port, user })))
  for (const client of clients) equal((await client.send('bob', 1, 'before')).kind, 'ack')
  const isOpen = new Map(clients.map((client) => [client, true]))
  for (const client of clients) void client.closed.then(() => isOpen.set(client, false))

  process.kill(pid, 'SIGUSR2')
  const firstClosed = await Promise.race(clients.map((client) => client.closed))
  deepEqual(firstClosed, { code: 4306, reason: 'worker-failed' })
  await server.until(() => server.stderr.includes('worker-failed'))
  ok(server.stderr.includes('killed on request'))

  // Every user's shard and every conversation answers again, those of the dead worker too.
  for (const [index, user] of users.entries()) {
    const client = await openSoon({ port, user, device: 'second', laneRandom: BigInt(index + 2) })
    for (let answer = await client.send('bob', 1, 'after'); answer.kind !== 'ack'; ) {
      equal(answer.kind, 'refusal')
      ok(Math.floor((answer as { code: number }).code / 100) === 12, JSON.stringify(answer))
      await new Promise((resolve) => setTimeout(resolve, 10))
      answer = await client.send('bob', 1, 'after')
    }
    client.end()
  }
  ok(
    [...isOpen.values()].some((open) => open),
    'connections of the other worker stay',
  )
  process.kill(pid, 0) // throws if the process is not there any more
  equal(server.pid, pid)
})

test('heap exhaustion ends the process, and the parent starts another', async () => {
  await using server = await ServerProcess.start({
    workers: 1,
    environment: { PARLEY_TEST_FAULTS: '1', NODE_OPTIONS: '--max-old-space-size=96' },
  })
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  equal((await alice.send('bob', 1, 'before')).kind, 'ack')
  const { pid } = server
  process.kill(pid, 'SIGHUP')
  await server.serving(2)
  notEqual(server.pid, pid)
  const bob = await openSoon({ port: server.port, user: 'bob' })
  deepEqual(await bob.seqsWith('alice'), [1])
})

test('no server outlives its parent', async () => {
  await using server = await ServerProcess.start()
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  process.kill(server.parentPid, 'SIGKILL')
  deepEqual(await server.ended, { code: null, signal: 'SIGKILL' })
  equal((await alice.closed).code, 4301)
  await until(() => !isAlive(server.pid))
  await rejects(RawWebSocket.open({ port: server.port }))
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10))
}
