import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, type AppId, type UserId } from '../domain/ids.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import { apply, type Conversation, type ConversationCommand, decide, emptyConversation } from './conversation.js'

const LANE = { device: 'phone', number: 1, random: 1n }

function run(state: Conversation, command: ConversationCommand): void {
  const decision = decide(state, command, 0)
  if (decision.kind !== 'accept') throw new Error(decision.kind)
  apply(state, decision.event)
}

test('a mention is noted of those who are in the conversation, and of nobody by themselves', () => {
  const state = emptyConversation({ app: 'demo' as AppId, kind: ActorKind.group, id: 'team' })
  let n = 0
  const from = (user: string) => ({ from: user as UserId, lane: LANE, n: ++n, hash: n })
  const users = (...names: string[]) => names as UserId[]
  const mentioned = () => [...state.members.all()].map(({ user, mentionSeq }) => `${user} ${mentionSeq}`)
  const { create, kick, invite } = ChangeAction
  run(state, { kind: 'change', action: create, users: users('ben', 'cat'), ...from('ann') })
  run(state, { kind: 'change', action: kick, users: users('cat'), ...from('ann') })
  run(state, { kind: 'send', mentions: users('ann', 'ben', 'cat', 'dan'), ...from('ann') })
  deepEqual(mentioned(), ['ann 0', 'ben 3', 'cat 0'])
  run(state, { kind: 'change', action: invite, users: users('cat'), ...from('ann') })
  run(state, { kind: 'send', mentions: users('cat', 'cat'), ...from('ann') })
  deepEqual(mentioned(), ['ann 0', 'ben 3', 'cat 5'])
})
