/** Whom a message names, read where its content lies: the bytes must have passed verify.ts. */
import type { Bytes } from '../std/bytes.js'
import { fieldAt, followed, textsField } from './table.js'

/** Place of `mentions` in Content. */
const MENTIONS = 2
const NOBODY: readonly string[] = []

/** Of the content that begins at `start`. Most name nobody, which costs nothing. */
export function mentionsOf(bytes: Bytes, start: number): readonly string[] {
  const table = followed(bytes.view, start)
  return fieldAt(bytes.view, table, MENTIONS) === 0 ? NOBODY : textsField(bytes, table, MENTIONS)
}
