import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ReadMarks } from './read-marks.js'

const LUNCH = { kind: 2, id: 'lunch' } as const
const TEA = { kind: 2, id: 'tea' } as const

test('the first mark goes at once, then the highest of each second; conversations do not wait for each other', () => {
  const clock = new ManualClock()
  const said: string[] = []
  const marks = new ReadMarks(clock, ({ id }, { seq }) => said.push(`${id} ${seq}`))
  for (const seq of [1, 2, 5, 4]) marks.read(LUNCH, { seq, ordinal: seq })
  marks.read(TEA, { seq: 9, ordinal: 9 })
  deepEqual(said, ['lunch 1', 'tea 9'])
  clock.advance(1_000)
  deepEqual(said, ['lunch 1', 'tea 9', 'lunch 5'])
  marks.read(LUNCH, { seq: 6, ordinal: 6 })
  deepEqual(said.length, 3)
  clock.advance(1_000)
  marks.read(TEA, { seq: 10, ordinal: 10 })
  deepEqual(said, ['lunch 1', 'tea 9', 'lunch 5', 'lunch 6', 'tea 10'])
})

test('what waits is not said once the user has decided otherwise, nor after history began anew', () => {
  const clock = new ManualClock()
  const said: string[] = []
  const marks = new ReadMarks(clock, ({ id }, { seq }) => said.push(`${id} ${seq}`))
  for (const name of [LUNCH, TEA]) for (const seq of [1, 2]) marks.read(name, { seq, ordinal: seq })
  marks.cancel(LUNCH)
  clock.advance(1_000)
  deepEqual(said, ['lunch 1', 'tea 1', 'tea 2'])
  marks.read(TEA, { seq: 9, ordinal: 9 })
  marks.restart()
  marks.read(TEA, { seq: 3, ordinal: 3 })
  clock.advance(2_000)
  deepEqual(said.slice(3), ['tea 3'])
})
