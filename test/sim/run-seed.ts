/** One seed to one outcome. */
import { createHash } from 'node:crypto'
import type { Violation } from '../checkers/history.js'
import { World } from './world.js'

export interface Outcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** The same for the same seed and code, whatever the machine: of all that happened. */
  digest(): string
  readonly coverage: ReadonlyMap<string, number>
  readonly virtualMs: number
  readonly events: number
  readonly world: World
}

/** Rejections that nobody takes are told to the world that runs. */
let running: World | undefined
process.on('unhandledRejection', (error) => {
  if (running === undefined) throw error
  running.rejected(error)
})

/** Runs outside of promise callbacks only (virtual-time.ts). */
export function runSeed(seed: number): Outcome {
  const world = new World(seed)
  running = world
  try {
    world.run()
  } catch (error) {
    // What lies broken in log and store may be more than a reader of them bears: that is found as well.
    world.violated('world', `it did not come to its end: ${error instanceof Error ? error.stack : error}`)
  } finally {
    running = undefined
  }
  return {
    seed,
    violations: world.violations,
    digest: () => digestOf(world),
    coverage: world.coverage.counts,
    virtualMs: world.time.now,
    events: world.time.eventsRun,
    world,
  }
}

function digestOf(world: World): string {
  const hash = createHash('sha256')
  for (const line of world.lines) hash.update(JSON.stringify(line))
  for (const { at, what } of world.trace) hash.update(`${at} ${what.split('\n')[0]}`)
  return hash.digest('hex').slice(0, 16)
}
