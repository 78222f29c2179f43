/** Commands of servers: in a user's name or the app's own, and what an idempotency key promises. */
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, type AppId, type ConversationKind, SERVER_LANE, SYSTEM_LANE, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import { apply, type Conversation, type ConversationCommand, decide, emptyConversation } from './conversation.js'

const NOON = 1_767_268_800_000

function conversation(kind: ConversationKind = ActorKind.group, id = 'team'): Conversation {
  return emptyConversation({ app: 'demo' as AppId, kind, id })
}

function lane(number: number, key: number) {
  return { device: 'api', number, random: BigInt(key) }
}

function send(from: string, key: number, hash = 1, number = SERVER_LANE): ConversationCommand {
  return { kind: 'send', from: from as UserId, lane: lane(number, key), n: 1, hash, mentions: [] }
}

function change(from: string, key: number, action: ChangeAction, users: string[], number = SYSTEM_LANE) {
  const named = { from: from as UserId, users: users as UserId[], lane: lane(number, key) }
  return { kind: 'change', action, ...named, n: 1, hash: 1 } as ConversationCommand
}

function run(state: Conversation, command: ConversationCommand): string {
  const decision = decide(state, command, NOON)
  if (decision.kind === 'accept') apply(state, decision.event)
  switch (decision.kind) {
    case 'accept':
      return `seq ${decision.event.seq}`
    case 'duplicate':
      return `duplicate of ${decision.seq}`
    case 'refuse':
      return decision.refusal
    default:
      return decision.kind
  }
}

function team(): Conversation {
  const state = conversation()
  run(state, change('alice', 1, ChangeAction.create, ['bob'], SERVER_LANE))
  return state
}

test('a key is one message, whatever is sent under it again, and keys of others are others', () => {
  const state = team()
  equal(run(state, send('alice', 7)), 'seq 2')
  equal(run(state, send('alice', 7)), 'duplicate of 2')
  equal(run(state, send('alice', 7, 2)), 'key-reused')
  equal(run(state, send('bob', 7)), 'seq 3')
  equal(run(state, send('alice', 8)), 'seq 4')
})

test('the last keys of a sender hold; the one before them is forgotten, and sends anew', () => {
  const state = team() // its creation was under a key, too
  for (let key = 1; key < LIMITS.keysPerSenderMax; key++) run(state, send('alice', 100 + key))
  equal(run(state, change('alice', 1, ChangeAction.create, ['bob'], SERVER_LANE)), 'duplicate of 1')
  equal(run(state, send('alice', 101)), 'duplicate of 2')
  run(state, send('alice', 99))
  equal(run(state, change('alice', 1, ChangeAction.create, ['bob'], SERVER_LANE)), 'already-exists')
  equal(run(state, send('alice', 101)), 'duplicate of 2')
})

test('a refusal is not kept: the same key is decided anew', () => {
  const state = team()
  equal(run(state, send('carol', 7)), 'not-member')
  run(state, change('backend', 1, ChangeAction.invite, ['carol']))
  equal(run(state, send('carol', 7)), 'seq 3')
})

test('in the name of a user a server may what the user may', () => {
  const state = team()
  const asBob = (action: ChangeAction, users: string[]) => run(state, change('bob', 5, action, users, SERVER_LANE))
  equal(asBob(ChangeAction.kick, ['alice']), 'not-owner')
  equal(asBob(ChangeAction.invite, ['carol']), 'seq 2')
})

test('the app itself needs no membership, but a conversation that is there', () => {
  const state = conversation()
  const system = (key: number) => run(state, send('backend', key, 1, SYSTEM_LANE))
  equal(system(1), 'no-such-conversation')
  equal(run(state, change('backend', 1, ChangeAction.invite, ['bob'])), 'no-such-conversation')
  equal(run(state, change('backend', 2, ChangeAction.create, ['alice'])), 'seq 1')
  deepEqual([state.members.count, state.members.get('alice' as UserId)!.role], [1, 'member'])
  equal(system(1), 'seq 2')
  equal(run(state, change('backend', 3, ChangeAction.kick, ['alice'])), 'seq 3')
  equal(run(state, change('backend', 4, ChangeAction.leave, [])), 'not-member')
  equal(run(conversation(ActorKind.direct, 'alice\u001fbob'), send('backend', 1, 1, SYSTEM_LANE)), 'seq 1')
})

test("strangers who are refused do not push out a server's keys", () => {
  const state = team()
  equal(run(state, send('backend', 7, 1, SYSTEM_LANE)), 'seq 2')
  for (let n = 0; n <= LIMITS.strangerLanesMax; n++) state.members.entry(`stranger ${n}` as UserId)
  equal(run(state, send('backend', 7, 1, SYSTEM_LANE)), 'duplicate of 2')
})

test('what the app says is not read by the member who has the name of its token', () => {
  const state = conversation(ActorKind.direct, 'alice\u001fbob')
  run(state, send('alice', 1, 1, SYSTEM_LANE))
  equal(state.members.get('alice' as UserId)?.readSeq, 0)
  run(state, send('alice', 2, 1, SERVER_LANE))
  equal(state.members.get('alice' as UserId)?.readSeq, 2)
})
