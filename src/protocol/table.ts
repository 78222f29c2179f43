/**
 * Reads FlatBuffers tables where they lie, without objects in between. Trusts the bytes: they are ours, or verify.ts
 * has passed them.
 *
 * A position is an index into the buffer; 0 stands for an absent field, since no field can lie there.
 */
import type { Bytes } from '../std/bytes.js'
import { readText } from './text-cache.js'

/** A frame's whole size, its size prefix included. */
export function frameBytes(bytes: Bytes, start: number): number {
  return bytes.view.getUint32(start, true) + 4
}

/** Which body the frame at `start` carries: a BodyType, or a number newer than this build. */
export function bodyTypeOf(bytes: Bytes, start: number): number {
  const { view } = bytes
  const at = fieldAt(view, followed(view, start + 4), 0)
  return at === 0 ? 0 : view.getUint8(at)
}

/** Where the body's table of the frame at `start` lies. */
export function bodyTableOf(view: DataView, start: number): number {
  return followed(view, fieldAt(view, followed(view, start + 4), 1))
}

/** Where the field with this index (its place in the schema, from 0) lies, or 0 where it is absent. */
export function fieldAt(view: DataView, table: number, index: number): number {
  const vtable = table - view.getInt32(table, true)
  const entry = 4 + 2 * index
  if (entry >= view.getUint16(vtable, true)) return 0
  const offset = view.getUint16(vtable + entry, true)
  return offset === 0 ? 0 : table + offset
}

/** The position that the offset at `at` points to. */
export function followed(view: DataView, at: number): number {
  return at + view.getUint32(at, true)
}

/** Where the string or vector in this field lies (its count is there, its data 4 further), or 0. */
export function vectorAt(view: DataView, table: number, index: number): number {
  const at = fieldAt(view, table, index)
  return at === 0 ? 0 : followed(view, at)
}

/** The string in this field, or '' where it is absent. */
export function textField(bytes: Bytes, table: number, index: number): string {
  const at = vectorAt(bytes.view, table, index)
  return at === 0 ? '' : readText(bytes, at + 4, at + 4 + bytes.view.getUint32(at, true))
}

/** The vector of strings in this field; empty where it is absent. */
export function textsField(bytes: Bytes, table: number, index: number): string[] {
  const { view } = bytes
  const vector = vectorAt(view, table, index)
  if (vector === 0) return []
  const texts: string[] = []
  const end = vector + 4 + 4 * view.getUint32(vector, true)
  for (let at = vector + 4; at < end; at += 4) {
    const text = followed(view, at)
    texts.push(readText(bytes, text + 4, text + 4 + view.getUint32(text, true)))
  }
  return texts
}
