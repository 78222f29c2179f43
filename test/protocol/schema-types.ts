/**
 * schemas/wire.fbs as far as a reader of bytes needs it: what lies where, in the schema's own words.
 */
import { readFileSync } from 'node:fs'

export interface Field {
  readonly name: string
  /** Of a vector, what its items are. */
  readonly type: string
  readonly isVector: boolean
  /** The table that a vector of bytes holds. */
  readonly nested: string | undefined
}

export interface Schema {
  readonly tables: ReadonlyMap<string, readonly Field[]>
  readonly structs: ReadonlyMap<string, readonly Field[]>
  /** Enum → the bytes of a value, and value → name. */
  readonly enums: ReadonlyMap<string, { readonly bytes: number; readonly names: ReadonlyMap<number, string> }>
  /** Of the union Body: kind → table. */
  readonly bodies: readonly string[]
}

const SIZES: Readonly<Record<string, number>> = { ubyte: 1, ushort: 2, uint: 4, ulong: 8 }

export function readSchema(): Schema {
  const url = new URL('../../schemas/wire.fbs', import.meta.url)
  const text = readFileSync(url, 'utf8').replace(/\/\/.*$/gm, '')
  const enums = [...text.matchAll(/enum (\w+) : (\w+) {([^}]*)}/g)].map(([, name, type, values]) => {
    const names = [...values!.matchAll(/(\w+) = (\d+)/g)].map(([, word, value]) => [Number(value), word!] as const)
    return [name!, { bytes: SIZES[type!]!, names: new Map(names) }] as const
  })
  const union = /union Body {([^}]*)}/.exec(text)![1]!
  return {
    tables: bodiesOf('table', text),
    structs: bodiesOf('struct', text),
    enums: new Map(enums),
    bodies: ['', ...union.split(',').map((name) => name.trim())],
  }
}

function bodiesOf(keyword: 'table' | 'struct', text: string): Map<string, Field[]> {
  const bodies = [...text.matchAll(new RegExp(`${keyword} (\\w+) {([^}]*)}`, 'g'))]
  return new Map(bodies.map(([, name, body]) => [name!, fieldsOf(body!)]))
}

function fieldsOf(body: string): Field[] {
  return [...body.matchAll(/(\w+): (\[?)(\w+)\]?(?: \(nested_flatbuffer: "(\w+)"\))?;/g)].map(
    ([, name, bracket, type, nested]) => ({ name: name!, type: type!, isVector: bracket === '[', nested }),
  )
}

/** Bytes of a number or of an enum's value; undefined for what lies elsewhere. */
export function numberBytes({ enums }: Schema, type: string): number | undefined {
  return SIZES[type] ?? enums.get(type)?.bytes
}
