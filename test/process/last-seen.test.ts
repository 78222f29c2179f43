/** When somebody was last online, told by a server that was killed meanwhile. */
import { deepEqual, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { ParleyClient } from '../../src/client-node.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

function personAt(port: number, user: string): ParleyClient {
  const token = signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 600_000 })
  return new ParleyClient({ servers: [`ws://127.0.0.1:${port}/v1/ws`], token, device: 'phone' })
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries++) await sleep(20)
  ok(isTrue())
}

test('who left before a kill -9 was seen when they left, who was online then shortly before it', {
  timeout: 60_000,
}, async () => {
  await using server = await ServerProcess.start({ workers: 2 })
  const [bob, carol] = [personAt(server.port, 'bob'), personAt(server.port, 'carol')]
  await Promise.all([bob.connect(), carol.connect()])
  await sleep(2_000)
  const before = Date.now()
  await bob.close()
  const after = Date.now()
  await sleep(4_000) // a sweep, an append, a flush of the store
  await carol.close() // so that it does not come back by itself; the kill overtakes the word of it
  process.kill(server.pid, 'SIGKILL')
  await server.serving(2)
  const alice = personAt(server.port, 'alice')
  await alice.connect()
  alice.presence.watch(['bob', 'carol', 'dave'])
  const seen = (user: string) => alice.presence.of(user)?.lastSeen
  await until(() => seen('bob') !== undefined && seen('carol') !== undefined)
  ok(seen('bob')! >= before && seen('bob')! <= after + 1_000, `${seen('bob')! - before} ms after`)
  ok(seen('carol')! > before - 10_000 && seen('carol')! <= Date.now(), `${seen('carol')! - before} ms after`)
  deepEqual(alice.presence.of('dave'), { user: 'dave', isOnline: false, lastSeen: undefined })
  await alice.close()
})
