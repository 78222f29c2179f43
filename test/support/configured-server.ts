/**
 * Servers of a test whose settings stand in a file of their own.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import { ServerProcess } from './server-process.js'

/** A server that takes its keys from a file, and no secret. */
export function startWith(
  settings: object,
  options: { dataFolder?: string; environment?: Record<string, string> } = {},
) {
  const path = fileOf(settings)
  const environment = { PARLEY_SECRET: undefined, PARLEY_CONFIG: path, ...options.environment }
  return ServerProcess.start({ ...options, environment })
}

export function fileOf(settings: object): string {
  const path = join(mkdtempSync(join(tmpdir(), 'parley-access-')), 'parley.toml')
  writeFileSync(path, stringify(settings))
  return path
}
