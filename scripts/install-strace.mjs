/**
 * Installs strace, which one test runs the server under. For CI and for people with PARLEY_INSTALL=1; needs apt and
 * the right to use it.
 */
import { spawnSync } from 'node:child_process'

const MINUTES_MAX = 3

for (const args of [
  ['update', '-q'],
  ['install', '-qy', '--no-install-recommends', 'strace'],
]) {
  const { status, error } = spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: MINUTES_MAX * 60_000,
  })
  if (status === 0) continue
  process.stderr.write(`install-strace: apt-get ${args[0]} failed (${error?.message ?? `exit code ${status}`})\n`)
  process.exit(1)
}
