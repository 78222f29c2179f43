import { deepEqual, equal, throws } from 'node:assert/strict'
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { readConfig } from './read-config.js'

const SECRET = 'Qm7x0yJt3kF9wBv2LrNc5sHd8aZp1eUi4oGTqWXYMfI='
const empty = () => mkdtempSync(join(tmpdir(), 'parley-config-'))

test('without any variable: loopback, port 7700, a secret made once and kept for its owner only', () => {
  const folder = empty()
  const config = readConfig({ PARLEY_DATA: folder, HOME: '/root' })
  equal(config.host, '127.0.0.1')
  deepEqual([config.port, config.tcpPort], [7700, 7701])
  equal(config.isDevelopmentSecret, true)
  equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
  equal(readFileSync(join(folder, 'secret'), 'utf8').trim(), config.secret)
  equal(readConfig({ PARLEY_DATA: folder }).secret, config.secret)
})

test('a given secret is used and none is made', () => {
  const config = readConfig({ PARLEY_DATA: empty(), PARLEY_SECRET: SECRET, PARLEY_WORKERS: '3', PARLEY_PORT: '0' })
  deepEqual([config.secret, config.isDevelopmentSecret, config.workers, config.port], [SECRET, false, 3, 0])
})

test('plain TCP is off where only the other port was moved, and goes where it is told', () => {
  const tcpPortOf = (chosen: Record<string, string>) => readConfig({ PARLEY_DATA: empty(), ...chosen }).tcpPort
  equal(tcpPortOf({ PARLEY_PORT: '8000' }), undefined)
  equal(tcpPortOf({ PARLEY_PORT: '8000', PARLEY_TCP_PORT: '8001' }), 8001)
  equal(tcpPortOf({ PARLEY_TCP_PORT: '0' }), 0)
  equal(tcpPortOf({ PARLEY_TCP_PORT: 'off' }), undefined)
})

test('every wrong value is refused with the name of its variable', () => {
  const wrong: Record<string, string> = {
    PARLEY_PORT: '65536',
    PARLEY_TCP_PORT: '65536',
    PARLEY_WORKERS: '0',
    PARLEY_SECRET: 's'.repeat(31),
    PARLEY_LOG_LEVEL: 'loud',
    PARLEY_PROT: '7700',
    PARLEY_TEST_FAULTS: 'yes',
    PARLEY_DATA: '',
  }
  for (const [name, value] of Object.entries(wrong)) {
    const refused = { name: 'ConfigError', message: new RegExp(`^${name} `) }
    throws(() => readConfig({ PARLEY_DATA: empty(), [name]: value }), refused, name)
  }
  equal(readConfig({ PARLEY_DATA: empty(), PARLEY_PORT: '65535' }).port, 65_535)
})

test('another address than loopback needs a secret', () => {
  throws(() => readConfig({ PARLEY_DATA: empty(), PARLEY_HOST: '0.0.0.0' }), /PARLEY_SECRET must be set/)
  equal(readConfig({ PARLEY_DATA: empty(), PARLEY_HOST: '0.0.0.0', PARLEY_SECRET: SECRET }).host, '0.0.0.0')
})

test('a spoilt secret file or an unwritable folder is named', () => {
  const folder = empty()
  writeFileSync(join(folder, 'secret'), 'short')
  throws(() => readConfig({ PARLEY_DATA: folder }), /secret that is too short/)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  throws(() => readConfig({ PARLEY_DATA: join(file, 'data') }), /^ConfigError: PARLEY_DATA: cannot write/)
})

test('a secret that people can guess is refused wherever we listen, and not shown', () => {
  const guessable = [
    's'.repeat(32),
    'a secret of at least thirty-two bytes',
    'please-change-me-before-you-go-live-0123456789',
  ]
  for (const [secret, host] of guessable.flatMap((each) => ['::', '127.0.0.1'].map((host) => [each, host] as const))) {
    const start = () => readConfig({ PARLEY_DATA: empty(), PARLEY_HOST: host, PARLEY_SECRET: secret })
    throws(
      start,
      (error: Error) =>
        /PARLEY_SECRET is one that people can guess/.test(error.message) && !error.message.includes(secret),
    )
  }
})
