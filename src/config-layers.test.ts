import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import { test } from 'vitest'
import { ConfigError } from './config.js'
import { layerConfig } from './config-layers.js'
import { SETTINGS, type SettingType, type SettingValue } from './config-schema.js'
import { settingsTable } from './config-table.js'
import { dataFolderOf } from './read-config.js'

test('the environment wins over the file, and the file over the defaults', () => {
  const { folder } = written('port = 7800\nhost = "localhost"\n[log]\nlevel = "error"\n')
  const layered = layerConfig({ PARLEY_PORT: '7900' }, folder)
  const { host, port, log, limits } = layered.values
  deepEqual([host, port, log.level, limits.frames_per_second], ['localhost', 7900, 'error', 20_000])
  const origins = ['port', 'host', 'log.level', 'limits.frames_per_second'].map((path) => layered.originOf(path))
  match(origins.join(' '), /^PARLEY_PORT \S*parley\.toml:2 \S*parley\.toml:4 default$/)
})

const SECRET = 'Qm7x0yJt3kF9wBv2LrNc5sHd8aZp1eUi4oGTqWXYMfI='
/** Where the example must not be good: a secret that stands in the documents is none. */
const GOOD: Record<string, string | object[]> = {
  secret: SECRET,
  'tls.cert': 'cert.pem',
  'tls.key': 'key.pem',
  apps: [{ id: 'shop', keys: [{ kid: '2026-11', alg: 'HS256', secret: SECRET }] }],
}

test('the key of the example cannot be used', () => {
  const { example } = SETTINGS.find(({ path }) => path === 'apps')!
  match(complaintsOf(stringify({ apps: example }))[0]!, /must have at least 32 bytes/)
})

const SAMPLES: Partial<Record<SettingType, SettingValue>> = { integer: 3, boolean: true }

test('every setting can be set in the environment and in the file', () => {
  for (const { path, variable, type, default: preset, example } of SETTINGS) {
    const value = GOOD[path] ?? example ?? preset ?? SAMPLES[type]!
    // Neither of the two goes without the other.
    const beside = { 'tls.cert': 'PARLEY_TLS_KEY', 'tls.key': 'PARLEY_TLS_CERT' }[path]
    const other = beside === undefined ? {} : { [beside]: 'other.pem' }
    layerConfig({ ...other, [variable]: type === 'tables' ? JSON.stringify(value) : `${value}` }, written('').folder)
    const keys = path.split('.')
    const table = keys.length > 1 ? `[${keys[0]}]\n` : ''
    const { folder } = written(`${table}${stringify({ [keys.at(-1)!]: value })}`)
    match(layerConfig(other, folder).originOf(path), /parley\.toml:[12]$/, path)
  }
})

test('complaints name file, line, key and fix, and come all at once', () => {
  const text = '# a comment\nprot = 7700\nport = 65536\nsecret = "short"\n\n[log]\nlevl = "warn"\nlevel = "loud"\n'
  deepEqual(complaintsOf(text), [
    'parley.toml:3: port must be a port, 0 to 65535 (0 picks a free one), not 65536',
    'parley.toml:4: secret must have at least 32 bytes; make one with: openssl rand -base64 32',
    'parley.toml:8: log.level must be one of debug, info, warn, error, silent, not "loud"',
    'parley.toml:7: log.levl is not a setting of Parley; did you mean log.level?',
    'parley.toml:2: prot is not a setting of Parley; did you mean port?',
  ])
  deepEqual(complaintsOf('limits = 5\n'), ['parley.toml:1: limits must be a table: [limits]'])
  deepEqual(complaintsOf('', { PARLEY_PROT: '1' }), [
    'PARLEY_PROT is not a setting of Parley; did you mean PARLEY_PORT?',
  ])
})

test('what is not TOML is refused with its place', () => {
  match(complaintsOf('port = 7700\nhost = localhost\n')[0]!, /^parley\.toml:2: is not TOML: .*; put text in quotes$/)
})

test('a file that was named must be there; the one of the folder need not', () => {
  const { folder } = written('')
  throws(() => layerConfig({ PARLEY_CONFIG: join(folder, 'absent.toml') }), /absent\.toml: cannot read it \(ENOENT\)/)
  equal(layerConfig({}, join(folder, 'nothing')).file, undefined)
})

test('a folder in the file is relative to the file', () => {
  const { folder } = written('data = "./chat"\n')
  equal(dataFolderOf(layerConfig({}, folder)), join(folder, 'chat'))
  equal(dataFolderOf(layerConfig({ PARLEY_DATA: './chat' }, folder)), join(process.cwd(), 'chat'))
})

test('docs/configuration.md lists every setting as the schema has it (UPDATE=1 rewrites it)', () => {
  const page = new URL('../docs/configuration.md', import.meta.url)
  const found = readFileSync(page, 'utf8')
  const made = found.replace(/(<!-- settings -->\n)[\s\S]*(<!-- end -->)/, `$1${settingsTable()}$2`)
  if (process.env.UPDATE === '1') writeFileSync(page, made)
  else equal(found, made)
  for (const { variable } of SETTINGS) match(found, new RegExp(variable))
})

function written(text: string): { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'parley-config-'))
  writeFileSync(join(folder, 'parley.toml'), text)
  return { folder }
}

function complaintsOf(text: string, environment: Record<string, string> = {}): string[] {
  const { folder } = written(text)
  let complaints: string[] = []
  throws(
    () => layerConfig(environment, folder),
    (error: ConfigError) => {
      complaints = error.message.replaceAll(`${folder}/`, '').split('\n')
      return error instanceof ConfigError
    },
  )
  return complaints
}
