import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { RecentTail } from './recent-tail.js'

/** An event of `size` bytes, all of them its seq. */
function event(seq: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(seq)
}

function tailOf(sizes: readonly number[], firstSeq = 1): RecentTail {
  const tail = new RecentTail()
  sizes.forEach((size, at) => {
    tail.push(firstSeq + at, event(firstSeq + at, size), 0, size)
  })
  return tail
}

function seqsOf(tail: RecentTail, from: number, to: number, bytesMax?: number): number[] {
  return tail.slices(from, to, bytesMax).flatMap(({ firstSeq, lastSeq }) => range(firstSeq, lastSeq))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at)
}

const buffers: ArrayBufferLike[] = []

function placeOf({ buffer, byteOffset }: Uint8Array): string {
  if (!buffers.includes(buffer)) buffers.push(buffer)
  return `${buffers.indexOf(buffer)} ${byteOffset}`
}

describe('the recent tail', () => {
  test('is empty at first, and then begins with the first event it got', () => {
    equal(new RecentTail().firstSeq, Number.POSITIVE_INFINITY)
    deepEqual(new RecentTail().slices(1, 9), [])
    equal(tailOf([8, 8], 41).firstSeq, 41)
  })

  test('takes only [start, end) of the source', () => {
    const tail = new RecentTail()
    tail.push(1, Uint8Array.of(9, 1, 2, 9), 1, 3)
    deepEqual([...tail.slices(1, 1)[0]!.bytes], [1, 2])
  })

  test('gives what it holds of a range', () => {
    const tail = tailOf([8, 8, 8, 8], 10)
    deepEqual(seqsOf(tail, 11, 12), [11, 12])
    deepEqual(seqsOf(tail, 1, 99), [10, 11, 12, 13])
    deepEqual(seqsOf(tail, 1, 9), [])
    deepEqual(seqsOf(tail, 14, 20), [])
  })

  test('stops before more bytes than asked, but gives one event whatever its size', () => {
    const tail = tailOf([100, 100, 100])
    deepEqual(seqsOf(tail, 1, 3, 200), [1, 2])
    deepEqual(seqsOf(tail, 1, 3, 199), [1])
    deepEqual(seqsOf(tail, 1, 3, 1), [1])
    deepEqual(seqsOf(tailOf([30_000, 30_000]), 1, 2, 60_000), [1, 2])
    deepEqual(seqsOf(tailOf([30_000, 30_000]), 1, 2, 59_999), [1])
  })

  test('a slice stays true while the tail grows and others are trimmed', () => {
    const tail = tailOf([500])
    const [slice] = tail.slices(1, 1)
    const other = tailOf([500], 77)
    for (let seq = 2; seq < 500; seq++) tail.push(seq, event(seq, 700), 0, 700)
    other.trim(77, 0)
    tailOf([500], 78)
    deepEqual(slice!.bytes, event(1, 500))
  })

  test('holds little for few events: a small chunk, each next one twice as large, up to 32 KiB', () => {
    const tail = tailOf([8])
    equal(tail.heldBytes, 1024)
    tail.push(2, event(2, 1016), 0, 1016)
    equal(tail.heldBytes, 1024)
    tail.push(3, event(3, 8), 0, 8)
    equal(tail.heldBytes, 3 * 1024)
    for (let seq = 4; seq <= 100; seq++) tail.push(seq, event(seq, 1_000), 0, 1_000)
    equal(tail.heldBytes, (1 + 2 + 4 + 8 + 16 + 32 + 32 + 32) * 1024)
    equal(tail.slices(1, 100).length, 8)
  })

  test('what was let go is used again, by whoever needs as much', () => {
    const [first] = tailOf([5_000]).slices(1, 1)
    const tail = tailOf([5_000])
    const [slice] = tail.slices(1, 1)
    tail.trim(1, 0)
    const [again] = tailOf([4_097], 2).slices(2, 2)
    equal(placeOf(again!.bytes), placeOf(slice!.bytes))
    equal(placeOf(again!.bytes) === placeOf(first!.bytes), false)
  })

  test('an event larger than a chunk gets its own', () => {
    const tail = tailOf([8, 70_000, 8])
    deepEqual(seqsOf(tail, 1, 3), [1, 2, 3])
    equal(tail.slices(2, 2)[0]!.bytes.length, 70_000)
  })

  test('newestFrom() goes back as far as both bounds allow, over chunks', () => {
    const tail = tailOf([500, 500, 500, 8])
    const from = (countMax: number, bytesMax: number) => tail.newestFrom({ countMax, bytesMax })
    deepEqual([from(2, 10_000), from(9, 10_000), from(9, 1_008), from(9, 1_007)], [3, 1, 2, 3])
    deepEqual(
      [from(9, 7), from(0, 10_000), tailOf([]).newestFrom({ countMax: 9, bytesMax: 99 })],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    )
  })

  test('trim() keeps what is not stored, and no more than asked of the rest', () => {
    const sizes = Array.from({ length: 10 }, () => 32 * 1024)
    const held = (stored: number, keepBytes: number) => {
      const tail = tailOf(sizes)
      tail.trim(stored, keepBytes)
      return [tail.firstSeq, tail.heldBytes / 1024]
    }
    deepEqual(held(10, 64 * 1024), [9, 64])
    deepEqual(held(4, 64 * 1024), [5, 192])
    deepEqual(held(0, 0), [1, 320])
    deepEqual(held(10, 0), [Number.POSITIVE_INFINITY, 0])
  })

  test('whatever was pushed and asked, the answer is a run of what is held, byte for byte', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 20_000, max: 40_000 })))
    fc.assert(
      fc.property(sizes, fc.nat(40), fc.nat(40), fc.nat(50_000), (all, from, more, bytesMax) => {
        const to = from + more
        const tail = tailOf(all)
        const slices = tail.slices(from, to, bytesMax)
        const found = slices.flatMap(({ firstSeq, lastSeq }) => range(firstSeq, lastSeq))
        const wanted = range(Math.max(1, from), Math.min(to, all.length))
        deepEqual(found, wanted.slice(0, found.length))
        equal(found.length > 0, wanted.length > 0)
        const bytes = slices.reduce((sum, slice) => sum + slice.bytes.length, 0)
        equal(
          bytes,
          found.reduce((sum, seq) => sum + all[seq - 1]!, 0),
        )
        if (bytes > bytesMax) equal(found.length, 1)
        const next = wanted[found.length]
        if (next !== undefined) equal(bytes + all[next - 1]! > bytesMax, true)
        for (const { firstSeq, bytes: part } of slices) equal(part[0], firstSeq & 0xff)
      }),
    )
  })
})
