/**
 * Values of parsed JSON, believed only where they are what a field wants. Absent ones are what FlatBuffers says of them:
 * 0, the empty text, the empty list.
 */
import { isWellFormed } from '../std/well-formed.js'

/** Not a frame in JSON: what bad-frame is said to. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson'
}

const U64_MAX = 2n ** 64n - 1n
const U128_MAX = 2n ** 128n - 1n
const DECIMAL = /^\d{1,39}$/

export function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new MalformedJson('not an object')
}

/** A whole number from 0 to `max`, itself at most 2^53 - 1. */
export function wholeIn(value: unknown, max: number): number {
  if (value === undefined) return 0
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value
  throw new MalformedJson(`not a number up to ${max}`)
}

export function u64In(value: unknown): bigint {
  return bigIn(value, U64_MAX)
}

export function u128In(value: unknown): bigint {
  return bigIn(value, U128_MAX)
}

/** Text without lone surrogates, which UTF-8 cannot carry. */
export function textIn(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'string' && isWellFormed(value)) return value
  throw new MalformedJson('not a text')
}

export function flagIn(value: unknown): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw new MalformedJson('not true or false')
}

export function listIn(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  throw new MalformedJson('not a list')
}

export function textsIn(value: unknown): string[] {
  return listIn(value).map((each) => textIn(each ?? null))
}

/** A decimal string, or a number that a double holds exactly. */
function bigIn(value: unknown, max: bigint): bigint {
  if (value === undefined) return 0n
  const isExact = typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : isDecimal(value)
  const big = isExact ? BigInt(value as string | number) : -1n
  if (big >= 0n && big <= max) return big
  throw new MalformedJson(`not a number up to ${max}`)
}

function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && DECIMAL.test(value)
}
