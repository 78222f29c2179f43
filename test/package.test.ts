/**
 * What `npm pack` would publish. That it installs and starts is tried by scripts/check-package.mjs, which .ci/run runs:
 * it takes half a minute.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { NOTICES, notices } from '../scripts/third-party-notices.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PACKED_BYTES_MAX = 2 * 1024 * 1024

interface Packed {
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

test('THIRD_PARTY_NOTICES names what an installation holds', () => {
  equal(readFileSync(NOTICES, 'utf8'), notices(), 'write it again with: node scripts/third-party-notices.mjs')
})

test('the package holds the programs, the client and the documents, and nothing that made or tested them', () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const output = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [packed] = JSON.parse(output) as [Packed]
  const paths = packed.files.map(({ path }) => path)
  const wanted = ['cli.js', 'main.js', 'server.js', 'worker.js', 'client/browser.js', 'client/node.js'].map(
    (name) => `dist/${name}`,
  )
  wanted.push('LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md', 'THIRD_PARTY_NOTICES', 'docs/operations.md')
  wanted.push('schemas/wire.fbs', 'deploy/systemd/parley.service')
  deepEqual(
    wanted.filter((path) => !paths.includes(path)),
    [],
  )
  const foreign = /^(?:src|test|bench|scripts|node_modules|\.ci)\/|^dist\/(?:kills|sim)\/|\.map$|\.test\.|\.env|\.gz$/
  deepEqual(
    paths.filter((path) => foreign.test(path)),
    [],
  )
  ok(packed.size < PACKED_BYTES_MAX, `${packed.size} bytes packed`)
})

test('the command line can be run as a program', () => {
  ok(readFileSync(`${ROOT}dist/cli.js`, 'utf8').startsWith('#!/usr/bin/env node\n'))
  const { bin, license } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
  deepEqual([bin, license], [{ parley: 'dist/cli.js' }, 'Apache-2.0'])
})

test('the container and the unit stop the server as it wants to be stopped, and name files that exist', () => {
  const dockerfile = readFileSync(`${ROOT}Dockerfile`, 'utf8')
  for (const line of [/^STOPSIGNAL SIGTERM$/m, /^USER node$/m, /^VOLUME \/data$/m, /^HEALTHCHECK /m, /slim\nENV/]) {
    ok(line.test(dockerfile), `${line}`)
  }
  const unit = readFileSync(`${ROOT}deploy/systemd/parley.service`, 'utf8')
  const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])
  ok(stopSeconds > 15, 'a drain takes up to 15 s')
  ok(/^RestartPreventExitStatus=78$/m.test(unit))
  const copied = [...dockerfile.matchAll(/\/build\/([\w.-]+(?:\.json|\.npmrc))/g)].map((hit) => hit[1]!)
  deepEqual(
    copied.filter((name) => !existsSync(`${ROOT}${name}`)),
    [],
  )
})
