import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, type AppId, type UserId } from '../domain/ids.js'
import { emptyConversation } from './conversation.js'
import { applyReading, decideReading } from './reading.js'

const BEN = 'ben' as UserId

/** Ben came at 3, when two messages were said; ten events are there, of which nine count. */
function conversation() {
  const state = emptyConversation({ app: 'demo' as AppId, kind: ActorKind.group, id: 'team' })
  state.members.join(BEN, { seq: 3, ordinal: 2 }, 'member')
  return Object.assign(state, { head: 10, ordinal: 9, incarnation: 1, sinceSeq: 1 })
}

function said(seq: number, ordinal = seq, user = BEN, incarnation = 1) {
  return { user, seq, ordinal, incarnation }
}

test('a marker goes up only, and no further than there is something to read', () => {
  const state = conversation()
  deepEqual(decideReading(state, said(5, 4)), { user: BEN, seq: 5, ordinal: 4 })
  applyReading(state, { user: BEN, seq: 5, ordinal: 4 })
  equal(decideReading(state, said(5, 4)), undefined)
  equal(decideReading(state, said(4, 4)), undefined)
  deepEqual(decideReading(state, said(12, 99)), { user: BEN, seq: 10, ordinal: 9 })
})

test('who left has read no further than that, and who was never there reads nothing', () => {
  const state = conversation()
  state.members.leave(BEN, { seq: 7, ordinal: 6 })
  deepEqual(decideReading(state, said(9)), { user: BEN, seq: 7, ordinal: 6 })
  equal(decideReading(state, said(9, 9, 'eve' as UserId)), undefined)
})

test('of a history that is lost only what lies below counts', () => {
  const state = Object.assign(conversation(), { incarnation: 2, sinceSeq: 6 })
  deepEqual(decideReading(state, said(9)), { user: BEN, seq: 5, ordinal: 9 })
  deepEqual(decideReading(state, said(9, 8, BEN, 2)), { user: BEN, seq: 9, ordinal: 8 })
})
