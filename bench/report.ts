/** Results for people: one aligned table, and what changed against an earlier one. */
import type { Result } from './result.js'

/** Shown first, in this order, where a result has them; everything else that is a number or a word follows. */
const UNITS: Readonly<Record<string, string>> = {
  ackedPerSecond: 'messages/s',
  deliveredPerSecond: 'deliveries/s',
  relayAckedPerSecond: 'messages/s',
  relayDeliveredPerSecond: 'deliveries/s',
  relayRatio: '× relay',
  ackMs: 'ms',
  deliverMs: 'ms',
  admittedMs: 'ms',
  serverCpuMicrosPerMessage: 'µs',
  relayCpuMicrosPerMessage: 'µs',
  serverRssBytesPerSession: 'bytes',
  serverRssBytesPerSessionResumed: 'bytes',
  serverPrivateBytesPerSession: 'bytes',
  connectSeconds: 's',
  resumeSeconds: 's',
  resumeBytes: 'bytes',
  resumeBytesOfOne: 'bytes',
  resumeBytesOfAll: 'bytes',
  resumeMs: 'ms',
  resumeMsOfAll: 'ms',
  echoesPerSecond: 'pings/s',
  roundTripMs: 'ms',
  serverCpuMicrosPerFrame: 'µs',
  clientCpu: 'of a core',
}
/** In the head of the table, or only for machines. */
const NOT_ROWS = new Set(['scenario', 'command', 'commit', 'node', 'machine', 'cores', 'at', 'complaints', 'notes'])

export function table(result: Result): string {
  const head = [
    `${result.scenario}: ${result.command}`,
    `commit ${result.commit}, node ${result.node}, ${result.machine}, ${result.cores}, ${result.at}`,
  ]
  const rows = Object.entries(result)
    .filter(([name]) => !NOT_ROWS.has(name))
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([name, value]) => [name, shown(value), UNITS[name] ?? ''])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map(([name, value, unit]) =>
    `  ${name!.padEnd(widths[0]!)}  ${value!.padStart(widths[1]!)}  ${unit}`.trimEnd(),
  )
  const notes = Array.isArray(result['notes']) ? result['notes'].map((note) => `  ${note}`) : []
  const complaints = result.complaints.map((complaint) => `  violation: ${complaint}`)
  return [...head, '', ...lines, '', ...notes, ...complaints, ''].join('\n')
}

/** Every number that both results have and that moved. */
export function comparison(before: Result, after: Result): string {
  const old = new Map(numbersOf(before))
  const lines = numbersOf(after).flatMap(([name, now]) => {
    const then = old.get(name)
    if (then === undefined || then === now) return []
    const change = then === 0 ? '' : ` (${now > then ? '+' : ''}${(((now - then) / then) * 100).toFixed(1)} %)`
    return [`  ${name.padEnd(36)} ${grouped(then)} → ${grouped(now)}${change}`]
  })
  if (before['digest'] !== after['digest'])
    lines.push('  digest moved: other messages were delivered, not only faster or slower')
  return [`against ${before.commit} of ${before.at} (${before.command})`, ...lines, ''].join('\n')
}

function numbersOf(result: Result): [string, number][] {
  return Object.entries(result).flatMap(([name, value]): [string, number][] => {
    if (typeof value === 'number') return [[name, value]]
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return []
    return Object.entries(value).flatMap(([part, inner]) =>
      typeof inner === 'number' ? [[`${name}.${part}`, inner] as [string, number]] : [],
    )
  })
}

function shown(value: unknown): string {
  if (typeof value === 'number') return grouped(value)
  if (Array.isArray(value)) return value.map(shown).join(' ')
  if (value === null || typeof value !== 'object') return `${value}`
  return (
    Object.entries(value)
      .map(([name, inner]) => `${name} ${shown(inner)}`)
      .join('  ') || 'none'
  )
}

/** 123,456.7; what is small keeps its digits. */
function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 1000 ? 0 : 3 })
}

function rank(name: string): number {
  const at = Object.keys(UNITS).indexOf(name)
  return at < 0 ? Number.MAX_SAFE_INTEGER : at
}
