/**
 * What an append may say, and a restart may find, when writes and syncs fail (rules §4, §12).
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { LogData } from '../../src/log/embedded/log-data.js'
import { TAIL_START } from '../../src/log/shard-log.js'
import { seededRandom } from '../../src/std/random.js'
import { append, appended, framesOf, settle, startProcess } from './one-process.js'
import { SimulatedDisk } from './simulated-disk.js'

/** Everything that was in doubt survives the power loss, or nothing of it: `selection` draws from the first number. */
const ALL = { uint32: () => 4 }
const NONE = { uint32: () => 0 }

test('after a failed sync the same frames go to a new segment, and the old one is never written again', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  await using process = await startProcess(disk)
  const [log] = process.logs
  await appended(log!, 1, 'before', TAIL_START)
  const first = disk.files()
  failOnce(process.failing, 'sync')
  await appended(log!, 1, 'during', 1)
  match(process.alarms.join(), /sealed at offset/)
  await appended(log!, 1, 'after', 2)
  deepEqual(await framesOf(log!, 1), ['1 before', '2 during', '3 after'])
  for (const [name, bytes] of disk.files()) {
    if (!first.has(name) || !name.endsWith('.seg')) continue
    ok(!Buffer.from(bytes).includes('after'), 'a sealed segment was written to')
  }
  for (const survivors of [ALL, NONE]) {
    const remains = new SimulatedDisk(seededRandom(1), disk.afterPowerLoss(disk.moment, survivors))
    await using restarted = await startProcess(remains)
    deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before', '2 during', '3 after'])
  }
})

test('an append whose copy may be in a sealed segment ends unknown; a barrier in its place settles it for good', async () => {
  // 1. Frame A is written, its sync fails, and no new segment can be made: A is unknown.
  const disk = new SimulatedDisk(seededRandom(2))
  await using process = await startProcess(disk)
  const [log] = process.logs
  await appended(log!, 1, 'before', TAIL_START)
  process.failing.set('sync', 'EIO')
  equal((await append(log!, 1, 'A', 1)).kind, 'unknown')
  // 2. Killed here, the restart may find A, and then A stands.
  {
    const remains = new SimulatedDisk(seededRandom(2), disk.afterPowerLoss(disk.moment, ALL))
    await using restarted = await startProcess(remains)
    deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before', '2 A'])
  }
  // 3. The disk recovers, the owner appends a barrier at A's place: from then on A is lost, whatever the disk kept of it.
  process.failing.clear()
  deepEqual(await framesOf(log!, 1), ['1 before'])
  await appended(log!, 1, 'barrier', 1)
  for (const survivors of [ALL, NONE]) {
    const remains = new SimulatedDisk(seededRandom(2), disk.afterPowerLoss(disk.moment, survivors))
    await using restarted = await startProcess(remains)
    deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before', '2 barrier'])
  }
})

test('kill -9 between a failed sync and the seal: what recovery believes survives a power loss', async () => {
  // Recovery reads the frame from the page cache. Its own sync of that file would succeed, and lie; so it writes again.
  const disk = new SimulatedDisk(seededRandom(3))
  const process = await startProcess(disk)
  await appended(process.logs[0]!, 1, 'before', TAIL_START)
  process.failing.get = (point) => {
    if (point !== 'sync') return undefined
    process.kill()
    return 'EIO'
  }
  void append(process.logs[0]!, 1, 'in doubt', 1)
  await settle()
  await using restarted = await startProcess(disk)
  deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before', '2 in doubt'])
  await appended(restarted.logs[0]!, 1, 'acked on top', 2)
  const remains = new SimulatedDisk(seededRandom(3), disk.afterPowerLoss(disk.moment, NONE))
  await using again = await startProcess(remains)
  deepEqual(await framesOf(again.logs[0]!, 1), ['1 before', '2 in doubt', '3 acked on top'])
})

test('a full disk and a read-only folder refuse what they certainly did not store, and go on reading', async () => {
  for (const [code, why] of [
    ['ENOSPC', 'full'],
    ['EROFS', 'read-only'],
  ] as const) {
    const disk = new SimulatedDisk(seededRandom(4))
    await using process = await startProcess(disk)
    const [log] = process.logs
    await appended(log!, 1, 'before', TAIL_START)
    for (const point of ['write', 'create', 'rename'] as const) process.failing.set(point, code)
    deepEqual(await append(log!, 1, `refused ${'x'.repeat(2_000)}`, 1), { kind: 'refused', why })
    deepEqual(await framesOf(log!, 1), ['1 before'])
    for (const survivors of [ALL, NONE]) {
      const remains = new SimulatedDisk(seededRandom(4), disk.afterPowerLoss(disk.moment, survivors))
      await using restarted = await startProcess(remains)
      deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before'])
    }
    process.failing.clear()
    await appended(log!, 1, 'again', 1)
  }
})

test('without room for a spare segment sends are to be refused, while carries still fit', async () => {
  const disk = new SimulatedDisk(seededRandom(5))
  await using process = await startProcess(disk)
  const [log] = process.logs
  let tail = TAIL_START
  for (let count = 0; count < 5; count++) tail = await appended(log!, 1, 'x'.repeat(1_000), tail)
  await settle() // the spare is there
  process.failing.set('create', 'ENOSPC')
  while (log!.usage().usedBytes < log!.usage().limitBytes) tail = await appended(log!, 1, 'x'.repeat(1_000), tail)
  match(process.alarms.join(), /spare/)
  tail = await appended(log!, 1, 'carry', tail) // into what was the spare
  log!.purge(1 as never, tail)
  await settle()
  ok(log!.usage().usedBytes < log!.usage().limitBytes, 'the purged segment has become the spare')
})

test('at its limit the log is full, and purge makes room', async () => {
  const disk = new SimulatedDisk(seededRandom(6))
  await using process = await startProcess(disk)
  const [log] = process.logs
  let tail = TAIL_START
  for (;;) {
    const outcome = await append(log!, 1, 'x'.repeat(2_000), tail)
    if (outcome.kind !== 'appended') {
      deepEqual(outcome, { kind: 'refused', why: 'full' })
      break
    }
    tail = outcome.tail
  }
  log!.purge(1 as never, tail)
  await settle()
  await appended(log!, 1, 'room', tail)
})

test('recovery that cannot write says so and changes nothing', async () => {
  const disk = new SimulatedDisk(seededRandom(7))
  const process = await startProcess(disk)
  await appended(process.logs[0]!, 1, 'before', TAIL_START)
  process.kill()
  const options = { shardCount: 16, writers: 1, random: seededRandom(7) }
  for (const point of ['create', 'write', 'sync', 'rename', 'folder sync'] as const) {
    const failing = disk.thread((at) => (at === point ? 'ENOSPC' : undefined))
    await rejects(LogData.open(failing, options), { name: 'UnavailableError' })
  }
  await using restarted = await startProcess(disk)
  deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 before'])
})

function failOnce(failing: Map<string, string>, point: string): void {
  const get = failing.get.bind(failing)
  failing.get = (at) => {
    if (at !== point) return get(at)
    failing.get = get
    return 'EIO'
  }
}
