import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { MEMBERS_PER_PAGE, Members, OPEN_END } from './members.js'

const ALICE = 'alice' as UserId
const stranger = (at: number) => `stranger-${at}` as UserId

describe('membership', () => {
  test('sees its join and its leave, and nothing before, after or between stays', () => {
    const members = new Members()
    members.join(ALICE, { seq: 3, ordinal: 0 }, 'member')
    members.leave(ALICE, { seq: 5, ordinal: 0 })
    members.join(ALICE, { seq: 8, ordinal: 0 }, 'member')
    deepEqual(
      [2, 3, 4, 5, 6, 7, 8, 9, 1_000].filter((seq) => members.wasAt(ALICE, seq)),
      [3, 4, 5, 8, 9, 1_000],
    )
    equal(members.isNow(ALICE), true)
    deepEqual(members.get(ALICE)!.intervals, [
      { from: 3, to: 5, fromOrdinal: 0, toOrdinal: 0 },
      { from: 8, to: OPEN_END, fromOrdinal: 0, toOrdinal: 0 },
    ])
  })

  test('counts those who are in now', () => {
    const members = new Members()
    members.join(ALICE, { seq: 1, ordinal: 0 }, 'owner')
    members.join('bob' as UserId, { seq: 1, ordinal: 0 }, 'member')
    members.join(ALICE, { seq: 2, ordinal: 0 }, 'member')
    equal(members.count, 2)
    equal(members.get(ALICE)!.role, 'owner')
    members.leave(ALICE, { seq: 3, ordinal: 0 })
    equal(members.leave(ALICE, { seq: 4, ordinal: 0 }), undefined)
    equal(members.count, 1)
    equal(members.isNow(ALICE), false)
  })

  test('a role does not outlive its stay', () => {
    const members = new Members()
    members.join(ALICE, { seq: 1, ordinal: 0 }, 'owner')
    members.leave(ALICE, { seq: 2, ordinal: 0 })
    equal(members.join(ALICE, { seq: 3, ordinal: 0 }, 'member').role, 'member')
  })

  test('pages hold 16 each, by the order of coming', () => {
    const members = new Members()
    for (let at = 0; at <= MEMBERS_PER_PAGE; at++) members.join(stranger(at), { seq: 1, ordinal: 0 }, 'member')
    equal(members.page(0).length, MEMBERS_PER_PAGE)
    deepEqual(
      members.page(1).map((member) => member.user),
      [stranger(MEMBERS_PER_PAGE)],
    )
    deepEqual(members.page(2), [])
  })
})

describe('strangers', () => {
  test('are remembered up to 256; one more and the oldest gives its place to the newest', () => {
    const members = new Members()
    members.join(ALICE, { seq: 1, ordinal: 0 }, 'owner')
    for (let at = 0; at < LIMITS.strangerLanesMax; at++) members.entry(stranger(at))
    const { index } = members.get(stranger(0))!
    notEqual(members.get(stranger(LIMITS.strangerLanesMax - 1)), undefined)

    equal(members.entry(stranger(LIMITS.strangerLanesMax)).index, index)
    equal(members.get(stranger(0)), undefined)
    notEqual(members.get(stranger(1)), undefined)
    equal(members.isNow(ALICE), true)
  })

  test('who join are members from then on and keep their lanes', () => {
    const members = new Members()
    const lane = members.entry(ALICE).lanes.open({ device: 'd', number: 1, random: 1n })
    members.join(ALICE, { seq: 4, ordinal: 0 }, 'member')
    for (let at = 0; at <= LIMITS.strangerLanesMax; at++) members.entry(stranger(at))
    equal(members.get(ALICE)!.lanes.lanes[0], lane)
    equal(members.wasAt(ALICE, 3), false)
  })

  test('are not members, whatever they asked for', () => {
    const members = new Members()
    members.entry(ALICE)
    equal(members.isNow(ALICE), false)
    equal(members.wasAt(ALICE, 1), false)
    equal(members.count, 0)
  })
})
