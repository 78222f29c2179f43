/**
 * The command line as a person meets it: exit codes, advice, and a chat between two terminals.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { ChatClient } from '../support/chat-client.js'
import { parley } from '../support/command-line.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

test('init writes a file with a fresh secret that only its owner reads, and never overwrites', async () => {
  const folder = empty()
  equal((await parley(['init'], { folder })).code, 0)
  const path = join(folder, 'parley.toml')
  const text = readFileSync(path, 'utf8')
  equal(statSync(path).mode & 0o777, 0o600)
  equal((await parley(['config', 'check'], { folder })).stdout, 'parley.toml: every setting is valid\n')

  const again = await parley(['init'], { folder })
  equal(again.code, 1)
  match(again.stderr, /is there already and was left as it is/)
  equal(readFileSync(path, 'utf8'), text)
  const shown = await parley(['config', 'show'], { folder })
  match(shown.stdout, /secret +\(hidden\) +parley\.toml:\d+\n/)
  const secret = /^secret = "(.+)"$/m.exec(text)![1]!
  ok(!shown.stdout.includes(secret))
})

test('wrong settings and wrong usage end with their codes, a hint, and no stack trace', async () => {
  const folder = empty()
  writeFileSync(join(folder, 'parley.toml'), 'port = 7800\nprot = 1\n')
  const refused = await parley(['serve'], { folder })
  deepEqual(refused, {
    code: 78,
    stdout: '',
    stderr: 'parley: parley.toml:2: prot is not a setting of Parley; did you mean port?\n',
  })
  deepEqual(JSON.parse((await parley(['config', 'check', '--json'], { folder })).stdout).exitCode, 78)
  const misspelt = await parley(['sned'], { folder })
  equal(misspelt.code, 2)
  match(misspelt.stderr, /Did you mean send\?/)
  equal((await parley(['send', 'bob', 'hi'], { folder: empty() })).code, 2)
  const wrong = JSON.parse((await parley(['top', '--json', '--interval', '0'], { folder })).stdout)
  deepEqual([wrong.ok, wrong.exitCode, /whole number/.test(wrong.error)], [false, 2, true])
  equal((await parley(['--version'], { folder })).code, 0)
  const without = await parley(['serve'], { folder: empty() })
  equal(without.code, 78)
  match(without.stderr, /parley init writes a file with one/)
})

test('doctor finds what is really wrong: too few files, a folder that is a file, ports that are taken', async () => {
  const folder = empty()
  writeFileSync(join(folder, 'data'), '')
  const others = [createServer(), createServer()]
  const ports = await Promise.all(others.map(listeningPort))
  try {
    const environment = { PARLEY_PORT: `${ports[0]}`, PARLEY_TCP_PORT: `${ports[1]}` }
    const { code, stdout } = await parley(['doctor', '--json'], { folder, environment, filesMax: 512 })
    equal(code, 1)
    const { findings } = JSON.parse(stdout) as { findings: { check: string; status: string; advice?: string }[] }
    const failed = findings.filter(({ status }) => status === 'fail')
    deepEqual(
      failed.map(({ check }) => check),
      ['open files', 'data folder', 'port', 'tcp port'],
    )
    match(failed[2]!.advice!, /taken by another program; stop it, or choose another PARLEY_PORT/)
    match(failed[3]!.advice!, /taken by another program; stop it, or choose another PARLEY_TCP_PORT/)
    match(findings.find(({ check }) => check === 'native binary')!.status, /ok/)
  } finally {
    for (const other of others) other.close()
  }
})

test('doctor knows a Parley by its ports, the plain one too', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  const environment = { PARLEY_PORT: `${server.port}`, PARLEY_TCP_PORT: `${server.tcpPort}` }
  const { stdout } = await parley(['doctor'], { folder: empty(), environment })
  match(stdout, new RegExp(` port +a Parley serves on port ${server.port} now\\n`))
  match(stdout, new RegExp(`tcp port +a Parley serves on port ${server.tcpPort} now\\n`))
})

test('send and tail: acked is durable, and the other terminal shows it once; metrics and top count it', async () => {
  await using server = await ServerProcess.start()
  const folder = empty()
  const environment = { PARLEY_PORT: `${server.port}`, PARLEY_SECRET: SECRET, PARLEY_DATA: server.dataFolder }
  const run = (...args: string[]) => parley(args, { folder, environment })
  equal((await run('send', '--user', 'alice', 'bob', 'lunch?')).stdout, 'acked: durable at seq 1 of bob\n')
  const piped = await parley(['send', '--user', 'alice', 'bob', '--json'], { folder, environment, input: 'now?\n' })
  deepEqual(JSON.parse(piped.stdout), { acked: true, seq: 2, to: 'bob' })
  const { stdout } = await run('tail', '--user', 'bob', 'alice', '--count', '2', '--json')
  const texts = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  deepEqual(
    texts.map(({ seq, from, text }) => [seq, from, text]),
    [
      [1, 'alice', 'lunch?'],
      [2, 'alice', 'now?'],
    ],
  )
  const { token } = JSON.parse((await run('token', 'eve', '--json')).stdout) as { token: string }
  const unsigned = token.replace(/[\w-]{43}$/, '0'.repeat(43))
  const refused = await run('send', '--token', unsigned, 'bob', 'x')
  match(refused.stderr, /refused with 1402 \(bad-token: get a new token\)/)

  let page = ''
  while (!/^parley_shards_serving 256$/m.test(page)) page = await metricsOf(server) // a gauge is up to a second old
  match(page, /^parley_events_committed_total 2$/m)
  ok(Number(/^parley_received_frames_total (\d+)$/m.exec(page)![1]) >= 4)
  const view = JSON.parse((await run('top', '--json', '-n', '1')).stdout)
  deepEqual([view.shardsServing, view.shardsOwned, view.workerStarts], [256, 256, 2])
  equal((await run('top', '--url', 'http://127.0.0.1:1/metrics')).code, 69)
})

test('serve --json says in one line where it serves', async () => {
  const environment = { ...process.env, PARLEY_PORT: '0', PARLEY_TCP_PORT: '0', PARLEY_SECRET: SECRET }
  const cli = new URL('../../dist/cli.js', import.meta.url).pathname
  const child = spawn(process.execPath, [cli, 'serve', '--json'], { cwd: empty(), env: environment })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { serving, http, pid, tcp } = JSON.parse(line.toString())
    equal((await fetch(`${http}/readyz`)).status, 200)
    deepEqual([serving, process.kill(pid, 0), /:[1-9]\d*$/.test(tcp)], [true, true, true])
  } finally {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
})

test('SIGHUP takes over a lower limit: the next connection is held to it', async () => {
  const folder = empty()
  const path = join(folder, 'parley.toml')
  writeFileSync(path, '')
  await using server = await ServerProcess.start({ environment: { PARLEY_CONFIG: path } })
  writeFileSync(path, '[limits]\nframes_per_second = 1\n')
  process.kill(server.parentPid, 'SIGHUP')
  await server.until(() => server.stderr.includes('config-reloaded'))
  match(server.stderr, /"changed":\["limits.frames_per_second"\],"needRestart":\[\]/)
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => alice.send('bob', n, 'x')))
  ok(answers.some(({ kind }) => kind === 'refusal'))
  const page = await metricsOf(server)
  ok(Number(/refusal="connection-rate"\} (\d+)/.exec(page)![1]) > 0)
})

async function listeningPort(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function empty(): string {
  return mkdtempSync(join(tmpdir(), 'parley-cli-'))
}

async function metricsOf({ port }: ServerProcess): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
}
