/**
 * `parley config check|show|schema` and `parley init`: the settings, without a server.
 */
import { writeFileSync } from 'node:fs'
import { CONFIG_FILE_NAME } from '../config-file.js'
import { layerConfig, lookUp } from '../config-layers.js'
import { configJsonSchema, SETTINGS } from '../config-schema.js'
import { commentedFile } from '../config-table.js'
import { newSecret } from '../read-config.js'
import { CommandError, EXIT, type Terminal } from './terminal.js'

export interface ConfigOptions {
  readonly environment: NodeJS.ProcessEnv
  readonly json: boolean
}

/** Throws ConfigError with every complaint. */
export function checkConfig(terminal: Terminal, { environment, json }: ConfigOptions): void {
  const { file } = layerConfig(environment)
  if (json) terminal.json({ ok: true, file: file?.name ?? null })
  else terminal.print(`${file?.name ?? 'defaults and environment'}: every setting is valid`)
}

export function showConfig(terminal: Terminal, { environment, json }: ConfigOptions): void {
  const { values, originOf } = layerConfig(environment)
  const rows = SETTINGS.map(({ path, isSecret }) => {
    const value = lookUp(values, path)
    return { key: path, value: isSecret && value !== undefined ? '(hidden)' : (value ?? null), origin: originOf(path) }
  })
  if (json) return terminal.json(rows)
  const width = Math.max(...rows.map(({ key }) => key.length))
  const widest = Math.max(...rows.map(({ value }) => `${value ?? '-'}`.length))
  for (const { key, value, origin } of rows) {
    const shown = `${value ?? '-'}`.padEnd(widest)
    terminal.print(`${key.padEnd(width)}  ${terminal.style('bold', shown)}  ${terminal.style('dim', origin)}`)
  }
}

export function printSchema(terminal: Terminal): void {
  terminal.print(JSON.stringify(configJsonSchema(), null, 2))
}

/** Readable by its owner only, since it holds the secret. */
export function initConfig(
  terminal: Terminal,
  { path = CONFIG_FILE_NAME, json }: { path?: string; json: boolean },
): void {
  try {
    writeFileSync(path, commentedFile(newSecret()), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new CommandError(`${path} is there already and was left as it is; name another file, or delete it`)
    }
    throw new CommandError(`cannot write ${path} (${code}); choose a folder that you may write to`, EXIT.failed)
  }
  if (json) return terminal.json({ written: path })
  terminal.print(`wrote ${path} with a fresh secret; start the server with: parley serve --config ${path}`)
}
