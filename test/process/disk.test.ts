/**
 * The server on a disk that fills up: sends are refused and say when to come back, reads go on, nothing acked is lost,
 * and once there is room everything works again by itself.
 */
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { MiB } from '../../src/domain/limits.js'
import { readLogged } from '../kills/final-state.js'
import { ServerUnderTest } from '../kills/server-under-test.js'
import { ChatClient } from '../support/chat-client.js'
import { SmallDisk } from '../support/small-disk.js'

const DISK_MIB = 640
const BALLAST_MIB = 160
const CONVERSATION = { kind: ActorKind.direct, id: directId('alice' as UserId, 'bob' as UserId) }
const BODY = 'x'.repeat(60_000)
const SENDS_MAX = 20_000

const title =
  'a disk that fills up refuses sends, goes on reading, loses nothing, and takes sends again when there is room'
if (SmallDisk.canMount) test(title, { timeout: 120_000 }, diskFillsUp)
else test.skip(`${title} (missing: the right to mount)`)

async function diskFillsUp(): Promise<void> {
  using disk = new SmallDisk(DISK_MIB)
  const dataFolder = join(disk.path, 'data')
  disk.fill('ballast', BALLAST_MIB * MiB)
  let server = await ServerUnderTest.start({ dataFolder, workers: 1 })
  try {
    const alice = await ChatClient.open({ port: server.port, user: 'alice' })
    const bob = await ChatClient.open({ port: server.port, user: 'bob' })

    // Our own writes fill it, and leave the store the room that it needs to catch up.
    const acked = await sendUntilRefused(alice, 1)
    await readsGoOn(bob)
    match(server.stderr, /the disk is nearly full/)
    doesNotMatch(server.stderr, /store-failed/)

    // Others take the rest.
    disk.fill('intruder', Number.POSITIVE_INFINITY)
    equal(disk.freeBytes, 0)
    equal(await sendUntilRefused(alice, acked + 1), acked)
    await readsGoOn(bob)

    disk.remove('intruder')
    disk.remove('ballast')
    await sendUntilAcked(alice, acked + 1)
    await bob.until(() => bob.events.some(({ seq }) => seq === acked + 1))
    await holdsExactly(server, acked + 1)

    await server.kill()
    server = await ServerUnderTest.start({ dataFolder, workers: 1 })
    await holdsExactly(server, acked + 1)
  } finally {
    await server.stop()
  }
}

/** The last n that was acked before a refusal that says to wait. */
async function sendUntilRefused(client: ChatClient, from: number): Promise<number> {
  for (let n = from; n < from + SENDS_MAX; n++) {
    const answer = await client.send('bob', n, BODY)
    if (answer.kind === 'ack') continue
    ok(answer.kind === 'refusal', JSON.stringify(answer))
    match(`${answer.code}`, /^12\d\d$/)
    ok(answer.retryAfterMs > 0)
    return n - 1
  }
  throw new Error(`the disk took ${SENDS_MAX} messages`)
}

async function sendUntilAcked(client: ChatClient, n: number): Promise<void> {
  for (;;) {
    const answer = await client.send('bob', n, BODY)
    if (answer.kind === 'ack') return
    ok(answer.kind === 'refusal', JSON.stringify(answer))
    await sleep(answer.retryAfterMs)
  }
}

/** The oldest page, which only the store has. */
async function readsGoOn(client: ChatClient): Promise<void> {
  deepEqual((await client.seqsWith('alice')).slice(0, 3), [1, 2, 3])
}

async function holdsExactly({ port }: ServerUnderTest, head: number): Promise<void> {
  const lines = await readLogged(port, [{ conversation: CONVERSATION, reader: 'bob' }], [])
  deepEqual(
    lines.map((line) => line.type === 'logged' && [line.seq, line.n]),
    Array.from({ length: head }, (_, index) => [index + 1, index + 1]),
  )
}
