/**
 * The settings as people read them: the table of docs/configuration.md, and the commented file that `parley init` writes.
 */
import { stringify } from 'smol-toml'
import { SETTINGS, type Setting, type SettingValue } from './config-schema.js'

/** What a commented line shows where there is no default. */
const SAMPLES: Partial<Record<Setting['type'], string>> = { integer: '1', boolean: 'true' }

/** A table of Markdown, one line per setting. */
export function settingsTable(): string {
  const rows = SETTINGS.map((setting) => {
    const meaning = [setting.description, setting.isLive ? '**live**' : ''].filter((part) => part !== '').join('; ')
    const { path, variable, range } = setting
    return `| \`${path}\` | \`${variable}\` | ${meaning} | ${range} | ${defaultOf(setting)} |`
  })
  return ['| key | variable | meaning | range | default |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function defaultOf(setting: Setting): string {
  return setting.default === undefined ? 'none' : `\`${textOf(setting.default)}\``
}

function textOf(value: SettingValue): string {
  return Array.isArray(value) ? JSON.stringify(value) : `${value}`
}

/** parley.toml with every setting as a comment, and this secret set. Tables come last, as TOML wants. */
export function commentedFile(secret: string): string {
  const lines = [
    '# Parley. Every key can be overridden in the environment: PARLEY_ and its path, `log.level` is PARLEY_LOG_LEVEL.',
    '# Check this file with `parley config check`; see what holds with `parley config show`.',
  ]
  let table = ''
  const written = SETTINGS.filter(({ path }) => path !== 'test_faults')
  for (const setting of written.sort((a, b) => depthOf(a) - depthOf(b))) {
    const [group, key] = setting.path.includes('.') ? setting.path.split('.') : ['', setting.path]
    if (group !== table && group !== '') lines.push('', `[${group}]`)
    table = group!
    const range = setting.range === '' ? '' : ` (${setting.range})`
    lines.push('', `# ${setting.description}${range}${setting.isLive ? '; taken over on SIGHUP' : ''}`)
    if (setting.path === 'secret') lines.push(`${key} = ${JSON.stringify(secret)}`)
    else if (setting.example !== undefined) lines.push(...exampleOf(key!, setting.example))
    else if (setting.default === undefined) lines.push(`# ${key} = ${SAMPLES[setting.type] ?? '""'}`)
    else lines.push(`# ${key} = ${JSON.stringify(setting.default)}`)
  }
  return `${lines.join('\n')}\n`
}

function exampleOf(key: string, example: SettingValue): string[] {
  return stringify({ [key]: example })
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '#' : `# ${line}`))
}

/** A line below the header of a table belongs to it. */
function depthOf({ path, type }: Setting): number {
  return type === 'tables' ? 2 : Number(path.includes('.'))
}
