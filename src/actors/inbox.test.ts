import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, type ActorName, type AppId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { ListFlag } from '../protocol/wire-numbers.js'
import { applyLaneOpened, decideLane, decideMark, emptyInbox, type Inbox } from './inbox.js'

const NAME: ActorName = { app: 'demo' as AppId, kind: ActorKind.inbox, id: 'alice' }

function open(inbox: Inbox, device: string, random: bigint): number {
  const decision = decideLane(inbox, { device, number: 0, random })
  if (decision.kind === 'open') applyLaneOpened(inbox, decision.lane)
  return 'lane' in decision ? decision.lane.number : -1
}

test('lanes are numbered 1, 2, 3… over all devices, and a repeated Hello gets its number again', () => {
  const inbox = emptyInbox(NAME)
  equal(open(inbox, 'phone', 7n), 1)
  equal(open(inbox, 'phone', 8n), 2)
  equal(open(inbox, 'tablet', 9n), 3)
  equal(open(inbox, 'phone', 7n), 1)
  applyLaneOpened(inbox, { device: 'web', number: 1, random: 4n }) // a record of a build that counted per device
  equal(open(inbox, 'web', 5n), 4)
  equal(inbox.devices[0]!.lastNumber, 2)
})

test('a lane is known by number and random together', () => {
  const inbox = emptyInbox(NAME)
  open(inbox, 'phone', 7n)
  const asked = (number: number, random: bigint) => decideLane(inbox, { device: 'phone', number, random }).kind
  equal(asked(1, 7n), 'known')
  equal(asked(2, 7n), 'unknown')
  equal(asked(1, 8n), 'unknown')
})

test('deciding changes nothing: only what was logged counts', () => {
  const inbox = emptyInbox(NAME)
  decideLane(inbox, { device: 'phone', number: 0, random: 7n })
  equal(inbox.devices.length, 0)
})

test('eight lanes of a device are known; the ninth forgets the first, whose number is never given again', () => {
  const inbox = emptyInbox(NAME)
  for (let at = 1; at <= LIMITS.lanesPerDeviceMax; at++) open(inbox, 'phone', BigInt(at))
  equal(decideLane(inbox, { device: 'phone', number: 1, random: 1n }).kind, 'known')
  equal(open(inbox, 'phone', 9n), 9)
  deepEqual(decideLane(inbox, { device: 'phone', number: 1, random: 1n }), { kind: 'unknown' })
  equal(open(inbox, 'phone', 1n), 10)
})

test('a number out of turn is our own mistake', () => {
  throws(() => applyLaneOpened(emptyInbox(NAME), { device: 'phone', number: 2, random: 1n }), /lane number 2/)
})

test('of more devices than a user may have, the one whose lane is the oldest is forgotten, and its numbers are not given again', () => {
  const inbox = emptyInbox(NAME)
  for (let device = 1; device <= LIMITS.devicesPerUserMax; device++) equal(open(inbox, `d${device}`, 1n), device)
  const known = (device: string, number: number) => decideLane(inbox, { device, number, random: 1n }).kind
  equal(open(inbox, 'd1', 2n), LIMITS.devicesPerUserMax + 1)
  equal(known('d2', 2), 'known')
  equal(open(inbox, 'one more', 1n), LIMITS.devicesPerUserMax + 2)
  deepEqual([known('d1', 1), known('d2', 2), known('d3', 3)], ['known', 'unknown', 'known'])
  equal(open(inbox, 'd2', 1n), LIMITS.devicesPerUserMax + 3)
  equal(inbox.devices.length, LIMITS.devicesPerUserMax)
})

const LUNCH = { conversationKind: 2, conversation: 'lunch' }
const IN_LANE = { lane: { device: 'phone', number: 1, random: 1n }, hash: 1 }
const INCARNATION = 3

function listed(head: number): Inbox {
  const inbox = emptyInbox(NAME)
  const place = { app: 'demo', actorKind: 2, conversation: 'lunch', head, ordinal: head, time: 1, incarnation: 1 }
  const mode = { modeSeq: 0, isLarge: false, sinceSeq: 1 }
  const read = { joinOrdinal: 0, endOrdinal: 0, readSeq: 0, readOrdinal: 0, mentionSeq: 0 }
  inbox.list.apply({ ...place, ...mode, members: [] }, { user: 'alice', memberSeq: 1, isMember: true, ...read })
  return inbox
}

/** What is logged of a reading up to 9 that was said in a list of this incarnation. */
function takenOf(inbox: Inbox, incarnation: number) {
  const facts = { ...LUNCH, seq: 9, ordinal: 9, set: ListFlag.unread | ListFlag.muted, flags: ListFlag.muted }
  const decision = decideMark(inbox, { kind: 'mark', ...IN_LANE, n: 1, facts, incarnation }, INCARNATION)
  if (decision.kind !== 'accept') return decision.kind
  const { seq, ordinal, set, flags } = decision.mark.facts
  return { seq, ordinal, set, flags }
}

test('what was read in a history that is lost is not taken, and without a word of it no more than there is', () => {
  const inbox = listed(5)
  const said = { set: ListFlag.unread | ListFlag.muted, flags: ListFlag.muted }
  deepEqual(takenOf(inbox, INCARNATION), { seq: 9, ordinal: 9, ...said })
  deepEqual(takenOf(inbox, 0), { seq: 5, ordinal: 5, ...said })
  deepEqual(takenOf(inbox, INCARNATION - 1), { seq: 0, ordinal: 0, set: ListFlag.muted, flags: ListFlag.muted })
})

test('a mark of what the list does not know yet uses up no n', () => {
  const inbox = emptyInbox(NAME)
  const facts = { ...LUNCH, seq: 0, ordinal: 0, set: ListFlag.muted, flags: ListFlag.muted }
  const mark = { kind: 'mark', ...IN_LANE, n: 1, facts, incarnation: INCARNATION } as const
  deepEqual(decideMark(inbox, mark, INCARNATION), { kind: 'refuse', refusal: 'not-listed' })
  deepEqual(decideMark(listed(1), mark, INCARNATION).kind, 'accept')
})
