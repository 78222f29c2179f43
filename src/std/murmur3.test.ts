import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { murmur3 } from './murmur3.js'

/** Bytes in hex, seed, hash: what other implementations publish (SMHasher's mix, Wikipedia's article, Ian Boyd's list). */
const PUBLISHED: readonly [string, number, number][] = [
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['ffffffff', 0, 0x76293b50],
  ['21436587', 0, 0xf55b516b],
  ['21436587', 0x5082edee, 0x2362f9de],
  ['214365', 0, 0x7e4a8634],
  ['2143', 0, 0xa0f7b07a],
  ['21', 0, 0x72661cf4],
  ['00000000', 0, 0x2362f9de],
  ['000000', 0, 0x85f0b427],
  ['0000', 0, 0x30f4c306],
  ['00', 0, 0x514e28b7],
  [hexOf('test'), 0, 0xba6bd213],
  [hexOf('test'), 0x9747b28c, 0x704b81dc],
  [hexOf('Hello, world!'), 0, 0xc0363e43],
  [hexOf('Hello, world!'), 0x9747b28c, 0x24884cba],
  [hexOf('The quick brown fox jumps over the lazy dog'), 0, 0x2e4ff723],
  [hexOf('The quick brown fox jumps over the lazy dog'), 0x9747b28c, 0x2fa826cd],
  [hexOf('aaa'), 0x9747b28c, 0x283e0130],
  [hexOf('abcd'), 0x9747b28c, 0xf0478627],
]

test('murmur3() gives the published hashes', () => {
  for (const [hex, seed, hash] of PUBLISHED) equal(murmur3(Buffer.from(hex, 'hex'), seed), hash, `${hex} seed ${seed}`)
})

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex')
}
