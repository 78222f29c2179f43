/** The tables of docs/protocol.md are the code's; `UPDATE=1` writes them anew. */
import { equal } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { LIMITS } from '../../src/domain/limits.js'
import { REFUSALS } from '../../src/domain/refusal.js'
import { writtenExchange } from './first-exchange.js'

const PAGE = join(import.meta.dirname, '../../docs/protocol.md')

const SHOWN = {
  bodyBytesMax: 'bytes of a body',
  messageBytesMax: 'bytes of a WebSocket message, both ways',
  laneWindow: 'unanswered commands per lane and conversation',
  inFlightMax: 'unanswered requests per connection',
  framesPerSecondMax: 'frames per second and connection',
  historyLimitMax: 'limit of a History',
  historyBytesMax: 'bytes of one answer to History; then it ends early',
  usersPerChangeMax: 'users of a Change',
  groupMembersMax: 'members of a group',
  connectionsPerUserMax: 'connections of a user, unless configured',
  connectionsPerAddressMax: 'connections of an address, unless configured',
  tokenRefreshMs: 'milliseconds, at least, between fresh tokens on a connection',
  lanesPerDeviceMax: 'lanes kept per device and conversation; then the lowest-numbered is retired',
  heartbeatMs: 'milliseconds between pings',
  helloMs: 'milliseconds for Hello after connecting',
  tokenBytesMax: 'bytes of a token',
} as const satisfies Partial<Record<keyof typeof LIMITS, string>>

test('the refusals, limits and worked exchange of docs/protocol.md are those of the code', () => {
  const page = readFileSync(PAGE, 'utf8')
  const refusals = Object.entries(REFUSALS).map(([name, { wire, advice }]) => [wire, `\`${name}\``, advice])
  const limits = Object.entries(SHOWN).map(([name, what]) => [LIMITS[name as keyof typeof SHOWN], what])
  const withRefusals = replaced(page, 'refusals', tableOf(['code', 'name', 'what to do'], refusals))
  const withLimits = replaced(withRefusals, 'limits', tableOf(['at most', ''], limits))
  const fresh = replaced(withLimits, 'exchange', writtenExchange())
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, fresh)
  else equal(page, fresh)
})

function replaced(page: string, name: string, table: string): string {
  const open = page.indexOf('-->\n', page.indexOf(`<!-- ${name}:`)) + 4
  const close = page.indexOf('<!-- end -->', open)
  return `${page.slice(0, open)}${table}${page.slice(close)}`
}

function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
