/**
 * Frames as one JSON object each, and back: subprotocol `parley.v1.json`. What a frame in JSON means is what the frame of
 * FlatBuffers means that it becomes, which is verified like any other.
 */
import { decodeFrame } from './decode.js'
import type { EncodableFrame } from './decoded-frame.js'
import { encodeFrame } from './encode.js'
import { contentFromJson, contentToJson } from './json-content.js'
import {
  type Fields,
  type Form,
  FRAME_FIELDS,
  frameOfType,
  jsonName,
  type Listed,
  type Named,
  typeOf,
} from './json-fields.js'
import { flagIn, listIn, MalformedJson, objectIn, textIn, textsIn, u64In, wholeIn } from './json-values.js'

const MAX = { u16: 0xffff, u32: 0xffff_ffff, u53: Number.MAX_SAFE_INTEGER } as const

/** One frame with its size prefix, ours or verified, as JSON in one line; undefined where it is newer than this build. */
export function frameToJson(frame: Uint8Array): string | undefined {
  const decoded = decodeFrame(frame)
  if (decoded.kind === 'unknown') return undefined
  const fields = objectToJson(FRAME_FIELDS[decoded.kind], decoded as unknown as Readonly<Record<string, unknown>>)
  return JSON.stringify({ type: typeOf(decoded.kind), ...fields })
}

/** One frame with its size prefix, still to be verified; undefined where its type is newer than this build. Throws
 *  MalformedJson. */
export function frameFromJson(text: string): Uint8Array | undefined {
  const frame = objectIn(parsed(text))
  if (typeof frame['type'] !== 'string') throw new MalformedJson('a frame has a type')
  const known = frameOfType(frame['type'])
  if (known === undefined) return undefined
  return encodeFrame({ kind: known.kind, ...objectFromJson(known.fields, frame) } as unknown as EncodableFrame)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MalformedJson('not JSON', { cause })
  }
}

function objectToJson(fields: Fields, from: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const name in fields) {
    const value = from[name]
    if (value !== undefined) json[jsonName(name)] = valueToJson(fields[name]!, value)
  }
  return json
}

function valueToJson(form: Form, value: unknown): unknown {
  if (form === 'content' || form === 'content, or none') return contentToJson(value as Uint8Array)
  if (form === 'u64') return String(value)
  if (typeof form === 'string') return value
  if (isNested(form)) return objectToJson(form.fields, value as Readonly<Record<string, unknown>>)
  if (isListed(form)) return (value as Readonly<Record<string, unknown>>[]).map((each) => objectToJson(form.each, each))
  return form.names[value as number] ?? value
}

function objectFromJson(fields: Fields, from: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const name in fields) object[name] = valueFromJson(fields[name]!, from[jsonName(name)])
  return object
}

function valueFromJson(form: Form, value: unknown): unknown {
  switch (form) {
    case 'u16':
    case 'u32':
    case 'u53':
      return wholeIn(value, MAX[form])
    case 'u53s':
      return listIn(value).map((each) => wholeIn(each, MAX.u53))
    case 'u64':
      return u64In(value)
    case 'flag':
      return flagIn(value)
    case 'text':
      return textIn(value)
    case 'texts':
      return textsIn(value)
    case 'content':
      return contentFromJson(value)
    case 'content, or none':
      return value === undefined ? undefined : contentFromJson(value)
    default:
      if (isNested(form)) return objectFromJson(form.fields, objectIn(value ?? {}))
      if (isListed(form)) return listIn(value).map((each) => objectFromJson(form.each, objectIn(each)))
      return namedIn(form, value)
  }
}

/** A value of an enum, by its name or its number. */
function namedIn({ names, max }: Named, value: unknown): number {
  if (typeof value !== 'string') return wholeIn(value, max)
  const named = Object.hasOwn(names, value) ? names[value] : undefined
  if (typeof named === 'number') return named
  throw new MalformedJson(`nothing is called ${value}`)
}

function isNested(form: Form): form is { readonly fields: Fields } {
  return typeof form === 'object' && 'fields' in form
}

function isListed(form: Form): form is Listed {
  return typeof form === 'object' && 'each' in form
}
