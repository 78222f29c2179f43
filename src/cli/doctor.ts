/**
 * `parley doctor`: looks at what Parley needs of this machine, and says of each thing how to mend it.
 *
 * A check judges what a probe saw (doctor-probe.ts) and touches nothing itself, so that a test can make each one fail.
 */
import { isLoopback } from '../access/address.js'
import { GiB, MiB } from '../domain/limits.js'
import type { DoctorProbe } from './doctor-probe.js'
import type { PortProblem } from './port-probe.js'
import type { Terminal } from './terminal.js'

export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly finding: string
  /** How to mend it; absent where nothing is to be mended. */
  readonly advice?: string
}

type Check = (probe: DoctorProbe) => Promise<Omit<Finding, 'check'>> | Omit<Finding, 'check'>

/** Of package.json's engines. */
const NODE_MIN = [20, 15] as const
/** Files that a process has open besides sockets, with room. */
const OTHER_FILES = 1_000
const FILES_MIN = 1_024
/** Below it the log refuses sends (log/embedded/options.ts, diskReserveBytes). */
const FREE_BYTES_MIN = 256 * MiB
const FREE_BYTES_WANTED = 10 * GiB
const SYNC_MS_SLOW = 20
/** No disk that keeps what it says is faster: memory, or a cache that a power failure empties. */
const SYNC_MS_CREDIBLE = 0.015
/** When this was written: a clock before it is wrong. */
const EARLIEST_MS = Date.UTC(2025, 0, 1)
const CLOCK_SLACK_MS = 60_000

export const CHECKS: Readonly<Record<string, Check>> = {
  'node version': ({ nodeVersion }) => {
    const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
    const isNew = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
    if (isNew) return { status: 'ok', finding: `Node ${nodeVersion}` }
    return {
      status: 'fail',
      finding: `Node ${nodeVersion} is older than ${NODE_MIN.join('.')}`,
      advice: 'install Node 22, for example with: nvm install 22',
    }
  },

  'native binary': async (probe) => {
    const { path, version, sha256, problem } = await probe.nativeBinary()
    const name = `uWebSockets ${version}, ${path}`
    if (problem === undefined) return { status: 'ok', finding: `${name}, SHA-256 ${sha256}` }
    return {
      status: 'warn',
      finding: `${name}: ${problem}`,
      advice:
        'the ws package serves instead, with about half as much CPU again per message; to have it, use Node 20 or 22 on ' +
        'Linux (glibc, not Alpine), macOS or Windows, then install again with: npm ci',
    }
  },

  'open files': (probe) => {
    const limit = probe.openFilesMax()
    const wanted = probe.connectionsMax + OTHER_FILES
    if (limit >= wanted) return { status: 'ok', finding: `${limit} open files are allowed` }
    return {
      status: limit < FILES_MIN ? 'fail' : 'warn',
      finding: `${limit} open files are allowed; the configured ${probe.connectionsMax} connections need ${wanted}`,
      advice: `allow more (shell: ulimit -n ${wanted}; systemd: LimitNOFILE=${wanted}), or lower limits.connections_per_worker`,
    }
  },

  'address limit': (probe) => {
    const { host, connectionsPerAddressMax: ofAddress, connectionsMax } = probe
    if (isLoopback(host)) return { status: 'ok', finding: 'only this machine connects' }
    const finding = `one address may have ${ofAddress} connections of ${connectionsMax}`
    if (ofAddress < connectionsMax) return { status: 'ok', finding }
    return {
      status: 'warn',
      finding,
      advice:
        'one address can take them all: where clients come directly, lower limits.connections_per_address to what ' +
        'people behind one provider need, for example 1000; behind a proxy, list it in access.proxies first',
    }
  },

  'data folder': (probe) => {
    const problem = probe.writeProblem()
    if (problem === undefined) return { status: 'ok', finding: `${probe.dataFolder} can be written` }
    return {
      status: 'fail',
      finding: `${probe.dataFolder} cannot be written (${problem})`,
      advice: 'give the folder to the user that runs Parley (chown), or choose another with data or PARLEY_DATA',
    }
  },

  'disk space': (probe) => {
    const free = probe.freeBytes()
    const finding = `${(free / GiB).toFixed(1)} GiB are free for ${probe.dataFolder}`
    if (free >= FREE_BYTES_WANTED) return { status: 'ok', finding }
    const advice =
      'free some, or move the data folder to a larger disk (data or PARLEY_DATA); the log alone may take 8 GiB'
    return { status: free < FREE_BYTES_MIN ? 'fail' : 'warn', finding, advice }
  },

  'disk sync': async (probe) => {
    const syncMs = await probe.syncMs()
    if (syncMs === undefined) {
      return { status: 'warn', finding: 'could not be measured', advice: 'mend the data folder first, then look again' }
    }
    const finding = `fdatasync of 4 KiB takes ${syncMs.toFixed(2)} ms (median)`
    if (syncMs > SYNC_MS_SLOW) {
      const advice = 'every ack waits for one: use a local SSD, not a network or spinning disk'
      return { status: 'warn', finding, advice }
    }
    if (syncMs >= SYNC_MS_CREDIBLE) return { status: 'ok', finding }
    const advice = 'too fast to be true: acks would not survive a power failure; use a real disk, not tmpfs'
    return { status: 'warn', finding, advice }
  },

  clock: (probe) => {
    const now = probe.now()
    const shown = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' }).format(
      now,
    )
    const advice = 'set the clock and keep it right, for example with: timedatectl set-ntp true'
    if (now < EARLIEST_MS) return { status: 'fail', finding: `${shown} UTC: the clock is years behind`, advice }
    const newest = probe.newestDataMs()
    if (newest !== undefined && newest > now + CLOCK_SLACK_MS) {
      const minutes = Math.round((newest - now) / 60_000)
      return { status: 'fail', finding: `${shown} UTC: the data is ${minutes} minutes newer than the clock`, advice }
    }
    return { status: 'ok', finding: `${shown} UTC` }
  },

  port: async (probe) => judgePort(probe, probe.port, await probe.portProblem()),

  'tcp port': async (probe) => {
    const { tcpPort } = probe
    if (tcpPort === undefined) return { status: 'ok', finding: 'none is wanted' }
    return judgePort(probe, tcpPort, await probe.tcpPortProblem(tcpPort))
  },
}

function judgePort({ host }: DoctorProbe, port: number, taken: PortProblem | undefined): Omit<Finding, 'check'> {
  if (taken === undefined) return { status: 'ok', finding: `port ${port} on ${host} is free` }
  if (taken.isParley) return { status: 'ok', finding: `a Parley serves on port ${port} now` }
  return { status: 'fail', finding: `port ${port} on ${host} cannot be had`, advice: taken.advice }
}

export async function examine(probe: DoctorProbe): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [check, run] of Object.entries(CHECKS)) findings.push({ check, ...(await run(probe)) })
  return findings
}

const SIGNS = { ok: ['green', '✓'], warn: ['yellow', '!'], fail: ['red', '✗'] } as const

/** Whether nothing failed. */
export async function doctor(terminal: Terminal, probe: DoctorProbe, json: boolean): Promise<boolean> {
  const findings = await terminal.progress('looking at this machine', examine(probe))
  const isWell = findings.every(({ status }) => status !== 'fail')
  if (json) terminal.json({ ok: isWell, findings })
  else {
    for (const { check, status, finding, advice } of findings) {
      const [style, sign] = SIGNS[status]
      terminal.print(`${terminal.style(style, sign)} ${check.padEnd(14)} ${finding}`)
      if (advice !== undefined) terminal.print(`  ${' '.repeat(14)} ${terminal.style('cyan', '→')} ${advice}`)
    }
  }
  return isWell
}
