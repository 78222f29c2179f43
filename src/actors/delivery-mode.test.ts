import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ActorKind, type AppId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { EventKind } from '../protocol/wire-numbers.js'
import { apply, type Conversation, emptyConversation } from './conversation.js'
import { DELIVERY_MODE, decideMode } from './delivery-mode.js'

function conversationOf(kind: ActorKind, members: number): Conversation {
  const state = emptyConversation({ app: 'demo' as AppId, kind, id: 'crowd' })
  setMembers(state, members)
  return state
}

function setMembers({ members }: Conversation, count: number): void {
  const place = { seq: 1, ordinal: 0 }
  for (let index = members.count; index < count; index++) members.join(`u${index}` as UserId, place, 'member')
  for (let index = members.count; index > count; index--) members.leave(`u${index - 1}` as UserId, place)
}

const NOON = 43_200_000

describe('the delivery mode', () => {
  test('becomes large above largeMembersMin, and small again at smallMembersMax', () => {
    const state = conversationOf(ActorKind.group, LIMITS.largeMembersMin)
    equal(decideMode(state, DELIVERY_MODE, NOON), undefined)
    setMembers(state, LIMITS.largeMembersMin + 1)
    const large = decideMode(state, DELIVERY_MODE, NOON)!
    deepEqual([large.event, large.seq, large.from, large.n, large.users], [EventKind.large, 1, '', 0, []])
    apply(state, large)
    deepEqual([state.isLarge, state.modeSeq, state.head, state.ordinal, state.memberSeq], [true, 1, 1, 0, 0])
    equal(decideMode(state, DELIVERY_MODE, NOON), undefined)

    setMembers(state, LIMITS.smallMembersMax + 1)
    equal(decideMode(state, DELIVERY_MODE, NOON), undefined)
    setMembers(state, LIMITS.smallMembersMax)
    const small = decideMode(state, DELIVERY_MODE, 0)!
    deepEqual([small.event, small.seq, small.time], [EventKind.small, 2, NOON])
    apply(state, small)
    deepEqual([state.isLarge, state.modeSeq], [false, 2])
    equal(decideMode(state, DELIVERY_MODE, NOON), undefined)
  })

  test('is the same for channels; rooms stand in no list', () => {
    const many = LIMITS.largeMembersMin + 1
    equal(decideMode(conversationOf(ActorKind.channel, many), DELIVERY_MODE, NOON)?.event, EventKind.large)
    equal(decideMode(conversationOf(ActorKind.room, many), DELIVERY_MODE, NOON), undefined)
  })

  test('leaves no lane behind: nobody has asked for it', () => {
    const state = conversationOf(ActorKind.group, LIMITS.largeMembersMin + 1)
    const members = [...state.members.all()].length
    apply(state, decideMode(state, DELIVERY_MODE, NOON)!)
    equal([...state.members.all()].length, members)
  })
})
