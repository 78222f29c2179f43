/**
 * Runs simulated worlds, one per seed, and says what they found.
 *
 *   npm run -s sim -- --seed N [--trace]                 one world again, with all that happened
 *   npm run -s sim -- --seeds N [--seed N] [--json FILE] [--until-failure]   so many, from --seed (1) on
 *
 * Exits with 1 when a promise was broken anywhere.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { argumentsOr, wholeNumber } from '../support/arguments.js'
import { Coverage } from './draw.js'
import { type Outcome, runSeed } from './run-seed.js'
import { timelineOf } from './timeline-text.js'

const SHOWN_FAILURES_MAX = 10

const USAGE = `npm run -s sim -- --seed N [--trace]
npm run -s sim -- --seeds N [--seed N] [--json FILE] [--until-failure]
`

const { seed, seeds, values } = argumentsOr(USAGE, () => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      json: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'until-failure': { type: 'boolean', default: false },
    },
  })
  const seed = values.seed === undefined ? undefined : wholeNumber('seed', values.seed, 0)
  const seeds = values.seeds === undefined ? undefined : wholeNumber('seeds', values.seeds)
  if (values.trace && (seed === undefined || seeds !== undefined)) throw new Error('--trace shows one world: --seed N')
  return { seed, seeds, values }
})

// A module runs inside a promise callback, where virtual time cannot.
setImmediate(() => {
  if (seed !== undefined && seeds === undefined) runOne(seed, values.trace)
  else runMany(seed ?? 1, seeds ?? 100, values.json)
})

function runOne(seed: number, withTrace: boolean): void {
  const outcome = runSeed(seed)
  if (withTrace) console.log(timelineOf(outcome.world))
  const { events, virtualMs } = outcome
  console.log(`seed ${seed}: digest ${outcome.digest()}, ${events} events, ${Math.round(virtualMs)} virtual ms`)
  tell(outcome)
  process.exitCode = outcome.violations.length > 0 ? 1 : 0
}

function runMany(from: number, seeds: number, json: string | undefined): void {
  const startedAt = performance.now()
  const coverage = new Coverage()
  const failures: { seed: number; checker: string; message: string; all: string[] }[] = []
  let events = 0
  let worlds = 0
  const next = (seed: number): void => {
    if (seed >= from + seeds || (failures.length > 0 && values['until-failure'])) {
      finish()
      return
    }
    const outcome = runSeed(seed)
    coverage.add(outcome.coverage)
    events += outcome.events
    worlds++
    const [first] = outcome.violations
    if (first !== undefined) {
      failures.push({ seed, ...first, all: [...new Set(outcome.violations.map(({ checker }) => checker))] })
      if (failures.length <= SHOWN_FAILURES_MAX) tell(outcome)
    }
    setImmediate(next, seed + 1) // lets go of the world that was
  }
  const finish = () => {
    const seconds = (performance.now() - startedAt) / 1000
    const worldsPerSecond = Number((worlds / seconds).toFixed(1))
    console.log(`${worlds} worlds, ${failures.length} failures, ${worldsPerSecond} worlds/s, ${events} events`)
    const report = {
      worlds,
      from,
      failures: failures.length,
      worldsPerSecond,
      events,
      failed: failures,
      coverage,
    }
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`)
    process.exitCode = failures.length > 0 ? 1 : 0
  }
  next(from)
}

function tell({ seed, violations }: Outcome): void {
  if (violations.length === 0) return
  console.log(`seed ${seed} broke ${violations.length} promises; again with: npm run -s sim -- --seed ${seed} --trace`)
  for (const { checker, message } of violations.slice(0, 5)) console.log(`  ${checker}: ${message}`)
}
