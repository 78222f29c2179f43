import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { align8, Bytes, GrowingBytes, readU53, writeU53 } from './bytes.js'

test('align8() rounds up to the next multiple of 8', () => {
  deepEqual([0, 1, 7, 8, 9, 16].map(align8), [0, 8, 8, 8, 16, 16])
})

test('a u53 is exact up to the largest safe integer, at any offset', () => {
  const { view } = Bytes.ofSize(16)
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) {
    writeU53(view, 3, value)
    equal(readU53(view, 3), value)
    equal(view.getBigUint64(3, true), BigInt(value))
  }
})

test('Bytes over a part of a buffer sees that part only', () => {
  const whole = Uint8Array.of(1, 2, 3, 4)
  const part = Bytes.over(whole.subarray(1, 3))
  equal(part.size, 2)
  equal(part.view.getUint8(0), 2)
  part.view.setUint8(1, 9)
  equal(whole[2], 9)
})

describe('GrowingBytes', () => {
  test('fills to exactly its size without growing, and keeps what was written when it grows', () => {
    const out = new GrowingBytes(4)
    out.append(Uint8Array.of(1, 2, 3, 4))
    const { bytes } = out
    equal(bytes.size, 4)
    out.append(Uint8Array.of(5))
    notEqual(out.bytes, bytes)
    equal(out.bytes.size, 8)
    deepEqual([...out.written()], [1, 2, 3, 4, 5])
  })

  test('grows as far as one reservation needs', () => {
    const out = new GrowingBytes(4)
    equal(out.reserve(1_000), 0)
    equal(out.size, 1_000)
    equal(out.reserve(1), 1_000)
  })

  test('clear() keeps the memory', () => {
    const out = new GrowingBytes(4)
    out.reserve(100)
    const { bytes } = out
    out.clear()
    equal(out.size, 0)
    equal(out.bytes, bytes)
  })
})
