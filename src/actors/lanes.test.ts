import { deepEqual, equal, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { LIMITS } from '../domain/limits.js'
import { Lane, type LaneName, UserLanes } from './lanes.js'

const W = LIMITS.laneWindow
const PHONE: LaneName = { device: 'phone', number: 1, random: 11n }

/** A lane whose n = 1 … last were accepted with seq 100 + n and hash n. */
function laneWith(last: number): Lane {
  const lane = new Lane(PHONE)
  for (let n = 1; n <= last; n++) lane.record(n, n, 100 + n, 1_000 + n)
  return lane
}

describe('a lane', () => {
  test('takes n = last + 1 and nothing above', () => {
    const lane = laneWith(3)
    deepEqual(lane.judge(4, 9), { kind: 'next' })
    deepEqual(lane.judge(5, 9), { kind: 'gap', expected: 4 })
    deepEqual(new Lane(PHONE).judge(1, 9), { kind: 'next' })
    deepEqual(new Lane(PHONE).judge(2, 9), { kind: 'gap', expected: 1 })
  })

  test('remembers the last 64 outcomes exactly, and of older ones only that they were', () => {
    for (const last of [1, W - 1, W, W + 1, 3 * W + 5]) {
      const lane = laneWith(last)
      const oldest = Math.max(1, last - W + 1)
      deepEqual(lane.judge(oldest, oldest), { kind: 'accepted', seq: 100 + oldest, time: 1_000 + oldest }, `${last}`)
      deepEqual(lane.judge(last, last), { kind: 'accepted', seq: 100 + last, time: 1_000 + last })
      if (oldest > 1) deepEqual(lane.judge(oldest - 1, oldest - 1), { kind: 'already-accepted' })
    }
  })

  test('calls another content under a known n a reuse, inside the window only', () => {
    const lane = laneWith(W + 1)
    deepEqual(lane.judge(2, 999), { kind: 'reused' })
    deepEqual(lane.judge(1, 999), { kind: 'already-accepted' })
  })

  test('gives a refusal that used up its n again, and a void whatever stands there', () => {
    const lane = new Lane(PHONE)
    lane.record(1, 5, -1401, 0)
    lane.record(2, 0, -0, 0)
    lane.record(3, 7, 42, 9)
    deepEqual(lane.judge(1, 5), { kind: 'refused', wireCode: 1401 })
    deepEqual(lane.judgeAny(1), { kind: 'refused', wireCode: 1401 })
    deepEqual(lane.judgeAny(2), { kind: 'refused', wireCode: 0 })
    deepEqual(lane.judgeAny(3), { kind: 'accepted', seq: 42, time: 9 })
    deepEqual(lane.judge(2, 6), { kind: 'reused' })
  })

  test('asserts that no n is left out or recorded twice', () => {
    throws(() => laneWith(3).record(5, 0, 1, 0), /lane gap/)
    throws(() => laneWith(3).record(3, 0, 1, 0), /lane gap/)
  })

  test('read back from what it remembers it judges the same, at every length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 * W }), fc.integer({ min: 1, max: 3 * W + 2 }), (last, n) => {
        const lane = laneWith(last)
        const copy = new Lane(PHONE)
        copy.startAfter(last - lane.remembered)
        lane.forEach((...entry) => {
          copy.record(...entry)
        })
        equal(copy.last, last)
        deepEqual(copy.judge(n, n), lane.judge(n, n))
        deepEqual(copy.judge(n, n + 1), lane.judge(n, n + 1))
        deepEqual(copy.judgeAny(n), lane.judgeAny(n))
      }),
    )
  })
})

describe("a user's lanes", () => {
  const numbered = (number: number, device = 'phone'): LaneName => ({ device, number, random: BigInt(number) })

  test('are told apart by device, number and random alike', () => {
    const lanes = new UserLanes()
    const lane = lanes.open(PHONE)
    equal(lanes.open({ ...PHONE }), lane)
    for (const other of [{ device: 'tablet' }, { number: 2 }, { random: 12n }]) {
      equal(lanes.find({ ...PHONE, ...other }), undefined)
    }
  })

  test('of a device are eight; the ninth retires the lowest-numbered and all below it for ever', () => {
    const lanes = new UserLanes()
    for (let number = 3; number < 3 + LIMITS.lanesPerDeviceMax; number++) lanes.open(numbered(number))
    equal(lanes.isRetired(numbered(3)), false)
    equal(lanes.isRetired(numbered(1)), false)

    lanes.open(numbered(11))
    equal(lanes.find(numbered(3)), undefined)
    deepEqual(
      [1, 3, 4].map((number) => lanes.isRetired(numbered(number))),
      [true, true, false],
    )
    equal(lanes.isRetired(numbered(3, 'tablet')), false)
  })

  test('a latecomer below the eight is used once and retired at once, so it is never taken twice', () => {
    const lanes = new UserLanes()
    for (let number = 2; number < 2 + LIMITS.lanesPerDeviceMax; number++) lanes.open(numbered(number))
    lanes.open(numbered(1)).record(1, 5, 77, 0)
    equal(lanes.find(numbered(1)), undefined)
    equal(lanes.isRetired(numbered(1)), true)
    equal(lanes.isRetired(numbered(2)), false)
  })

  test('of a user are so many; one more retires the lowest-numbered, and all that is not known up to there', () => {
    const lanes = new UserLanes()
    for (let at = 1; at <= LIMITS.lanesPerUserMax; at++) lanes.open(numbered(at, `device-${at}`))
    lanes.retired.set('old phone', 1)
    equal(lanes.isRetired(numbered(2, 'tablet')), false)
    for (const number of [1, 2]) lanes.open(numbered(1_000 + number, 'tablet'))
    equal(lanes.lanes.length, LIMITS.lanesPerUserMax)
    deepEqual(
      [1, 2, 3].map((at) => lanes.find(numbered(at, `device-${at}`)) !== undefined),
      [false, false, true],
    )
    deepEqual([lanes.isRetired(numbered(2, 'phone')), lanes.isRetired(numbered(3, 'phone'))], [true, false])
    equal(lanes.retired.size, 1)
  })

  test('of other devices do not count', () => {
    const lanes = new UserLanes()
    for (let at = 0; at < 3 * LIMITS.lanesPerDeviceMax; at++) lanes.open(numbered(1, `device-${at}`))
    equal(lanes.lanes.length, 3 * LIMITS.lanesPerDeviceMax)
    equal(lanes.retired.size, 0)
  })
})
