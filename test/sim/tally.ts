/** What many worlds found: counts that add up, and who failed. */
import { Coverage } from './draw.js'
import type { Outcome } from './run-seed.js'

export interface Failure {
  readonly seed: number
  readonly checker: string
  readonly message: string
  /** Every checker that saw something. */
  readonly all: readonly string[]
  /** For people, in lines. */
  readonly told: string
}

/** What some of the worlds found, as a message between processes. */
export interface Part {
  readonly worlds: number
  readonly events: number
  readonly failed: readonly Failure[]
  readonly coverage: Readonly<Record<string, number>>
}

const SHOWN_VIOLATIONS_MAX = 5

export class Tally {
  worlds = 0
  events = 0
  readonly failed: Failure[] = []
  readonly coverage = new Coverage()

  take(outcome: Outcome): void {
    this.worlds++
    this.events += outcome.events
    this.coverage.add(outcome.coverage)
    const [first] = outcome.violations
    if (first === undefined) return
    const all = [...new Set(outcome.violations.map(({ checker }) => checker))]
    this.failed.push({
      seed: outcome.seed,
      checker: first.checker,
      message: first.message,
      all,
      told: tellingOf(outcome),
    })
  }

  add({ worlds, events, failed, coverage }: Part): void {
    this.worlds += worlds
    this.events += events
    this.failed.push(...failed)
    this.coverage.add(Object.entries(coverage))
  }

  get part(): Part {
    return { worlds: this.worlds, events: this.events, failed: this.failed, coverage: this.coverage.toJSON() }
  }
}

/** What a world broke, and how to see it again; nothing where it broke nothing. */
export function tellingOf({ seed, violations }: Outcome): string {
  if (violations.length === 0) return ''
  const again = `again with: npm run -s sim -- --seed ${seed} --trace`
  const shown = violations.slice(0, SHOWN_VIOLATIONS_MAX).map(({ checker, message }) => `  ${checker}: ${message}`)
  return [`seed ${seed} broke ${violations.length} promises; ${again}`, ...shown].join('\n')
}
