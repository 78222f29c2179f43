import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { runSeed } from './run-seed.js'
import { outsidePromises } from './virtual-time.js'

describe('simulated worlds', () => {
  test('keep every promise', { timeout: 120_000 }, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { violations } = await outsidePromises(() => runSeed(seed))
      deepEqual(violations, [], `npm run -s sim -- --seed ${seed} --trace`)
    }
  })

  test('are a function of their seed', async () => {
    const first = await outsidePromises(() => runSeed(3))
    const again = await outsidePromises(() => runSeed(3))
    const other = await outsidePromises(() => runSeed(4))
    equal(again.digest(), first.digest())
    equal(again.events, first.events)
    notEqual(other.digest(), first.digest())
  })
})
