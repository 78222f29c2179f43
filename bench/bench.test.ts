/** The bench, tiny: so that it cannot rot. It checks what a run says and that nothing was lost, never a time. */
import { equal, match, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'parley-bench-test-'))
const TINY = ['--seconds', '0.4', '--warm-up', '0.1', '--rounds', '1']

beforeAll(() => run(process.execPath, ['scripts/build.mjs', 'server', 'bench'], { cwd: root }))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('durable: pairs hear each other, every ack is found again, every promised field is there', async () => {
  const result = await bench('durable', '--clients', '4', '--window', '2')
  isComplete(result)
  ok(result.messagesRead >= result.acked, 'read-back has seen all that was acked')
})

test('fanout: all members hear everything', async () => {
  const result = await bench('fanout', '--clients', '6', '--senders', '2', '--window', '2')
  isComplete(result)
  ok(result.delivered > result.acked, 'a message reaches several members')
})

test('open loop: the schedule is kept, and a comparison names what moved', async () => {
  const before = join(folder, 'before.json')
  await bench('durable', '--clients', '4', '--rate', '100', '--no-relay', '--json', before)
  const { stdout } = await benchProcess('durable', '--clients', '4', '--rate', '200', '--no-relay', '--compare', before)
  match(stdout, /against .*\n.* → /)
})

test('recovery: what was acked before a kill -9 is there after it', async () => {
  const result = await bench('recovery', '--clients', '4', '--window', '2')
  equal(result.violations, 0, result.complaints.join('\n'))
  equal(result['killToAckMs'].length, 1)
})

test('sessions: all that were dropped are back, and each is heard', async () => {
  const result = await bench('sessions', '--clients', '6')
  equal(result.violations, 0, result.complaints.join('\n'))
  for (const name of ['serverRssBytesPerSession', 'serverRssBytesPerSessionResumed', 'resumeSeconds']) {
    equal(typeof result[name], 'number', name)
  }
})

test('resume: what changed is heard, and nothing else', async () => {
  const result = await bench('resume', '--conversations', '8')
  equal(result.violations, 0, result.complaints.join('\n'))
  ok(result.resumeBytes < result.resumeBytesOfAll)
})

test('spread: each writes to several, and every conversation reads as it was acked', async () => {
  const result = await bench('spread', '--clients', '6', '--partners', '4', '--warm-up', '1', '--window', '4')
  equal(result.violations, 0, result.complaints.join('\n'))
  ok(result.acked > 0 && result.delivered > 0 && result.messagesRead >= result.acked)
})

test('echo: every ping comes back, in the closed loop and by schedule', async () => {
  for (const pace of [
    ['--window', '2'],
    ['--rate', '200'],
  ]) {
    const result = await bench('echo', '--clients', '4', ...pace)
    equal(result.violations, 0, result.complaints.join('\n'))
    ok(result.echoesPerSecond > 0 && result.roundTripMs.p50 > 0)
  }
})

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON, whose fields the assertions are about
type Parsed = any

async function bench(...args: string[]): Promise<Parsed> {
  const file = join(folder, 'result.json')
  await benchProcess(...args, ...(args.includes('--json') ? [] : ['--json', file]))
  return args.includes('--json') ? undefined : JSON.parse(readFileSync(file, 'utf8'))
}

function benchProcess(...args: string[]) {
  return run(process.execPath, ['dist/bench/main.js', ...args, ...TINY], { cwd: root })
}

function isComplete(result: Parsed): void {
  equal(result.violations, 0, result.complaints.join('\n'))
  const numbers = [
    'ackedPerSecond',
    'deliveredPerSecond',
    'serverCpuMicrosPerMessage',
    'serverRssBytesPerSession',
    'relayRatio',
  ]
  for (const name of numbers) equal(typeof result[name], 'number', name)
  for (const part of ['p50', 'p99', 'p999', 'max']) {
    equal(typeof result.ackMs[part], 'number', part)
    equal(typeof result.deliverMs[part], 'number', part)
  }
  match(result.digest, /^[0-9a-f]{8}$/)
}
