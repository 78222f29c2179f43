import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { RestartPause } from './restart-pause.js'

test('short lives are followed at once, then after ever longer pauses up to a bound', () => {
  const pause = new RestartPause()
  const pauses = Array.from({ length: 9 }, () => {
    pause.began(0)
    return pause.next(9_999)
  })
  deepEqual(pauses, [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
})

test('a life of ten seconds makes up for the short ones before it', () => {
  const pause = new RestartPause()
  for (let life = 0; life < 5; life++) pause.next(0)
  pause.began(0)
  equal(pause.next(10_000), 0)
})
