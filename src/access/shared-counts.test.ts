import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { SharedCounts } from './shared-counts.js'

test('workers count together: exactly the maximum, not one more, and room again when one goes', () => {
  const memory = SharedCounts.memory(3, 7)
  const [a, b, c] = [0, 1, 2].map((worker) => new SharedCounts(memory, worker)) as [
    SharedCounts,
    SharedCounts,
    SharedCounts,
  ]
  deepEqual([a.take('alice', 3), b.take('alice', 3), b.take('alice', 3), c.take('alice', 3)], [true, true, true, false])
  equal(a.countOf('alice'), 3)
  equal(c.take('bob', 1), true)
  b.release('alice')
  deepEqual([c.take('alice', 3), a.take('alice', 3)], [true, false])
})

test('what a dead worker had counts no more', () => {
  const memory = SharedCounts.memory(2, 7)
  const [a, b] = [new SharedCounts(memory, 0), new SharedCounts(memory, 1)]
  for (let n = 0; n < 5; n++) b.take('alice', 100)
  a.take('alice', 100)
  a.clear(1)
  equal(a.countOf('alice'), 1)
})

test('with 38,000 names in a worker a count is never too low, and rarely and barely too high', () => {
  const counts = new SharedCounts(SharedCounts.memory(1, 12345), 0)
  const names = Array.from({ length: 38_000 }, (_, index) => `user ${index}`)
  for (const name of names) counts.take(name, 1_000)
  const tooMuch = names.map((name) => counts.countOf(name) - 1)
  equal(Math.min(...tooMuch), 0)
  equal(Math.max(...tooMuch) <= 3, true)
  equal(tooMuch.filter((more) => more > 0).length < names.length / 40, true)
})

test('a limit of a million holds', () => {
  const counts = new SharedCounts(SharedCounts.memory(1, 7), 0)
  let taken = 0
  for (let n = 0; n < 200_000; n++) if (counts.take('the proxy', 150_000)) taken++
  deepEqual([taken, counts.countOf('the proxy')], [150_000, 150_000])
})
