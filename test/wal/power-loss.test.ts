/**
 * Loses the power at random moments of random histories, and looks at what the next start finds: every append that was
 * acked, no gaps, nothing invented. `PARLEY_CUTS=5000` looks longer, `PARLEY_SEED=n` starts elsewhere.
 */
import { ok } from 'node:assert/strict'
import { test } from 'vitest'
import { type Random, seededRandom } from '../../src/std/random.js'
import { History } from './history.js'
import { SimulatedDisk } from './simulated-disk.js'
import { SHARD_COUNT, Workload } from './workload.js'

const CUTS = Number(process.env['PARLEY_CUTS'] ?? 300)
const SEED = Number(process.env['PARLEY_SEED'] ?? 1)
const CUTS_PER_HISTORY = 12

test(`${CUTS} power losses lose nothing that was promised`, { timeout: 30_000 + CUTS * 200 }, async () => {
  let done = 0
  for (let seed = SEED; done < CUTS; seed++) {
    done += await losePowerIn(seed).catch((cause: unknown) => {
      throw new Error(`replay with PARLEY_SEED=${seed} PARLEY_CUTS=${CUTS_PER_HISTORY}`, { cause })
    })
  }
  ok(done >= CUTS)
})

async function losePowerIn(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const history = new History(SHARD_COUNT)
  const disk = new SimulatedDisk(random)
  await live(disk, history, random)
  for (let cut = 0; cut < CUTS_PER_HISTORY; cut++) {
    const moment = momentIn(disk, random)
    const remains = new SimulatedDisk(random, disk.afterPowerLoss(moment, random))
    const restarted = await Workload.start(remains, new History(SHARD_COUNT), {
      random,
      writers: writersOf(random),
      faultChance: 0,
    })
    for (let shard = 0; shard < SHARD_COUNT; shard++) history.check(shard, await restarted.framesOf(shard), moment)
    await restarted.stop()
  }
  return CUTS_PER_HISTORY
}

/** Any moment, or, every other time, one at which files change names. */
function momentIn(disk: SimulatedDisk, random: Random): number {
  if (random.uint32() % 2 === 0) return random.uint32() % (disk.moment + 1)
  const moments = disk.momentsOfNames()
  return Math.min(moments[random.uint32() % moments.length]! + (random.uint32() % 2), disk.moment)
}

/** Several lives on one disk, each but the last ended by kill -9: the page cache survives, unsynced or not. */
async function live(disk: SimulatedDisk, history: History, random: Random): Promise<void> {
  const lives = 1 + (random.uint32() % 4)
  for (let life = 0; life < lives; life++) {
    while (random.uint32() % 3 === 0) await Workload.startAndDie(disk, random)
    const faultChance = [0, 0.02, 0.1][random.uint32() % 3]!
    const process = await Workload.start(disk, history, { random, writers: writersOf(random), faultChance })
    await process.run(20 + (random.uint32() % 80))
    process.kill()
  }
}

function writersOf(random: Random): number {
  return [1, 2, 4][random.uint32() % 3]!
}
