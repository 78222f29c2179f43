/**
 * Lays the environment over parley.toml over the defaults, and says of each value where it comes from. Unknown names are
 * refused, since a misspelt one would be ignored in silence; all complaints come at once, each with its place and a fix.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { ConfigError } from './config.js'
import { CONFIG_FILE_NAME, type ConfigFile, readConfigFile } from './config-file.js'
import { ConfigSchema, type ConfigValues, SETTINGS, type Setting } from './config-schema.js'
import { complaintOfLinks, serviceLinks } from './service-links.js'
import { closestName } from './std/closest-name.js'

/** Names the file; the only PARLEY_ variable that is no setting. */
export const CONFIG_FILE_VARIABLE = 'PARLEY_CONFIG'

export interface Layered {
  readonly values: ConfigValues
  readonly file: ConfigFile | undefined
  /** `PARLEY_PORT`, `parley.toml:3` or `default`. */
  originOf(path: string): string
}

type Tree = { [key: string]: unknown }

/** Reads nothing but the file and writes nothing. Throws ConfigError with one complaint a line. */
export function layerConfig(environment: NodeJS.ProcessEnv, folder: string = process.cwd()): Layered {
  const named = environment[CONFIG_FILE_VARIABLE]
  const path = resolve(folder, named ?? CONFIG_FILE_NAME)
  const file = named !== undefined || existsSync(path) ? readConfigFile(path) : undefined
  const tree = structuredClone(file?.values ?? {}) as Tree
  const links = serviceLinks(environment)
  const ours = Object.keys(environment).filter(
    (each) => each.startsWith('PARLEY_') && each !== CONFIG_FILE_VARIABLE && !links.includes(each),
  )
  const set = new Map<string, Setting>()
  const complaints = links.length === 0 ? [] : [complaintOfLinks(links, environment)]
  for (const variable of ours) {
    const setting = SETTINGS.find((each) => each.variable === variable)
    if (setting === undefined) complaints.push(unknownVariable(variable))
    else {
      set.set(setting.path, setting)
      assign(tree, setting.path, typed(setting, environment[variable]!))
    }
  }
  const originOf = (at: string) => {
    const setting = set.get(at)
    if (setting !== undefined) return setting.variable
    return file !== undefined && lookUp(file.values, at) !== undefined ? `${file.name}:${file.lineOf(at)}` : 'default'
  }
  const parsed = ConfigSchema.safeParse(tree)
  if (!parsed.success) complaints.push(...parsed.error.issues.flatMap((issue) => explain(issue, tree, file, originOf)))
  if (complaints.length > 0 || !parsed.success) throw new ConfigError(complaints.join('\n'))
  return { values: parsed.data, file, originOf }
}

/** Where the value of a path in `values` is; undefined where it is not set. */
export function lookUp(values: object, path: string): unknown {
  let at: unknown = values
  for (const key of path.split('.')) at = isTree(at) ? at[key] : undefined
  return at
}

function explain(
  issue: z.core.$ZodIssue,
  tree: Tree,
  file: ConfigFile | undefined,
  originOf: (path: string) => string,
): string[] {
  const path = issue.path.join('.')
  const setting = SETTINGS.find((each) => each.path === path || path.startsWith(`${each.path}.`))
  if (issue.code === 'unrecognized_keys' && setting === undefined) {
    return issue.keys.map((key) => unknownKey(path === '' ? key : `${path}.${key}`, file))
  }
  if (setting === undefined) return [`${originOf(path)}: ${path} must be a table: [${path}]`]
  const wrong = issue.code === 'unrecognized_keys' ? `has no ${issue.keys.join(', ')}` : issue.message
  const given = setting.isSecret ? '' : `, not ${JSON.stringify(lookUp(tree, setting.path))}`
  const origin = originOf(setting.path)
  if (origin === setting.variable) return [`${origin}${path.slice(setting.path.length)} ${wrong}${given}`]
  return [`${placeOf(path, file) ?? origin}: ${path} ${wrong}${given}`]
}

function placeOf(path: string, file: ConfigFile | undefined): string | undefined {
  return file === undefined ? undefined : `${file.name}:${file.lineOf(path)}`
}

function unknownKey(path: string, file: ConfigFile | undefined): string {
  const place = file === undefined ? '' : `${placeOf(path, file)}: `
  return `${place}${path} is not a setting of Parley${suggestion(
    path,
    SETTINGS.map((each) => each.path),
  )}`
}

function unknownVariable(variable: string): string {
  const known = [...SETTINGS.map((each) => each.variable), CONFIG_FILE_VARIABLE]
  return `${variable} is not a setting of Parley${suggestion(variable, known)}`
}

function suggestion(name: string, known: readonly string[]): string {
  const closest = closestName(name, known)
  return closest === undefined ? '; all are listed by: parley config show' : `; did you mean ${closest}?`
}

/** What cannot be read as its type stays text, for the schema to refuse. */
function typed({ type }: Setting, text: string): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(?:0|1|true|false)$/.test(text)) return text === '1' || text === 'true'
  if (type === 'list') return text.split(',').flatMap((part) => part.trim() || [])
  if (type === 'tables') return jsonOf(text)
  return text
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function assign(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop()!
  let at = tree
  for (const key of keys) {
    if (!isTree(at[key])) at[key] = {}
    at = at[key] as Tree
  }
  at[last] = value
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
