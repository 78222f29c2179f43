/**
 * The server as processes: how it starts, serves, refuses to start, and stops.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'vitest'
import { ChatClient } from '../support/chat-client.js'
import { ServerProcess } from '../support/server-process.js'

test('two devices chat; SIGTERM tells them, closes and exits with 0', async () => {
  await using server = await ServerProcess.start()
  const health = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`).then((answer) => answer.status)
  deepEqual(await Promise.all(['/healthz', '/readyz', '/other'].map(health)), [200, 200, 404])

  const [alice, bob] = [
    await ChatClient.open({ port: server.port, user: 'alice' }),
    await ChatClient.open({ port: server.port, user: 'bob' }),
  ]
  const ack = await alice.send('bob', 1, 'lunch?')
  deepEqual([ack.kind, (ack as { seq: number }).seq], ['ack', 1])
  await bob.until(() => bob.events.length === 1)
  deepEqual([bob.events[0]!.from, bob.events[0]!.seq], ['alice', 1])

  const ended = server.stop()
  deepEqual(await alice.closed, { code: 4301, reason: 'draining' })
  deepEqual(await bob.closed, { code: 4301, reason: 'draining' })
  deepEqual(
    alice.notices.map(({ name }) => name),
    ['draining'],
  )
  deepEqual(await ended, { code: 0, signal: null })
})

test('what was acked is there after a restart with another number of workers', async () => {
  await using first = await ServerProcess.start({ workers: 1 })
  const alice = await ChatClient.open({ port: first.port, user: 'alice' })
  for (let n = 1; n <= 3; n++) equal((await alice.send('bob', n, `message ${n}`)).kind, 'ack')
  await first.stop()

  await using second = await ServerProcess.start({ workers: 3, dataFolder: first.dataFolder })
  const bob = await ChatClient.open({ port: second.port, user: 'bob' })
  deepEqual(await bob.seqsWith('alice'), [1, 2, 3])
})

test('a port that is taken is refused with the variable to change, with one worker and with two', async () => {
  const stranger = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => stranger.once('listening', resolve))
  const { port } = stranger.address() as { port: number }
  for (const workers of [1, 2]) {
    await using server = ServerProcess.begin({ port, workers })
    deepEqual(await server.ended, { code: 78, signal: null })
    match(server.stderr, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken.*PARLEY_PORT`))
  }
  stranger.close()

  await using running = await ServerProcess.start()
  await using second = ServerProcess.begin({ port: running.port })
  equal((await second.ended).code, 78)
})

test('a data folder in use is refused, and its user goes on', async () => {
  await using running = await ServerProcess.start()
  await using second = ServerProcess.begin({ dataFolder: running.dataFolder })
  equal((await second.ended).code, 78)
  match(second.stderr, /does not run: .*(in use|another|lock)/i)
  const alice = await ChatClient.open({ port: running.port, user: 'alice' })
  equal((await alice.send('bob', 1, 'still here')).kind, 'ack')
})

test('a wrong setting is refused with its name', async () => {
  await using server = ServerProcess.begin({ environment: { PARLEY_WORKERS: 'many' } })
  deepEqual(await server.ended, { code: 78, signal: null })
  match(server.stderr, /PARLEY_WORKERS must be a number of threads/)
})
