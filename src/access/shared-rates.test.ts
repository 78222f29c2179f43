import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { type RateShare, SharedRates } from './shared-rates.js'

const taken = (share: RateShare, max: number, now: number) => {
  let count = 0
  while (share.take(max, now)) count++
  return count
}

test('exactly the maximum in a second, by two workers together, and as many again in the next', () => {
  const memory = SharedRates.memory(7)
  const [here, there] = [new SharedRates(memory).shareOf('alice'), new SharedRates(memory).shareOf('alice')]
  for (const max of [1, 3, 100]) {
    const now = 1_000 + max
    let count = 0
    for (let n = 0; n < 2 * max; n++) count += Number((n % 2 === 0 ? here : there).take(max, now))
    equal(count, max)
    equal(here.take(max, now), false)
    ok(here.take(max, now + 1_000))
  }
})

test('of a large maximum no more than a share a worker is lost, and nothing is added', () => {
  const memory = SharedRates.memory(7)
  const [here, there] = [new SharedRates(memory).shareOf('alice'), new SharedRates(memory).shareOf('alice')]
  ok(there.take(10_000, 5))
  const count = taken(here, 10_000, 5)
  ok(count >= 10_000 - 156 && count < 10_000, `${count}`)
  equal(count + 1 + taken(there, 10_000, 5), 10_000)
})

test('names have their own, and what is left can be asked', () => {
  const rates = new SharedRates(SharedRates.memory(7))
  const [alice, bob] = [rates.shareOf('alice'), rates.shareOf('bob')]
  deepEqual([taken(alice, 5, 9), alice.remaining(5, 9), bob.remaining(5, 9), alice.remaining(5, 10)], [5, 0, 5, 5])
  equal(taken(bob, 5, 9), 5)
})

test('an hour later the same cell is not taken for this second', () => {
  const alice = new SharedRates(SharedRates.memory(7)).shareOf('alice')
  equal(taken(alice, 5, 0), 5)
  equal(taken(alice, 5, 4_095), 5)
})
