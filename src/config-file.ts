/**
 * parley.toml as a tree of values and the line of each key, so that a complaint can say where.
 */
import { readFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { ConfigError } from './config.js'

export const CONFIG_FILE_NAME = 'parley.toml'

export interface ConfigFile {
  /** For messages: relative where it lies in the current folder. */
  readonly name: string
  /** Absolute: relative paths in the file start here. */
  readonly folder: string
  readonly values: Record<string, unknown>
  /** From 1; of `log.level`, or of the nearest table above it that the file names. */
  lineOf(path: string): number
}

/** `path` is absolute. Throws ConfigError where it cannot be read or is not TOML. */
export function readConfigFile(path: string): ConfigFile {
  const name = nameFrom(process.cwd(), path)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ConfigError(`${name}: cannot read it (${code}); make one with: parley init`, { cause })
  }
  const lines = linesOf(text)
  return {
    name,
    folder: dirname(path),
    values: parsed(name, text),
    lineOf(key) {
      for (let at = key; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
        const line = lines.get(at)
        if (line !== undefined) return line
      }
      return 1
    },
  }
}

function parsed(name: string, text: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const what = cause.message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    const hint = /^\s*[\w.]+\s*=\s*[A-Za-z.]/.test(text.split('\n')[cause.line - 1] ?? '') ? '; put text in quotes' : ''
    throw new ConfigError(`${name}:${cause.line}: is not TOML: ${what} (column ${cause.column})${hint}`, { cause })
  }
}

function nameFrom(folder: string, path: string): string {
  const name = relative(folder, path)
  return name.startsWith('..') ? path : name
}

/** Path → line, for keys and tables that stand on a line of their own, as those of our settings do. The first app of `[[apps]]` is `apps.0`. */
function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>()
  const counts = new Map<string, number>()
  const tableOf = (name: string) => {
    const keys: string[] = []
    for (const key of name.split('.')) {
      keys.push(key)
      const count = counts.get(keys.join('.'))
      if (count !== undefined) keys.push(`${count - 1}`)
    }
    return keys.join('.')
  }
  let table = ''
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*(\[\[?)\s*([^[\]]+?)\s*\]/.exec(line)
    if (header !== null) {
      const keys = plain(header[2]!).split('.')
      const last = keys.pop()!
      const name = keys.length === 0 ? last : `${tableOf(keys.join('.'))}.${last}`
      if (!lines.has(name)) lines.set(name, index + 1)
      const count = header[1] === '[[' ? (counts.get(name) ?? 0) + 1 : 0
      if (count > 0) counts.set(name, count)
      const place = count > 0 ? `${name}.${count - 1}` : name
      lines.set(place, index + 1)
      table = `${place}.`
      continue
    }
    const key = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(line)
    if (key !== null) lines.set(table + plain(key[1]!), index + 1)
  }
  return lines
}

function plain(key: string): string {
  return key.replace(/["'\s]/g, '')
}
