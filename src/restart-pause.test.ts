import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { RestartPause } from './restart-pause.js'

test('five short lives are followed at once, then pauses grow up to a bound', () => {
  const pause = new RestartPause()
  const pauses = Array.from({ length: 13 }, () => {
    pause.began(0)
    return pause.next(4_999)
  })
  deepEqual(pauses, [0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
})

test('a life of five seconds makes up for the short ones before it', () => {
  const pause = new RestartPause()
  for (let life = 0; life < 9; life++) pause.next(0)
  pause.began(0)
  equal(pause.next(5_000), 0)
  for (let life = 0; life < 5; life++) equal(pause.next(0), 0)
  equal(pause.next(0), 100)
})
