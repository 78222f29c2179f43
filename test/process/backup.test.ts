/**
 * Backup and restore of a real server under load: whatever was acked before the backup began is in it, and the restored
 * server says which branch of history it is.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { ActorKind } from '../../src/domain/ids.js'
import { random64, SYSTEM_RANDOM } from '../../src/std/random.js'
import { readLogged } from '../kills/final-state.js'
import { LaneReplay } from '../kills/lane-replay.js'
import { ServerUnderTest } from '../kills/server-under-test.js'
import { ChatClient } from '../support/chat-client.js'
import { parley } from '../support/command-line.js'
import { ServerProcess } from '../support/server-process.js'

const root = mkdtempSync(join(tmpdir(), 'parley-backup-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const run = (...args: string[]) => parley(args, { folder: root })

/** Enough that segments are purged and used again while the backup copies others. */
const BODY_BYTES = 3_000
const MESSAGES = 1_000_000
const SENDERS = 4

test('four clients send, a backup is taken, the server is killed: all that was acked before it began is restored', {
  timeout: 120_000,
}, async () => {
  const dataFolder = join(root, 'load')
  const server = await ServerUnderTest.start({ dataFolder, workers: 2 })
  const lanes = Array.from({ length: SENDERS }, (_, index) => {
    const whereabouts = {
      get port() {
        return server.isAlive ? server.port : undefined
      },
    }
    const who = { user: `s${index}`, peer: `r${index}`, random: random64(SYSTEM_RANDOM) }
    return new LaneReplay({ ...who, server: whereabouts, bodyBytes: BODY_BYTES })
  })
  const acked = lanes.map((): number[] => [0])
  const stopped = new AbortController()
  for (const [index, lane] of lanes.entries()) {
    void lane.run(1, MESSAGES, ({ n, seq }) => (acked[index]![n] = seq), stopped.signal)
  }
  const sent = () => acked.reduce((sum, seqs) => sum + seqs.length - 1, 0)
  await until(() => sent() > 30_000) // 90 MB: the first segments have gone, others are used again
  const before = acked.map((seqs) => [...seqs])
  const backup = join(root, 'of-load')
  const made = await run('backup', backup, '--data', dataFolder, '--json')
  equal(made.code, 0, made.stderr)
  deepEqual([JSON.parse(made.stdout).ok, JSON.parse(made.stdout).wasRunning], [true, true])
  ok(sent() > before.flat().length, 'nothing was sent while the backup was made')
  stopped.abort()
  await server.kill()

  const restored = join(root, 'restored')
  const told = JSON.parse((await run('restore', backup, '--data', restored, '--json')).stdout)
  await using second = await ServerProcess.start({ dataFolder: restored, workers: 1 })
  for (const [index, lane] of lanes.entries()) {
    const conversation = { kind: ActorKind.direct, id: lane.conversation }
    const events = await readLogged(second.port, [{ conversation, reader: lane.user }], [])
    const seqOfN = new Map(events.map((event) => (event.type === 'logged' ? [event.n, event.seq] : [0, 0])))
    for (let n = 1; n < before[index]!.length; n++)
      equal(seqOfN.get(n), before[index]![n] ?? seqOfN.get(n), `${lane.user} n ${n}`)
    equal(events.length, Math.max(...seqOfN.values()))
  }
  const alice = await ChatClient.open({ port: second.port, user: 'alice' })
  await alice.send('bob', 1, 'after')
  await alice.seqsWith('bob')
  equal(alice.events[0]!.incarnation, told.incarnation)
})

test('a backup that is damaged, cut short or broken off is refused, and the data folder stays empty', async () => {
  const dataFolder = join(root, 'small')
  await using server = await ServerProcess.start({ dataFolder })
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  for (let n = 1; n <= 3; n++) equal((await alice.send('bob', n, `message ${n}`)).kind, 'ack')
  const backup = join(root, 'of-small')
  equal((await run('backup', backup, '--data', dataFolder)).code, 0)
  const again = await run('backup', backup, '--data', dataFolder)
  deepEqual([again.code, again.stderr.includes('is not empty')], [1, true])

  const target = join(root, 'refused')
  const refusal = async () => {
    const { code, stderr } = await run('restore', backup, '--data', target)
    equal(code, 1)
    deepEqual(existsSync(target) ? readdirSync(target) : [], [])
    return stderr
  }
  const file = join(backup, 'store', 'data.mdb')
  appendFileSync(file, 'x')
  match(
    await refusal(),
    /is damaged: store\/data\.mdb is not what was written \(it has \d+ bytes of \d+\); use another/,
  )
  truncateSync(file, 4096)
  match(await refusal(), /is damaged: store\/data\.mdb/)
  rmSync(file)
  match(await refusal(), /is damaged: cannot read store\/data\.mdb \(ENOENT\)/)
  writeFileSync(join(backup, 'backup.json'), '{"backupFormat":1,"files":{"../../x":{"bytes":1,"sha256":""}}}')
  match(await refusal(), /backup\.json is damaged, or of a newer Parley/)
  rmSync(join(backup, 'backup.json'))
  match(await refusal(), /is no whole backup: it has no backup\.json/)

  await using served = ServerProcess.begin({ dataFolder: backup })
  deepEqual(await served.ended, { code: 78, signal: null })
  match(served.stderr, /is a backup, or a restore that did not finish: .*parley restore BACKUP --data FOLDER/)
  const nothing = await run('backup', join(root, 'of-nothing'), '--data', join(root, 'nothing'))
  deepEqual([nothing.code, nothing.stderr.includes('is no data folder of Parley')], [1, true])
})

test('a stopped server is backed up as well, and a restore never goes over what is there', async () => {
  const dataFolder = join(root, 'stopped')
  const server = await ServerProcess.start({ dataFolder })
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  equal((await alice.send('bob', 1, 'hello')).kind, 'ack')
  await server.stop()
  const revoked = '{"app":"other","user":"eve","issuedBefore":1}\n'
  writeFileSync(join(dataFolder, 'revocations'), revoked) // files beside log and store come as they are
  const backup = join(root, 'of-stopped')
  const { stdout } = await run('backup', backup, '--data', dataFolder, '--json')
  equal(JSON.parse(stdout).wasRunning, false)
  const over = await run('restore', backup, '--data', dataFolder)
  deepEqual([over.code, over.stderr.includes('is not empty')], [1, true])
  equal((await run('restore', backup, '--data', join(root, 'fresh'))).code, 0)
  equal(readFileSync(join(root, 'fresh', 'revocations'), 'utf8'), revoked)
  ok(!existsSync(join(root, 'fresh', 'unrestored')))
  await using second = await ServerProcess.start({ dataFolder: join(root, 'fresh') })
  const bob = await ChatClient.open({ port: second.port, user: 'bob' })
  expect(await bob.seqsWith('alice')).toEqual([1])
})

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20)
}
