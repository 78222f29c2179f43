/**
 * sessions: many people who are online and silent, each on one device, and the moment when all of them lose their
 * connection and come back at once (a proxy restarts, a network heals).
 *
 * Its numbers: resident memory of the server for each session above what it had before they came, and the seconds from
 * the moment when all are cut off to the last Welcome. At the end every second one says something to a neighbour: all
 * must be acked and heard, or a session was not really taken up again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { IdleLoadApi, IdlePlan } from '../idle-load.js'
import type { Lab } from '../lab.js'
import type { LoadProcess } from '../load-process.js'
import { median, provenance, type Result, rounded } from '../result.js'
import type { Target } from '../target.js'

/** Of one client process: below its open files, and few enough to connect in time. */
const DEVICES_PER_PROCESS = 6_000
const SETTLE_MS = 2_000

export async function sessions(lab: Lab): Promise<Result> {
  const { options } = lab
  const target = await lab.server()
  await sleep(SETTLE_MS)
  const before = target.processes.memory()
  const loads = plansFor(lab).map((plan) => ({ plan, load: lab.idleLoad() }))
  const startedAt = performance.now()
  await Promise.all(loads.map(({ plan, load }) => load.ask('open', plan, addressFor(target, plan))))
  const connectSeconds = (performance.now() - startedAt) / 1000
  await sleep(SETTLE_MS)
  const after = target.processes.memory()

  const resumeSeconds: number[] = []
  const cpuBeforeResume = target.processes.cpuMicros()
  for (let turn = 0; turn < options.rounds; turn++) {
    const droppedAt = performance.now()
    await Promise.all(loads.map(({ plan, load }) => load.ask('dropAndResume', addressFor(target, plan))))
    resumeSeconds.push(rounded((performance.now() - droppedAt) / 1000, 2))
    await sleep(SETTLE_MS)
  }
  const resumed = target.processes.memory()
  const cpuBefore = target.processes.cpuMicros()
  const cpuOfResumes = cpuBefore - cpuBeforeResume
  await Promise.all(loads.map(({ load }) => load.ask('tellEachOther')))

  const perSession = (bytes: number) => Math.round(bytes / options.clients)
  return {
    ...provenance(options, lab.cores),
    sessions: options.clients,
    clientProcesses: loads.length,
    serverRssBytesPerSession: perSession(after.residentBytes - before.residentBytes),
    serverPrivateBytesPerSession: perSession(after.privateBytes - before.privateBytes),
    serverRssBytesPerSessionResumed: perSession(resumed.residentBytes - before.residentBytes),
    serverRssBytesBefore: before.residentBytes,
    connectSeconds: rounded(connectSeconds, 2),
    resumeSeconds: median(resumeSeconds),
    resumeSecondsByRound: resumeSeconds,
    serverCpuMicrosPerResume: rounded(cpuOfResumes / (options.rounds * options.clients), 1),
    proofCpuMicrosPerMessage: rounded((target.processes.cpuMicros() - cpuBefore) / (options.clients / 2), 1),
    ...(await verdictOf(loads.map(({ load }) => load))),
  }
}

/** What all client processes have found together. */
export async function verdictOf(loads: readonly LoadProcess<IdleLoadApi>[]) {
  const verdicts = await Promise.all(loads.map((load) => load.ask('verdict')))
  const refusals: Record<string, number> = {}
  for (const verdict of verdicts) {
    for (const [code, count] of Object.entries(verdict.refusals)) refusals[code] = (refusals[code] ?? 0) + count
  }
  return {
    violations: verdicts.reduce((sum, verdict) => sum + verdict.violations, 0),
    complaints: verdicts.flatMap((verdict) => verdict.complaints),
    refusals,
  }
}

function plansFor({ options, secret }: Lab): IdlePlan[] {
  const processes = Math.ceil(options.clients / DEVICES_PER_PROCESS)
  const each = 2 * Math.ceil(options.clients / processes / 2)
  return Array.from({ length: processes }, (_, at) => ({
    first: at * each,
    clients: Math.min(each, options.clients - at * each),
    secret,
    connectingMax: Math.max(1, Math.floor(options.connecting / processes)),
  }))
}

/** Each client process speaks from an address of its own, 127.0.0.2 and on. */
function addressFor(target: Target, plan: IdlePlan) {
  return { ...target.address, from: `127.0.0.${2 + Math.floor(plan.first / DEVICES_PER_PROCESS)}` }
}
