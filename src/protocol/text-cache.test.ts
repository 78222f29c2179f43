import { equal } from 'node:assert/strict'
import * as fc from 'fast-check'
import { test } from 'vitest'
import { Bytes } from '../std/bytes.js'
import { readText } from './text-cache.js'

test('readText() gives what the bytes say, however many other texts were read before', () => {
  const seen = new Set<string>()
  const check = (text: string) => {
    seen.add(text)
    equal(read(text), text)
    equal(read(text), text)
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), { numRuns: 2_000 })
  for (let index = 0; index < 10_000; index++) check(`user-${index}`)
  for (const text of seen) equal(read(text), text)
})

test('one buffer, used again for text after text, does not mix them up', () => {
  const bytes = Bytes.ofSize(10)
  for (let index = 10_000; index < 30_000; index++) {
    new TextEncoder().encodeInto(`user-${index}`, bytes.u8)
    equal(readText(bytes, 0, 10), `user-${index}`)
  }
})

test('a text is not changed by what happens to its bytes afterwards, and keeps its byte order mark', () => {
  const bytes = Bytes.over(new TextEncoder().encode('lunch'))
  equal(readText(bytes, 0, 5), 'lunch')
  bytes.u8[0] = 0x70
  equal(readText(bytes, 0, 5), 'punch')
  equal(read('lunch'), 'lunch')
  equal(read('\ufefflunch'), '\ufefflunch')
  equal(read('l'.repeat(130)), 'l'.repeat(130))
})

function read(text: string): string {
  const encoded = Bytes.over(new TextEncoder().encode(`[${text}]`))
  return readText(encoded, 1, encoded.size - 1)
}
