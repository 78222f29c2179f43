import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.js'
import { DiskRoom } from './disk-room.js'

test('below the reserve the disk is short, says so once, and is not once there is room again', () => {
  const clock = new ManualClock()
  const alarms: string[] = []
  let free = 100
  const room = new DiskRoom({ freeBytes: () => free, reserveBytes: 100, clock, alarm: (what) => alarms.push(what) })
  equal(room.isShort, false)
  free = 99
  clock.advance(1_000)
  equal(room.isShort, true)
  deepEqual(alarms, ['the disk is nearly full; sends are refused until 100 bytes are free'])
  free = 100
  clock.advance(1_000)
  equal(room.isShort, false)
  free = 0
  room.close()
  clock.advance(1_000)
  equal(room.isShort, false)
})
