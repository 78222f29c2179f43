/**
 * Kills a real server again and again under load, and says whether it kept its promises.
 *
 *   npm run -s kills -- [--count 100] [--seed N] [--workers 1,4,2] [--clients 24] [--json FILE] [--keep]
 *   npm run -s kills -- --messages N [--seed N] [--workers 1,4,2] [--json FILE]     resends every acked send
 *   npm run -s kills -- --members N [--count 1] [--clients N] [--seed N] [--workers 1,4,2] [--json FILE]
 *       one group of so many, of whom so many have a socket, that becomes large, small and large again
 *
 * Runs in ./data/kills-…, which is removed afterwards unless a promise was broken or --keep is given. The same seed
 * draws the same load and the same moments; the machine decides what they hit. Exits with 1 when a promise was broken.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { LIMITS } from '../../src/domain/limits.js'
import { argumentsOr, wholeNumber } from '../support/arguments.js'
import { runLargeGroup, WRITERS } from './large-group.js'
import { runResends } from './resends.js'
import { runUnderKills } from './under-kills.js'

/** Beyond what a run of this many kills, or messages, takes on a slow machine it has hung. */
const MS_PER_KILL_MAX = 10_000
const MS_PER_MESSAGE_MAX = 2
const MS_BESIDES_MAX = 300_000

const USAGE = `npm run -s kills -- [--count 100] [--seed N] [--workers 1,4,2] [--clients 24] [--json FILE] [--keep]
npm run -s kills -- --messages N [--seed N] [--workers 1,4,2] [--json FILE]
npm run -s kills -- --members N [--count 1] [--clients N] [--seed N] [--workers 1,4,2] [--json FILE]
`

const { values, seed, workers, kills, clients, messages, members } = argumentsOr(USAGE, () => {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      clients: { type: 'string', default: '24' },
      messages: { type: 'string' },
      members: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  return {
    values,
    seed: wholeNumber('seed', values.seed, 0),
    workers: values.workers.split(',').map((count) => wholeNumber('workers', count)),
    kills: wholeNumber('count', values.count),
    clients: wholeNumber('clients', values.clients, 2),
    messages: values.messages === undefined ? undefined : wholeNumber('messages', values.messages),
    members:
      values.members === undefined ? undefined : wholeNumber('members', values.members, LIMITS.largeMembersMin + 1),
  }
})

mkdirSync('data', { recursive: true })
const folder = mkdtempSync(join('data', 'kills-')) // not the system's temporary folder: that may be memory
const limitMs = MS_BESIDES_MAX + (messages === undefined ? kills * MS_PER_KILL_MAX : messages * MS_PER_MESSAGE_MAX)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1)) // and its server with it
setTimeout(() => {
  console.error(`not done after ${limitMs} ms; seed ${seed}`)
  process.exit(1)
}, limitMs).unref()

const startedAt = performance.now()
const report = await run()
const seconds = Math.round((performance.now() - startedAt) / 1000)
const { violations, ...figures } = report
for (const [name, value] of Object.entries({ ...figures, seconds, violations: violations.length })) {
  console.log(`${name.padEnd(14)} ${Array.isArray(value) ? value.join(' → ') : value}`)
}
for (const { checker, message } of violations) console.log(`  ${checker}: ${message.replaceAll('\u001f', '+')}`)
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ ...report, seconds, violations: violations.length }, undefined, 2)}\n`)
}
if (violations.length === 0 && !values.keep) rmSync(folder, { recursive: true })
else console.log(`left in ${folder}`)
process.exit(violations.length > 0 ? 1 : 0)

function run() {
  if (members !== undefined) return largeGroup(members)
  return messages === undefined ? underKills() : resends(messages)
}

function largeGroup(count: number) {
  const online = Math.min(count, Math.max(clients, WRITERS))
  const onPhase = (phase: string) => process.stderr.write(`${phase}\n`)
  return runLargeGroup({ seed, workers, kills, members: count, online, folder, onPhase })
}

function underKills() {
  const onLife = (life: number) => {
    if (life % 10 === 0) process.stderr.write(`kill ${life} of ${kills}\n`)
  }
  return runUnderKills({ seed, kills, workers, clients, folder, onLife })
}

function resends(count: number) {
  return runResends({ seed, messages: count, workers, folder, onPhase: (phase) => process.stderr.write(`${phase}\n`) })
}
