import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { LIMITS } from '../domain/limits.js'
import { KeyedOutcomes } from './keyed-outcomes.js'

const MAX = LIMITS.keysPerSenderMax
const outcome = (n: number) => ({ key: BigInt(n), hash: n, seq: n + 1, time: n + 2 })

test('the last keys are remembered with what became of them, and not one more', () => {
  const keyed = new KeyedOutcomes()
  equal(keyed.find(0n), undefined) // the places that were never used hold it
  for (let n = 0; n < MAX; n++) keyed.record(outcome(n))
  for (let n = 0; n < MAX; n++) deepEqual(keyed.find(BigInt(n)), outcome(n))
  keyed.record(outcome(MAX))
  equal(keyed.find(0n), undefined)
  deepEqual([keyed.find(1n), keyed.find(BigInt(MAX))], [outcome(1), outcome(MAX)])
  equal(keyed.size, MAX)
})

test('oldest first, so that putting them back in this order forgets in this order', () => {
  const [keyed, again] = [new KeyedOutcomes(), new KeyedOutcomes()]
  for (let n = 0; n < MAX + 5; n++) keyed.record(outcome(n))
  for (const each of keyed.all()) again.record(each)
  again.record(outcome(MAX + 5))
  equal(again.find(5n), undefined)
  deepEqual(again.find(6n), outcome(6))
})
