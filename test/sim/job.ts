/**
 * One process of several that run worlds (jobs.ts): takes a range of seeds, says what it found, waits for the next.
 */
import type { SeedRange } from './jobs.js'
import { runSeed } from './run-seed.js'
import { Tally } from './tally.js'

process.on('message', ({ from, to }: SeedRange) => {
  const tally = new Tally()
  const next = (seed: number): void => {
    if (seed > to) {
      process.send!(tally.part)
      return
    }
    tally.take(runSeed(seed))
    setImmediate(next, seed + 1) // lets go of the world that was
  }
  setImmediate(next, from) // a world cannot run inside a promise callback
})
