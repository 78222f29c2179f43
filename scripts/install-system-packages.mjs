/**
 *   node scripts/install-system-packages.mjs strace chromium …
 *
 * Installs what some tests need of the system. For CI and for people with PARLEY_INSTALL=1; needs apt and the right to use it.
 * Test files run side by side, and apt gives up where another one is at work: they take turns.
 */
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Waiting for the others included. */
const MINUTES_MAX = 10
const TURNS = join(tmpdir(), 'parley-install.lock')

const names = process.argv.slice(2)
for (const args of [
  ['update', '-q'],
  ['install', '-qy', '--no-install-recommends', ...names],
]) {
  const { status, error } = spawnSync('flock', [TURNS, 'apt-get', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: MINUTES_MAX * 60_000,
  })
  if (status === 0) continue
  const why = error?.message ?? `exit code ${status}`
  process.stderr.write(`install-system-packages: apt-get ${args[0]} failed for ${names.join(' ')} (${why})\n`)
  process.exit(1)
}
