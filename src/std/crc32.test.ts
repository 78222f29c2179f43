import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { crc32, crc32OfText } from './crc32.js'

test('crc32() gives the published check value, of the range only', () => {
  const bytes = new TextEncoder().encode('__123456789__')
  equal(crc32(bytes, 2, 11), 0xcbf43926)
  equal(crc32(bytes, 2, 2), 0)
})

test('crc32OfText() is the CRC of the UTF-8 bytes', () => {
  const text = 'grüße 😀'
  const bytes = new TextEncoder().encode(text)
  equal(crc32OfText(text), crc32(bytes, 0, bytes.length))
})
