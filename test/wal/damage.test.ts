/**
 * Damage is told from torn tails, and reported with the file and the offset (rules §12).
 */
import { deepEqual, match, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { CorruptionError } from '../../src/domain/errors.js'
import { TAIL_START } from '../../src/log/shard-log.js'
import { seededRandom } from '../../src/std/random.js'
import { appended, framesOf, startProcess } from './one-process.js'
import { SimulatedDisk } from './simulated-disk.js'

const FIRST_GROUP_AT = 512

test('a bad record with a later group behind it is damage', async () => {
  const { disk, name } = await threeFrames()
  disk.damage(name, offsetOf(disk, name, 'frame 2'))
  const error = await restartError(disk)
  match(
    error.message,
    new RegExp(`^Log segment ${name} is damaged at offset \\d+: a later group is valid at offset \\d+`),
  )
})

test('a bad last group is a torn tail and is cut', async () => {
  const { disk, name } = await threeFrames()
  disk.damage(name, offsetOf(disk, name, 'frame 3'))
  await using restarted = await startProcess(disk)
  deepEqual(await framesOf(restarted.logs[0]!, 1), ['1 frame 1', '2 frame 2'])
})

test('a bad group head, table or foot is as bad as a bad frame', async () => {
  for (const offset of [FIRST_GROUP_AT, FIRST_GROUP_AT + 8, FIRST_GROUP_AT + 34]) {
    const { disk, name } = await threeFrames()
    disk.damage(name, offset)
    match((await restartError(disk)).message, /is damaged at offset 512/)
  }
})

test('a bad header of a segment with groups is damage', async () => {
  const { disk, name } = await threeFrames()
  disk.damage(name, 20)
  match((await restartError(disk)).message, new RegExp(`${name} is damaged at offset 0: the header`))
})

test('any bad byte in a sealed segment is damage, its last group too', async () => {
  const { disk } = await threeFrames()
  {
    await using _ = await startProcess(disk) // writes the open segment again, sealed
  }
  const name = segmentWith(disk, 'frame 3')
  disk.damage(name, offsetOf(disk, name, 'frame 3'))
  match((await restartError(disk)).message, new RegExp(`${name} is damaged at offset \\d+: the segment was synced`))
})

test('a segment that is missing from the middle is damage', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const process = await startProcess(disk)
  let tail = TAIL_START
  for (let count = 0; count < 30; count++)
    tail = await appended(process.logs[0]!, 1, `${count} ${'x'.repeat(800)}`, tail)
  process.kill()
  disk.thread().unlink(segmentWith(disk, '15 xxx'))
  match((await restartError(disk)).message, /frame \d+ of shard 1 follows frame \d+ of/)
})

test('a frame that went bad since the start is found when it is read', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  await using process = await startProcess(disk)
  await appended(process.logs[0]!, 1, 'frame 1', TAIL_START)
  const name = segmentWith(disk, 'frame 1')
  const offset = offsetOf(disk, name, 'frame 1')
  disk.damage(name, offset)
  const error = await framesOf(process.logs[0]!, 1).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  ok(error instanceof CorruptionError)
  match(error.message, new RegExp(`${name} at offset ${offset}`))
})

async function threeFrames(): Promise<{ disk: SimulatedDisk; name: string }> {
  const disk = new SimulatedDisk(seededRandom(1))
  const process = await startProcess(disk)
  for (let tail = 0; tail < 3; tail++) await appended(process.logs[0]!, 1, `frame ${tail + 1}`, tail)
  process.kill()
  return { disk, name: segmentWith(disk, 'frame 1') }
}

function segmentWith(disk: SimulatedDisk, text: string): string {
  const found = [...disk.files()].find(([name, bytes]) => name.endsWith('.seg') && Buffer.from(bytes).includes(text))
  return found![0]
}

function offsetOf(disk: SimulatedDisk, name: string, text: string): number {
  return Buffer.from(disk.files().get(name)!).indexOf(text)
}

async function restartError(disk: SimulatedDisk): Promise<CorruptionError> {
  try {
    await using _ = await startProcess(disk)
  } catch (error) {
    ok(error instanceof CorruptionError, String(error))
    return error
  }
  throw new Error('the damage went unnoticed')
}
