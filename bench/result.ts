/**
 * What a run found, for machines: one flat object per run. Field names are relied on outside this repository; add,
 * never rename.
 */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import type { Cores } from './cores.js'
import { describeCores } from './cores.js'
import { Histogram, type Percentiles } from './histogram.js'
import type { Round } from './lab.js'
import type { HistogramData, Verdict } from './load.js'
import type { BenchOptions } from './options.js'

/** Sums and percentiles of all measured rounds of one side. */
export interface Totals {
  readonly ackedPerSecond: number
  readonly deliveredPerSecond: number
  readonly ackMs: Percentiles
  readonly deliverMs: Percentiles
  /** From the last attempt to send to the ack. */
  readonly admittedMs: Percentiles
  readonly serverCpuMicrosPerMessage: number
  readonly ackedPerSecondByRound: readonly number[]
  /** Share of one core that the client process used: near 1, the clients are what limits. A slow open loop spins: 1. */
  readonly clientCpu: number
  /** These two until everything sent was answered. */
  readonly acked: number
  readonly delivered: number
  /** Open loop: due, and never sent. */
  readonly neverSent: number
}

/** What every result has, null where the scenario does not measure it. */
export const MEASURES = [
  'ackedPerSecond',
  'deliveredPerSecond',
  'ackMs',
  'deliverMs',
  'serverCpuMicrosPerMessage',
  'serverRssBytesPerSession',
  'relayRatio',
] as const

export interface Provenance {
  readonly scenario: string
  readonly command: string
  readonly commit: string
  readonly node: string
  readonly machine: string
  readonly cores: string
  readonly at: string
}

export interface Result extends Provenance {
  readonly violations: number
  /** The first few violations in words. */
  readonly complaints: readonly string[]
  readonly [measure: string]: unknown
}

export function totals(rounds: readonly Round[]): Totals {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
  const seconds = sum((round) => round.seconds)
  return {
    ackedPerSecond: Math.round(sum((round) => round.acked) / seconds),
    deliveredPerSecond: Math.round(sum((round) => round.delivered) / seconds),
    ackMs: percentiles(rounds.map((round) => round.ack)),
    deliverMs: percentiles(rounds.map((round) => round.deliver)),
    admittedMs: percentiles(rounds.map((round) => round.admitted)),
    serverCpuMicrosPerMessage: rounded(sum((round) => round.cpuMicros) / sum((round) => round.ackedInAll), 2),
    ackedPerSecondByRound: rounds.map((round) => Math.round(round.acked / round.seconds)),
    clientCpu: rounded(sum((round) => round.clientCpuSeconds) / seconds, 2),
    acked: sum((round) => round.ackedInAll),
    delivered: sum((round) => round.deliveredInAll),
    neverSent: sum((round) => round.neverSent),
  }
}

export function provenance(options: BenchOptions, cores: Cores): Provenance {
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor'
  return {
    scenario: options.scenario,
    command: `npm run -s bench -- ${process.argv.slice(2).join(' ')}`,
    commit: commit(),
    node: process.version,
    machine: `${cpus().length} × ${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`,
    cores: describeCores(cores),
    at: new Date().toISOString(),
  }
}

/** What read-back found, under the names of the result; of several crowds together, with the last one's digest. */
export function verdictFields(...verdicts: readonly Verdict[]) {
  const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const refusals: Record<string, number> = {}
  for (const verdict of verdicts) {
    for (const [code, count] of Object.entries(verdict.refusals)) refusals[code] = (refusals[code] ?? 0) + count
  }
  return {
    violations: sum((verdict) => verdict.violations),
    complaints: verdicts.flatMap((verdict) => verdict.complaints),
    refusals,
    refusalsWithoutWait: sum((verdict) => verdict.refusalsWithoutWait),
    redelivered: sum((verdict) => verdict.redelivered),
    duplicateAcks: sum((verdict) => verdict.duplicateAcks),
    messagesRead: sum((verdict) => verdict.messagesRead),
    digest: verdicts.at(-1)!.digest,
  }
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** The middle one; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
}

function percentiles(parts: readonly HistogramData[]): Percentiles {
  const whole = new Histogram()
  for (const { counts, maxMicros } of parts) whole.add(new Histogram(counts, maxMicros))
  return whole.summary()
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== ''
    return git('rev-parse', '--short=12', 'HEAD') + (isChanged ? ' with changes' : '')
  } catch {
    return 'unknown'
  }
}
