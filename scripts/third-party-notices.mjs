/**
 * THIRD_PARTY_NOTICES: every package that an installation of Parley holds, with its licence, from package-lock.json and
 * what is installed. `node scripts/third-party-notices.mjs` writes it; test/package.test.ts compares.
 *
 * Packages for one platform only (those of lmdb and msgpackr-extract) are not listed one by one: they differ from machine
 * to machine, and their licence is that of the package that asks for them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
export const NOTICES = join(ROOT, 'THIRD_PARTY_NOTICES')

const APACHE = 'Apache License 2.0, the text of which is in LICENSE.'

/** What packages have inside that is not theirs, and say so elsewhere than in their own LICENSE. */
const INSIDE = {
  'node_modules/uWebSockets.js': [
    ['uWebSockets.js and uWebSockets, by Alex Hultman and contributors', APACHE],
    ['uSockets, by Alex Hultman and contributors', APACHE],
    [
      'BoringSSL, linked into the binaries',
      'ISC, OpenSSL and SSLeay licences: https://github.com/google/boringssl/blob/master/LICENSE',
    ],
    ['zlib, linked into the binaries', 'zlib licence: https://zlib.net/zlib_license.html'],
    ['lsquic, linked into the binaries', 'MIT: https://github.com/litespeedtech/lsquic/blob/master/LICENSE'],
  ],
  'node_modules/lmdb': [
    ['LMDB, by Howard Chu, Symas Corp.', 'dependencies/lmdb/libraries/liblmdb/LICENSE'],
    ['LZ4, by Yann Collet', 'dependencies/lz4/LICENSE'],
  ],
}

export function notices() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const paths = Object.keys(packages).filter((path) => path !== '' && isInstalledEverywhere(packages[path]))
  const sections = paths.sort().map((path) => section(path))
  return [
    'Parley is Apache-2.0 (LICENSE). An installation of it holds these packages, each under its own licence.',
    'Made by scripts/third-party-notices.mjs; the native binaries of a platform come under the licence of their package.',
    ...sections,
    '',
  ].join('\n\n')
}

function isInstalledEverywhere({ dev, devOptional, optional, peer, os, cpu }) {
  return !dev && !devOptional && !peer && !optional && os === undefined && cpu === undefined
}

function section(path) {
  const folder = join(ROOT, path)
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const from = typeof repository === 'string' ? repository : (repository?.url ?? '')
  const title = `${name} ${version} (${license ?? 'see below'})${from === '' ? '' : `\n${from.replace(/^git\+/, '')}`}`
  const inside = (INSIDE[path] ?? []).map(([what, licence]) => {
    const file = join(folder, licence)
    return `It holds ${what}:\n\n${existsSync(file) ? readFileSync(file, 'utf8').trim() : licence}`
  })
  return ['-'.repeat(100), title, licenceText(folder, license), ...inside].join('\n\n')
}

function licenceText(folder, license) {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name))
  if (file !== undefined) {
    const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()
    return /^\s*Apache License\s+Version 2\.0/.test(text) ? APACHE : text
  }
  return license === 'Apache-2.0' ? APACHE : `Its package has no text of the licence; it names ${license}.`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(NOTICES, notices())
