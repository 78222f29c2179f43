/**
 * schemas/vectors/ shows all of schemas/wire.fbs: who adds a frame, a field or a value of an enum adds a vector.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'

const SCHEMA = textOf('wire.fbs').replace(/\/\/.*$/gm, '')
const FRAMES = vectorsOf('frames.json')
const CONTENTS = vectorsOf('contents.json')

type Json = Readonly<Record<string, unknown>>

/** Where JSON says a value of the enum. */
const ENUM_FIELDS: Readonly<Record<string, string>> = {
  ConversationKind: 'kind',
  EventKind: 'event_kind',
  ChangeAction: 'action',
  HistoryMode: 'mode',
}

/** Structs whose fields stand in the frame itself. */
const SPREAD = ['Request', 'Stamp', 'AckBody']
/** Not in JSON, and always 0 today. */
const UNUSED = ['Stamp.flags']

/** Tables that lie in frames, and where JSON has them. */
const WITHIN: Readonly<Record<string, (frame: Json) => unknown>> = {
  Limits: ({ limits }) => limits ?? [],
  InboxEntry: ({ type, entries }) => (type === 'inbox' ? entries : []),
  Head: ({ type, heads }) => (type === 'inbox' ? heads : []),
  PresenceEntry: ({ type, entries }) => (type === 'presence' ? entries : []),
}

const BODIES = /union Body {([^}]*)}/
  .exec(SCHEMA)![1]!
  .split(',')
  .map((name) => name.trim())

test('every table of the schema is looked at', () => {
  const tables = [...SCHEMA.matchAll(/table (\w+)/g)].map(([, name]) => name!)
  deepEqual(tables.sort(), ['Content', 'Frame', ...BODIES, ...Object.keys(WITHIN)].sort())
})

describe('every table within a frame', () => {
  for (const [name, of] of Object.entries(WITHIN)) {
    const shown = FRAMES.flatMap(of) as Json[]
    test(`${name} has a vector for each of its fields`, () => deepEqual(missing(name, shown), []))
  }
})

describe('every frame', () => {
  for (const name of BODIES) {
    const shown = FRAMES.filter(({ type }) => type === snake(name))
    test(`${name} has a vector`, () => equal(shown.length > 0, true))
    test(`${name} has one for each of its fields`, () => deepEqual(missing(name, shown), []))
  }
})

test('every field of a Content has a vector', () => {
  // The body is said as text or as base64.
  const said = CONTENTS.map(({ text, body = text, ...content }) => ({ ...content, body }))
  deepEqual(missing('Content', said), [])
})

describe('every value of an enum', () => {
  for (const [, name, body] of SCHEMA.matchAll(/enum (\w+)[^{]*{([^}]*)}/g)) {
    const field = ENUM_FIELDS[name!]
    const said = new Set(FRAMES.map((frame) => frame[field!]))
    for (const [, value] of body!.matchAll(/(\w+) = \d+/g)) {
      // What an absent field says, which no frame means: refused.json has one.
      if (value !== 'none') test(`${name}.${value} has a vector`, () => equal(said.has(value), true))
    }
  }
})

/** Fields that no vector gives a value. */
function missing(table: string, vectors: readonly Json[]): string[] {
  return fieldsOf(table).filter((field) => !vectors.some((vector) => isGiven(vector[field])))
}

function fieldsOf(table: string): string[] {
  const body = new RegExp(`(?:table|struct) ${table} {([^}]*)}`).exec(SCHEMA)![1]!
  return [...body.matchAll(/(\w+): *\[?(\w+)/g)].flatMap(([, field, type]) => {
    if (UNUSED.includes(`${table}.${field}`)) return []
    if (SPREAD.includes(type!)) return fieldsOf(type!)
    return type === 'ConversationKind' ? ['kind'] : [field!]
  })
}

function isGiven(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(isGiven)
  return value !== undefined && value !== 0 && value !== '' && value !== '0'
}

function snake(name: string): string {
  return name.replace(/(?<=.)[A-Z]/g, '_$&').toLowerCase()
}

function vectorsOf(file: string): Json[] {
  return (JSON.parse(textOf(`vectors/${file}`)) as { json: Json }[]).map(({ json }) => json)
}

function textOf(path: string): string {
  return readFileSync(new URL(`../../schemas/${path}`, import.meta.url), 'utf8')
}
