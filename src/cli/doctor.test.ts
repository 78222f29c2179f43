import { deepEqual, match, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { GiB, MiB } from '../domain/limits.js'
import { CHECKS, examine, type Finding } from './doctor.js'
import type { DoctorProbe } from './doctor-probe.js'

const NOON = Date.UTC(2026, 5, 1, 12)
const BINARY = { path: 'uws.node', version: '20.0.8', sha256: 'ab', problem: undefined }

const WELL: DoctorProbe = {
  host: '127.0.0.1',
  port: 7700,
  tcpPort: 7701,
  dataFolder: '/srv/chat',
  connectionsMax: 19_000,
  connectionsPerAddressMax: 18_999,
  nodeVersion: '20.15.0',
  now: () => NOON,
  nativeBinary: async () => BINARY,
  openFilesMax: () => 20_000,
  writeProblem: () => undefined,
  freeBytes: () => 10 * GiB,
  syncMs: async () => 20,
  newestDataMs: () => NOON + 60_000,
  portProblem: async () => undefined,
  tcpPortProblem: async () => undefined,
}

test('on a machine that just has what it takes, all is well', async () => {
  const findings = await examine(WELL)
  deepEqual(
    findings.filter(({ status, advice }) => status !== 'ok' || advice !== undefined),
    [],
  )
  deepEqual(
    findings.map(({ check }) => check),
    Object.keys(CHECKS),
  )
})

const TAKEN = { isParley: false, advice: 'choose another' }

/** Check → what to break, the status it then has, and what to do about it. */
const BROKEN: [keyof typeof CHECKS, Partial<DoctorProbe>, Finding['status'], RegExp][] = [
  ['node version', { nodeVersion: '20.14.9' }, 'fail', /^install Node 22, .*nvm install 22$/],
  [
    'native binary',
    { nativeBinary: async () => ({ ...BINARY, problem: 'gone' }) },
    'warn',
    /^the ws package serves instead.*glibc.*npm ci/,
  ],
  ['open files', { openFilesMax: () => 19_999 }, 'warn', /ulimit -n 20000; systemd: LimitNOFILE=20000/],
  ['open files', { openFilesMax: () => 1_023 }, 'fail', /lower limits\.connections_per_worker$/],
  [
    'address limit',
    { host: '0.0.0.0', connectionsPerAddressMax: 19_000 },
    'warn',
    /^one address can take them all: .*lower limits\.connections_per_address.*access\.proxies first$/,
  ],
  ['data folder', { writeProblem: () => 'EACCES' }, 'fail', /chown.*PARLEY_DATA$/],
  ['disk space', { freeBytes: () => 10 * GiB - 1 }, 'warn', /^free some, or move the data folder/],
  ['disk space', { freeBytes: () => 256 * MiB - 1 }, 'fail', /^free some, or move the data folder/],
  ['disk sync', { syncMs: async () => 20.1 }, 'warn', /^every ack waits for one: use a local SSD/],
  ['disk sync', { syncMs: async () => 0.01 }, 'warn', /would not survive a power failure/],
  ['disk sync', { syncMs: async () => undefined }, 'warn', /^mend the data folder first/],
  ['clock', { now: () => Date.UTC(2024, 11, 31) }, 'fail', /timedatectl set-ntp true$/],
  ['clock', { newestDataMs: () => NOON + 60_001 }, 'fail', /timedatectl set-ntp true$/],
  ['port', { portProblem: async () => TAKEN }, 'fail', /^choose another$/],
  ['tcp port', { tcpPortProblem: async () => TAKEN }, 'fail', /^choose another$/],
]

for (const [check, broken, status, advice] of BROKEN) {
  test(`${check}: ${JSON.stringify(Object.keys(broken))} broken is a ${status}, with what to do`, async () => {
    const wrong = (await examine({ ...WELL, ...broken })).filter((finding) => finding.status !== 'ok')
    deepEqual([wrong.length, wrong[0]?.check, wrong[0]?.status], [1, check, status])
    match(wrong[0]!.advice!, advice)
  })
}

test('every check is broken above', () => {
  ok(Object.keys(CHECKS).every((check) => BROKEN.some(([broken]) => broken === check)))
})

test('one address may have all connections where only this machine connects', async () => {
  const findings = await examine({ ...WELL, connectionsPerAddressMax: 19_000 })
  deepEqual(findings.find(({ check }) => check === 'address limit')!.status, 'ok')
})

test('a port that Parley itself has is no trouble', async () => {
  const isParley = async () => ({ isParley: true, advice: '' })
  const findings = await examine({ ...WELL, portProblem: isParley, tcpPortProblem: isParley })
  deepEqual(
    findings.filter(({ check }) => check.endsWith('port')).map(({ status, finding }) => [status, finding]),
    [
      ['ok', 'a Parley serves on port 7700 now'],
      ['ok', 'a Parley serves on port 7701 now'],
    ],
  )
})
