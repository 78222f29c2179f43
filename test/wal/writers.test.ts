/**
 * Several writers on one folder: other numbers of them, one that dies, segments that hold shards of many.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import type { ShardId } from '../../src/domain/ids.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'
import { TAIL_START, type Tail } from '../../src/log/shard-log.js'
import { seededRandom } from '../../src/std/random.js'
import { append, appended, framesOf, type Process, SMALL, settle, startProcess } from './one-process.js'
import { SimulatedDisk } from './simulated-disk.js'

const SHARDS = 16

test('shards keep their frames through 1, 4, 2 and again 1 writers', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const expected: string[][] = Array.from({ length: SHARDS }, () => [])
  for (const writers of [1, 4, 2, 1]) {
    await using process = await startProcess(disk, { writers })
    for (let shard = 0; shard < SHARDS; shard++) {
      deepEqual(await framesOf(process.logOf(shard), shard), expected[shard])
      for (let count = 0; count < 3; count++) {
        const tail = expected[shard]!.length
        await appended(process.logOf(shard), shard, `${writers} writers, ${count} ${'x'.repeat(300)}`, tail)
        expected[shard]!.push(`${tail + 1} ${writers} writers, ${count} ${'x'.repeat(300)}`)
      }
    }
  }
})

test('a segment of an earlier life goes once all owners of its shards have allowed it', async () => {
  const disk = new SimulatedDisk(seededRandom(2))
  {
    await using process = await startProcess(disk)
    for (let shard = 0; shard < 4; shard++) await appended(process.logOf(shard), shard, 'old', TAIL_START)
  }
  await using process = await startProcess(disk, { writers: 4 })
  const old = segmentsWith(disk, 'old')
  equal(old.length, 1)
  for (let shard = 0; shard < 4; shard++) {
    deepEqual(segmentsWith(disk, 'old'), old)
    await appended(process.logOf(shard), shard, 'new', 1)
    process.logOf(shard).purge(shard as ShardId, 2)
    await settle()
  }
  process.logOf(0).purge(0 as ShardId, 2) // writer 0 deletes it, and looks when it purges
  await settle()
  deepEqual(segmentsWith(disk, 'old'), [])
  for (let shard = 0; shard < 4; shard++) deepEqual(await framesOf(process.logOf(shard), shard), ['2 new'])
})

test('a dead writer is recovered while the others go on', async () => {
  const disk = new SimulatedDisk(seededRandom(3))
  await using process = await startProcess(disk, { writers: 2 })
  await appended(process.logs[0]!, 0, 'even', TAIL_START)
  await appended(process.logs[1]!, 1, 'odd', TAIL_START)
  process.folders[1]!.kill()
  void append(process.logs[1]!, 1, 'never written', 1)
  const context = { folder: disk.thread(), alarm: () => {}, random: seededRandom(33) }
  await using second = await EmbeddedShardLog.open(await process.data.recoverWriter(1), context)
  deepEqual(await framesOf(second, 1), ['1 odd'])
  await appended(second, 1, 'odd again', 1)
  await appended(process.logs[0]!, 0, 'even again', 1)
  deepEqual(await framesOf(second, 1), ['1 odd', '2 odd again'])
  deepEqual(await framesOf(process.logs[0]!, 0), ['1 even', '2 even again'])
})

test('shards that alone hold old segments back are asked to carry, once each', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  await using process = await startProcess(disk, { wal: { ...SMALL, heldSegmentsMax: 1, heldBytesMax: 1024 * 1024 } })
  const [log] = process.logs
  const asked: number[] = []
  log!.onCarryWanted((shards) => asked.push(...shards))
  for (const idle of [3, 5]) await appended(log!, idle, 'idle', TAIL_START)
  let busy = TAIL_START
  for (let count = 0; count < 30; count++) {
    busy = await appended(log!, 1, 'x'.repeat(1_000), busy)
    log!.purge(1 as ShardId, busy)
  }
  await settle()
  deepEqual(asked, [], 'their owners still need them')
  for (const idle of [3, 5]) log!.purge(idle as ShardId, 1)
  await settle()
  deepEqual(asked.toSorted(), [3, 5])
  const before = log!.usage().usedBytes
  for (const idle of [3, 5]) {
    await appended(log!, idle, 'carry', 1)
    log!.purge(idle as ShardId, 2)
  }
  await settle()
  ok(log!.usage().usedBytes < before / 2)
  equal(asked.length, 2)
})

test('all shards that append in one turn share one write', async () => {
  const disk = new SimulatedDisk(seededRandom(5))
  await using process = await startProcess(disk, { wal: { ...SMALL, firstSegmentBytes: 64 * 1024 } })
  const [log] = process.logs
  const before = disk.moment
  const appends = Array.from({ length: SHARDS }, (_, shard) => appended(log!, shard, 'x'.repeat(100), TAIL_START))
  await Promise.all(appends)
  equal(disk.moment - before, 2, 'one write, one sync')
})

test('another shardCount is refused, and so is a damaged manifest', async () => {
  const disk = new SimulatedDisk(seededRandom(6))
  {
    await using _ = await startProcess(disk)
  }
  const options = { shardCount: 32, writers: 1 }
  await rejects(LogData.open(disk.thread(), options), { name: 'UnavailableError', message: /shardCount is 16/ })
  disk.damage('manifest.json', 0)
  await rejects(LogData.open(disk.thread(), { ...options, shardCount: 16 }), { name: 'CorruptionError' })
})

test('a reader that is slow sees what purge has left', async () => {
  const disk = new SimulatedDisk(seededRandom(7))
  await using process = await startProcess(disk)
  const [log] = process.logs
  let tail: Tail = TAIL_START
  for (let count = 0; count < 40; count++) tail = await appended(log!, 1, `${count} ${'x'.repeat(900)}`, tail)
  const seen: Tail[] = []
  for await (const frame of log!.read(1 as ShardId, TAIL_START)) {
    seen.push(frame.tail)
    if (seen.length === 2) await purgeAll(process, tail)
  }
  ok(seen.every((at, index) => index === 0 || at > seen[index - 1]!))
  equal(seen.at(-1), tail)
})

async function purgeAll(process: Process, tail: Tail): Promise<void> {
  process.logs[0]!.purge(1 as ShardId, tail)
  await settle()
}

function segmentsWith(disk: SimulatedDisk, text: string): string[] {
  return [...disk.files()].filter(([, bytes]) => Buffer.from(bytes).includes(text)).map(([name]) => name)
}
