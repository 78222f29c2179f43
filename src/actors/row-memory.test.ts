import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { KiB } from '../domain/limits.js'
import { holdRows, keepRow } from './row-memory.js'

/** A row of `size` bytes, all of them `value`. */
function row(value: number, size = 20 * KiB): Uint8Array {
  return new Uint8Array(size).fill(value)
}

function isAll(value: number, kept: Uint8Array): boolean {
  return kept.every((byte) => byte === value)
}

/** Cuts so many rows of 20 KiB that slabs change in between. */
function cut(value: number, count = 30) {
  return holdRows(() => Array.from({ length: count }, () => keepRow(row(value))))
}

test('rows hold while other checkpoints come and go, until theirs is released', () => {
  const first = cut(1)
  for (let more = 0; more < 50; more++) cut(2).hold.release()
  const last = cut(3)
  equal(first.result.filter((kept) => isAll(1, kept)).length, 30)
  equal(last.result.filter((kept) => isAll(3, kept)).length, 30)
  first.hold.release()
  last.hold.release()
})

test('memory that was released is used again, and no more is taken for it', () => {
  const used = new Set<ArrayBufferLike>()
  for (let more = 0; more < 200; more++) {
    const { result, hold } = cut(1)
    for (const { buffer } of result) used.add(buffer)
    hold.release()
  }
  equal(used.size < 10, true, `${used.size} slabs`)
})

test('a slab that two checkpoints share outlives the first', () => {
  const first = cut(1, 1)
  const second = cut(2, 1)
  equal(first.result[0]!.buffer, second.result[0]!.buffer)
  first.hold.release()
  for (let more = 0; more < 50; more++) cut(3).hold.release()
  equal(isAll(2, second.result[0]!), true)
  second.hold.release()
})

test('a large row, and one that is of no checkpoint, have memory of their own', () => {
  const { result, hold } = holdRows(() => [keepRow(row(1, 100 * KiB)), keepRow(row(2, 8))])
  notEqual(result[0]!.buffer, result[1]!.buffer)
  hold.release()
  cut(3).hold.release()
  equal(isAll(1, result[0]!), true)
  const own = keepRow(row(4, 8))
  equal(own.buffer.byteLength, 8)
})

test('what fails while it is cut leaves nothing open', () => {
  const failing = () =>
    holdRows(() => {
      throw new RangeError('no')
    })
  let message = ''
  try {
    failing()
  } catch (error) {
    message = (error as Error).message
  }
  deepEqual([message, keepRow(row(1, 8)).buffer.byteLength], ['no', 8])
})
