/**
 * A log is copied while it is written to: nothing goes meanwhile, and what a read was too early for is told from damage.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import type { ShardId } from '../../src/domain/ids.js'
import { type LogFolder, openNodeFolder } from '../../src/log/embedded/file-port.js'
import { lockFolder } from '../../src/log/embedded/folder-lock.js'
import { copyLog } from '../../src/log/embedded/log-copy.js'
import { PurgeHold, serveHolds } from '../../src/log/embedded/purge-hold.js'
import { PurgePoints } from '../../src/log/embedded/purge-points.js'
import { SYSTEM_CLOCK, sleep } from '../../src/std/clock.js'
import { seededRandom } from '../../src/std/random.js'
import { appended, type Process, SMALL, settle, startProcess } from './one-process.js'
import { SimulatedDisk } from './simulated-disk.js'

const root = mkdtempSync(join(tmpdir(), 'parley-copy-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const SHARD = 1 as ShardId
/** Eight fill a segment. */
const KILOBYTE = 'x'.repeat(1_000)

test('what is held stays though it may go, and goes when the hold ends', async () => {
  const process = await startProcess(new SimulatedDisk(seededRandom(1)))
  const tail = await appendMany(process, 40)
  const before = segmentsOf(process)
  process.data.points.hold()
  process.logs[0]!.purge(SHARD, tail)
  await settle()
  deepEqual(segmentsOf(process), before)
  equal(process.data.points.brokenHolds, 0)
  process.data.points.release()
  process.logs[0]!.purge(SHARD, tail)
  await settle()
  ok(segmentsOf(process).length < before.length)
})

test('a hold is broken where it would fill half of the log, and says so', async () => {
  const process = await startProcess(new SimulatedDisk(seededRandom(1)), { wal: { ...SMALL, limitBytes: 64 * 1024 } })
  process.data.points.hold()
  const tail = await appendMany(process, 40)
  process.logs[0]!.purge(SHARD, tail)
  await settle()
  ok(process.data.points.brokenHolds > 0)
  ok(segmentsOf(process).length > 1)
})

test('a copy of a log that grows meanwhile holds what was there when it began', async () => {
  const process = await startProcess(new SimulatedDisk(seededRandom(1)))
  const tail = await appendMany(process, 20)
  let appends = Promise.resolve(tail)
  const more = () => {
    appends = appends.then((last) => appendMany(process, 10, last))
  }
  const copied = await copyOf(process.folders[0]!, more)
  const { oldest, tail: newest } = copied[SHARD]!
  equal(oldest, 1)
  ok(newest >= tail && newest <= (await appends), `${newest} of ${tail}`)
})

test('a group that our read was too early for is read again; one that stays bad is damage', async () => {
  const process = await startProcess(new SimulatedDisk(seededRandom(1)))
  await appendMany(process, 5)
  const copied = await copyOf(seenLate(process.folders[0]!, 1))
  deepEqual(copied[SHARD], { oldest: 1, tail: 5 })
  await rejects(copyOf(seenLate(process.folders[0]!, 100)), {
    name: 'CorruptionError',
    message: /is damaged at offset \d+: a later group is valid/,
  })
})

test('a hold is asked for over the lock of the folder, and ends with the connection', async () => {
  const folder = mkdtempSync(join(root, 'hold-'))
  equal(await PurgeHold.take(folder), undefined)
  await using lock = await lockFolder(folder)
  await rejects(PurgeHold.take(folder), /its server is starting or stopping; try again/)
  const points = PurgePoints.ofShards(1)
  serveHolds(lock, points)
  const first = await PurgeHold.take(folder)
  const second = await PurgeHold.take(folder)
  equal(await first!.isKept(), true)
  first![Symbol.dispose]()
  await until(() => points.isHeld)
  points.breakHold()
  equal(await second!.isKept(), false)
  second![Symbol.dispose]()
  equal(await second!.isKept(), false)
  await until(() => !points.isHeld)
  await rejects(lockFolder(folder), /another process has it/)
})

/** Appends so many frames behind `last`, each with a sync of its own; returns the tail. */
async function appendMany(process: Process, count: number, last = 0): Promise<number> {
  let tail = last
  for (let frame = 0; frame < count; frame++) tail = await appended(process.logs[0]!, SHARD, KILOBYTE, tail)
  return tail
}

function segmentsOf(process: Process): string[] {
  return process.folders[0]!.names().filter((name) => name.endsWith('.seg'))
}

function copyOf(from: LogFolder, progress: () => void = () => {}) {
  const to = openNodeFolder(mkdtempSync(join(root, 'copy-')))
  return copyLog({ from, to, random: seededRandom(1), progress })
}

/** The folder as a reader sees it who is overtaken so many times: of each segment's third group nothing is there yet. */
function seenLate(folder: LogFolder, times: number): LogFolder {
  let left = times
  return Object.assign(Object.create(folder) as LogFolder, {
    path: folder.path,
    names: () => folder.names(),
    openToRead(name: string) {
      const file = folder.openToRead(name)
      if (!name.endsWith('.seg') || left-- <= 0) return file
      const groupBytes = 1_064 // head, table, frame and foot of one frame of a kilobyte
      return {
        size: () => file.size(),
        close: () => file.close(),
        async read(into: Uint8Array, at: number) {
          const size = await file.read(into, at)
          into.fill(0, 512 + 2 * groupBytes, 512 + 3 * groupBytes)
          return size
        },
      }
    },
  })
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let turns = 0; !isTrue() && turns < 500; turns++) await sleep(SYSTEM_CLOCK, 5)
  ok(isTrue())
}
