import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { comparePositions, POSITION_START, type Position } from './position.js'

const at = (logIncarnation: number, batchNo: number, index: number): Position => ({ logIncarnation, batchNo, index })

test('positions are ordered by incarnation, then batch, then record', () => {
  const inOrder = [POSITION_START, at(1, 1, 0), at(1, 1, 7), at(1, 2, 0), at(1, 1_000, 0), at(2, 1, 0)]
  const shuffled = [inOrder[4]!, inOrder[0]!, inOrder[5]!, inOrder[2]!, inOrder[1]!, inOrder[3]!]
  deepEqual(shuffled.sort(comparePositions), inOrder)
  equal(comparePositions(at(3, 4, 5), at(3, 4, 5)), 0)
})
