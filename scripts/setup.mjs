/**
 * Makes node_modules fit package-lock.json, and does nothing when it already does: a fresh clone needs
 * only `npm start` or `npm test`. Plain JavaScript without dependencies, because it runs before there
 * are any. Progress goes to stderr, so that `npm run -s bench` prints only its numbers on stdout.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const recordPath = join(root, 'node_modules', '.parley-lock-hash')

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 15)) {
  process.stderr.write(`setup: Parley needs Node 20.15 or newer; this is ${process.version}\n`)
  process.exit(1) // zlib.crc32, which guards every log frame, came with 20.15
}

const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
if (recordedHash() !== wanted) install()

function recordedHash() {
  try {
    return readFileSync(recordPath, 'utf8').trim()
  } catch {
    return undefined
  }
}

function install() {
  process.stderr.write('setup: installing packages, about half a minute\n')
  // npm ci drops dev packages when NODE_ENV=production, and the build needs esbuild.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund']
  const npmCli = process.env.npm_execpath
  const result = npmCli?.endsWith('.js')
    ? spawnSync(process.execPath, [npmCli, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (result.status !== 0) {
    process.stderr.write(`setup: npm ci failed${result.error ? `: ${result.error.message}` : ''}\n`)
    process.exit(1)
  }
  writeFileSync(recordPath, `${wanted}\n`)
  process.stderr.write('setup: packages installed\n')
}
