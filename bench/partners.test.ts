import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { Partners } from './partners.js'

test('in pairs each has the other, and all turns', () => {
  const pairs = new Partners(4, 1)
  deepEqual([pairs.of(2), pairs.of(3), pairs.turn(3, 2)], [[3], [2], { first: 1, step: 1 }])
  deepEqual(pairs.byFirst(), [[[0, 1]], [], [[2, 3]], []])
})

test('in a ring whoever writes to one hears from it, and turns go round', () => {
  const ring = new Partners(10, 4)
  deepEqual(ring.of(0), [1, 9, 2, 8])
  deepEqual(ring.turn(0, 2), { first: 3, step: 4 })
  for (let client = 0; client < 10; client++) {
    for (const partner of ring.of(client)) equal(ring.of(partner).includes(client), true)
  }
  equal(ring.byFirst().flat().length, 20)
})

test('what cannot be is refused', () => {
  throws(() => new Partners(10, 3), RangeError)
  throws(() => new Partners(10, 10), RangeError)
})
