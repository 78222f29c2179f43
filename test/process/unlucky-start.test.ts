/**
 * Starts that cannot be, or should not be silent: one line says what is wrong and what to do, and nothing is left behind.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { storeFolder } from '../../src/data-folder.js'
import { SHARD_COUNT_DEFAULT, type ShardId } from '../../src/domain/ids.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'
import { ChatClient } from '../support/chat-client.js'
import { parley } from '../support/command-line.js'
import { ServerProcess } from '../support/server-process.js'

test('a port that is taken is told before anything is made', async () => {
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  const folder = empty()
  for (const environment of [{ PARLEY_PORT: `${port}` }, { PARLEY_PORT: '0', PARLEY_TCP_PORT: `${port}` }]) {
    const ran = await parley(['dev'], { folder, environment })
    equal(ran.code, 78)
    match(complaintsOf(ran), /^Parley does not run: port \d+ on 127\.0\.0\.1 is taken [^\n]+\n$/)
    deepEqual(readdirSync(folder), [])
  }
  stranger.close()
})

test.skipIf(!existsSync('/proc/self'))('a folder that nobody can make is one line, not a hang', async () => {
  for (const environment of [{}, { PARLEY_SECRET: 'Qm7x0yJt3kF9wBv2LrNc5sHd8aZp1eUi4oGTqWXYMfI=' }]) {
    const given = { PARLEY_PORT: '0', PARLEY_DATA: '/proc/parley', ...environment }
    const ran = await parley(['dev'], { folder: empty(), environment: given })
    equal(ran.code, 78)
    match(complaintsOf(ran), /^Parley does not run: [^\n]*ENOENT[^\n]*\n$/)
  }
})

test('a log that was deleted beside its store is one line, and the store is served', async () => {
  await using first = await ServerProcess.start()
  const alice = await ChatClient.open({ port: first.port, user: 'alice' })
  equal((await alice.send('bob', 1, 'lunch?')).kind, 'ack')
  await stored(first.dataFolder)
  await first.stop()
  for (const name of readdirSync(join(first.dataFolder, 'log'))) rmSync(join(first.dataFolder, 'log', name))

  await using second = await ServerProcess.start({ dataFolder: first.dataFolder })
  const bob = await ChatClient.open({ port: second.port, user: 'bob' })
  equal((await bob.send('alice', 1, 'sure')).kind, 'ack')
  await second.stop()
  match(complaintsOf(second), /^Parley: \S+\/log is empty, the store beside it is not: [^\n]+\n$/)

  await using third = await ServerProcess.start({ dataFolder: first.dataFolder })
  equal(complaintsOf(third), '')
})

test('a stop is told in two lines', async () => {
  await using server = await ServerProcess.start()
  const banner = server.stdout
  await server.stop()
  equal(
    server.stdout.slice(banner.length),
    'Parley is draining, at most 10 s: every client is told to reconnect\nParley has stopped\n',
  )
  equal(complaintsOf(server), '')
})

/** Without the word of a start that takes long. */
function complaintsOf({ stderr }: { readonly stderr: string }): string {
  return stderr.replace(/^starting: .*\n/gm, '')
}

/** Something has reached the store. */
async function stored(dataFolder: string): Promise<void> {
  await using store = EmbeddedMessageStore.open(storeFolder(dataFolder))
  for (
    let shard = 0;
    (await store.snapshot(shard as ShardId)) === undefined;
    shard = (shard + 1) % SHARD_COUNT_DEFAULT
  );
}

function empty(): string {
  return mkdtempSync(join(tmpdir(), 'parley-unlucky-'))
}
