/**
 * Worlds in several processes: each takes a range of seeds at a time, so that none waits for the slowest. A world knows
 * nothing of the others, so it is the same in whichever process it runs.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Part, Tally } from './tally.js'

/** Both inclusive. */
export interface SeedRange {
  readonly from: number
  readonly to: number
}

export interface JobsOptions {
  readonly jobs: number
  readonly seeds: SeedRange
  /** Hears of each range that is done; false: no further one is begun. */
  onPart(): boolean
}

const SEEDS_PER_RANGE_MAX = 25
/** Most of what a world makes is garbage at once: room for it to die young saves a sixth of the time. */
const HEAP = ['--min-semi-space-size=32', '--max-semi-space-size=32', '--single-threaded-gc']

/** Resolves once every range that was begun is in the tally; rejects where a process died. */
export async function runJobs(tally: Tally, { jobs, seeds, onPart }: JobsOptions): Promise<void> {
  const perJob = Math.ceil((seeds.to - seeds.from + 1) / jobs)
  const rangeSize = Math.min(SEEDS_PER_RANGE_MAX, perJob)
  let from = seeds.from
  const take = (): SeedRange | undefined => {
    if (from > seeds.to) return undefined
    const range = { from, to: Math.min(seeds.to, from + rangeSize - 1) }
    from = range.to + 1
    return range
  }
  const found = (part: Part): void => {
    tally.add(part)
    if (!onPart()) from = seeds.to + 1
  }
  await Promise.all(Array.from({ length: jobs }, () => runJob(take, found)))
}

function runJob(take: () => SeedRange | undefined, found: (part: Part) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('job.js', import.meta.url)), { execArgv: HEAP })
    let range: SeedRange | undefined
    child.on('message', (part: Part) => {
      found(part)
      range = giveNext(child, take)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (range === undefined) resolve()
      else reject(new Error(`the process of seeds ${range.from}…${range.to} ended with ${signal ?? code}`))
    })
    range = giveNext(child, take)
  })
}

/** No more of them: the process ends by itself once nobody can send it anything. */
function giveNext(child: ChildProcess, take: () => SeedRange | undefined): SeedRange | undefined {
  const range = take()
  if (range === undefined) child.disconnect()
  else child.send(range)
  return range
}
