/**
 * The settings as people read them: the table of docs/configuration.md, and the commented file that `parley init` writes.
 */
import { SETTINGS, type Setting } from './config-schema.js'

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
  return setting.default === undefined ? 'none' : `\`${setting.default}\``
}

/** parley.toml with every setting as a comment, and this secret set. Tables come last, as TOML wants. */
export function commentedFile(secret: string): string {
  const lines = [
    '# Parley. Every key can be overridden in the environment: PARLEY_ and its path, `log.level` is PARLEY_LOG_LEVEL.',
    '# Check this file with `parley config check`; see what holds with `parley config show`.',
  ]
  let table = ''
  const written = SETTINGS.filter(({ path }) => path !== 'test_faults')
  for (const setting of written.sort((a, b) => Number(a.path.includes('.')) - Number(b.path.includes('.')))) {
    const [group, key] = setting.path.includes('.') ? setting.path.split('.') : ['', setting.path]
    if (group !== table) lines.push('', `[${group}]`)
    table = group!
    const range = setting.range === '' ? '' : ` (${setting.range})`
    lines.push('', `# ${setting.description}${range}${setting.isLive ? '; taken over on SIGHUP' : ''}`)
    if (setting.isSecret) lines.push(`${key} = ${JSON.stringify(secret)}`)
    else if (setting.default === undefined) lines.push(`# ${key} = ${setting.type === 'integer' ? 1 : '""'}`)
    else lines.push(`# ${key} = ${JSON.stringify(setting.default)}`)
  }
  return `${lines.join('\n')}\n`
}
