/**
 * Packs Parley, installs the package in an empty folder, as a user would, starts it there and says something to it.
 * Prints the sizes; ends with 1 where anything is not as README.md says.
 *
 *   node scripts/check-package.mjs        (packages come from npm's cache where they are there)
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const MB = 1_000_000
const INSTALLED_BYTES_MAX = 250 * MB
const START_MS_MAX = 30_000
const DEV_TOOLS = ['esbuild', 'typescript', 'vite', 'vitest', '@biomejs', 'dependency-cruiser', 'tsx']

const folder = mkdtempSync(join(tmpdir(), 'parley-package-'))
try {
  await check()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function check() {
  const output = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT)
  const [packed] = JSON.parse(output)
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const startedAt = performance.now()
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename)], folder)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  const modules = join(folder, 'node_modules')
  const tools = DEV_TOOLS.filter((name) => existsSync(join(modules, name)))
  if (tools.length > 0) fail(`the installation holds development tools: ${tools.join(', ')}`)
  const installed = bytesUnder(modules)
  if (installed > INSTALLED_BYTES_MAX) fail(`the installation has ${Math.round(installed / MB)} MB`)
  const readyMs = await serveAndSend()
  const sizes = `packed ${(packed.size / MB).toFixed(2)} MB, installed ${Math.round(installed / MB)} MB in ${seconds} s`
  process.stdout.write(`package: ${sizes}; npx parley dev was ready after ${readyMs} ms\n`)
}

/** Milliseconds from `npx parley dev` to its banner. */
async function serveAndSend() {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, PARLEY_PORT: '0', PARLEY_TCP_PORT: '0' }
  const startedAt = performance.now()
  const server = spawn('npx', ['--no-install', 'parley', 'dev'], {
    cwd: folder,
    env,
    detached: true, // a group of its own, as in a terminal: npx passes no signal on
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const port = await servingPort(server)
    const readyMs = Math.round(performance.now() - startedAt)
    const sent = run('npx', ['--no-install', 'parley', 'send', '--user', 'alice', 'bob', 'hello'], folder, {
      ...env,
      PARLEY_PORT: port,
    })
    if (sent !== 'acked: durable at seq 1 of bob\n') fail(`parley send said: ${sent}`)
    for (const path of ['/readyz', '/']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`)
      if (!answer.ok) fail(`${path} answers ${answer.status}`)
    }
    return readyMs
  } finally {
    const ended = once(server.stdout, 'close') // by the last of the group
    process.kill(-server.pid, 'SIGTERM')
    await ended
  }
}

function servingPort(server) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`it does not serve after ${START_MS_MAX} ms`)), START_MS_MAX)
    let said = ''
    server.stdout.on('data', (text) => {
      said += text
      const found = /serves ws:\/\/.*:(\d+)\/v1\/ws/.exec(said)
      if (found === null) return
      clearTimeout(late)
      resolve(found[1])
    })
    server.on('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)))
  })
}

function run(program, args, cwd, env = process.env) {
  return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function bytesUnder(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function fail(message) {
  throw new Error(`package: ${message}`)
}
