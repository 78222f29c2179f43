import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { seededRandom } from '../std/random.js'
import { type Token, TokenSource } from './token-source.js'

function rig(token: Token) {
  const clock = new ManualClock()
  return { clock, source: new TokenSource(token, clock, seededRandom(1)) }
}

test('a text is what it is: there is no other one to ask for', async () => {
  const { source } = rig('fixed')
  equal(await source.fetch(() => true), 'fixed')
  equal(source.refused(), false)
})

test('a function is asked again, at once after a refusal, three times in a row at most', async () => {
  let asked = 0
  const { source } = rig(() => `${++asked}`)
  equal(await source.fetch(() => true), '1')
  equal(source.refused(), true)
  equal(await source.fetch(() => true), '2')
  equal(source.refused(), true)
  equal(source.refused(), false)
  source.accepted()
  equal(source.refused(), true)
})

test('a function that fails is asked later, until nobody wants to know', async () => {
  const results = [new Error('offline'), new Error('offline'), 'token']
  const { clock, source } = rig(async () => {
    const result = results.shift()!
    if (result instanceof Error) throw result
    return result
  })
  const token = source.fetch(() => true)
  for (let second = 0; second < 5; second++) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_000)
  }
  deepEqual([await token, results.length], ['token', 0])
  equal(await source.fetch(() => false), undefined)
})
