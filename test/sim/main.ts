/**
 * Runs simulated worlds, one per seed, and says what they found.
 *
 *   npm run -s sim -- --seed N [--trace]                 one world again, with all that happened
 *   npm run -s sim -- --seeds N [--seed N] [--jobs N] [--json FILE] [--until-failure]   so many, from --seed (1) on
 *
 * `--jobs` runs them in so many processes, with one report; without it they run in this one, which a profiler can watch.
 * Exits with 1 when a promise was broken anywhere.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { argumentsOr, wholeNumber } from '../support/arguments.js'
import { runJobs } from './jobs.js'
import { runSeed } from './run-seed.js'
import { Tally, tellingOf } from './tally.js'
import { timelineOf } from './timeline-text.js'

const SHOWN_FAILURES_MAX = 10

const USAGE = `npm run -s sim -- --seed N [--trace]
npm run -s sim -- --seeds N [--seed N] [--jobs N] [--json FILE] [--until-failure]
`

const { seed, seeds, jobs, values } = argumentsOr(USAGE, () => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      jobs: { type: 'string' },
      json: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'until-failure': { type: 'boolean', default: false },
    },
  })
  const seed = values.seed === undefined ? undefined : wholeNumber('seed', values.seed, 0)
  const seeds = values.seeds === undefined ? undefined : wholeNumber('seeds', values.seeds)
  const jobs = values.jobs === undefined ? undefined : wholeNumber('jobs', values.jobs)
  if (values.trace && (seed === undefined || seeds !== undefined)) throw new Error('--trace shows one world: --seed N')
  return { seed, seeds, jobs, values }
})

// A module runs inside a promise callback, where virtual time cannot.
setImmediate(() => {
  if (seed !== undefined && seeds === undefined) runOne(seed, values.trace)
  else runMany(seed ?? 1, seeds ?? 100)
})

function runOne(seed: number, withTrace: boolean): void {
  const outcome = runSeed(seed)
  if (withTrace) console.log(timelineOf(outcome.world))
  const { events, virtualMs } = outcome
  console.log(`seed ${seed}: digest ${outcome.digest()}, ${events} events, ${Math.round(virtualMs)} virtual ms`)
  if (outcome.violations.length > 0) console.log(tellingOf(outcome))
  process.exitCode = outcome.violations.length > 0 ? 1 : 0
}

function runMany(from: number, seeds: number): void {
  const startedAt = performance.now()
  const tally = new Tally()
  let told = 0
  const tell = () => {
    for (; told < Math.min(tally.failed.length, SHOWN_FAILURES_MAX); told++) console.log(tally.failed[told]!.told)
  }
  const goesOn = () => {
    tell()
    return tally.failed.length === 0 || !values['until-failure']
  }
  const finish = () => report(tally, from, (performance.now() - startedAt) / 1000)
  if (jobs !== undefined) {
    const range = { from, to: from + seeds - 1 }
    void runJobs(tally, { jobs, seeds: range, onPart: goesOn }).then(finish, (error: Error) => {
      process.stderr.write(`${error.message}\n`)
      process.exit(2)
    })
    return
  }
  const next = (seed: number): void => {
    if (seed >= from + seeds || !goesOn()) return finish()
    tally.take(runSeed(seed))
    setImmediate(next, seed + 1) // lets go of the world that was
  }
  next(from)
}

function report({ worlds, events, failed, coverage }: Tally, from: number, seconds: number): void {
  const worldsPerSecond = Number((worlds / seconds).toFixed(1))
  failed.sort((a, b) => a.seed - b.seed)
  console.log(`${worlds} worlds, ${failed.length} failures, ${worldsPerSecond} worlds/s, ${events} events`)
  if (values.json !== undefined) {
    const failures = failed.map(({ seed, checker, message, all }) => ({ seed, checker, message, all }))
    const text = { worlds, from, failures: failed.length, worldsPerSecond, events, failed: failures, coverage }
    writeFileSync(values.json, `${JSON.stringify(text, undefined, 2)}\n`)
  }
  process.exitCode = failed.length > 0 ? 1 : 0
}
