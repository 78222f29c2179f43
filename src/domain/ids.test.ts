import { deepEqual, equal, notEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import {
  ActorKind,
  actorKey,
  CONVERSATION_ID_BYTES_MAX,
  directId,
  ID_BYTES_MAX,
  isConversationId,
  isId,
  parseActorKey,
  shardOf,
  type UserId,
  usersOfDirect,
} from './ids.js'

const user = (text: string) => text as UserId

describe('isId()', () => {
  test('takes 1 to 64 bytes of UTF-8, counted as bytes and not as characters', () => {
    equal(isId('', ID_BYTES_MAX), false)
    equal(isId('a', ID_BYTES_MAX), true)
    equal(isId('a'.repeat(64), ID_BYTES_MAX), true)
    equal(isId('a'.repeat(65), ID_BYTES_MAX), false)
    equal(isId('é'.repeat(32), ID_BYTES_MAX), true)
    equal(isId('é'.repeat(32) + 'a', ID_BYTES_MAX), false)
    equal(isId('😀'.repeat(16), ID_BYTES_MAX), true)
    equal(isId('😀'.repeat(16) + 'a', ID_BYTES_MAX), false)
  })

  test('refuses control characters, which keys join ids with, and takes their neighbours', () => {
    for (const control of ['\u0000', '\u0001', '\n', '\u001f', '\u007f'])
      equal(isId(`a${control}b`, ID_BYTES_MAX), false)
    for (const plain of [' ', '\u007e', '\u0080']) equal(isId(`a${plain}b`, ID_BYTES_MAX), true)
  })

  test('refuses a byte order mark at the front, and only there', () => {
    equal(isId('\ufeffalice', ID_BYTES_MAX), false)
    equal(isId('alice\ufeff', ID_BYTES_MAX), true)
  })

  test('refuses half a character, which UTF-8 cannot carry', () => {
    for (const half of ['\ud800', '\udbff', '\udc00', '\udfff', '\ude00\ud83d'])
      equal(isId(`a${half}`, ID_BYTES_MAX), false)
    for (const whole of ['\ud83d\ude00', '\ud7ff', '\ue000', '\ufffd']) equal(isId(`a${whole}`, ID_BYTES_MAX), true)
  })
})

describe('direct conversations', () => {
  test('have one id for both orders, sorted by bytes where UTF-16 sorts otherwise', () => {
    equal(directId(user('bob'), user('alice')), 'alice\u001fbob')
    equal(directId(user('alice'), user('bob')), 'alice\u001fbob')
    // U+FF5E is EF BD 9E, U+1F600 is F0 …; as UTF-16, D83D comes before FF5E.
    equal(directId(user('😀'), user('～')), '～\u001f😀')
  })

  test('name their users, and no other spelling of the pair does', () => {
    deepEqual(usersOfDirect('alice\u001fbob'), ['alice', 'bob'])
    deepEqual(usersOfDirect('bob\u001fbob'), ['bob', 'bob'])
    for (const id of ['bob\u001falice', 'alice', '\u001fbob', 'alice\u001f', 'a\u001fb\u001fc', '\ufeffa\u001fb']) {
      equal(usersOfDirect(id), undefined, JSON.stringify(id))
    }
  })

  test('take users of 64 bytes each, and no more', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]
    equal(isConversationId(ActorKind.direct, `${a}\u001f${b}`), true)
    equal(isConversationId(ActorKind.direct, `${a}\u001f${b}b`), false)
  })

  test('any pair of users comes back from their id', () => {
    const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((text) => isId(text, ID_BYTES_MAX))
    fc.assert(
      fc.property(id, id, (a, b) => {
        const direct = directId(user(a), user(b))
        equal(directId(user(b), user(a)), direct)
        deepEqual([...usersOfDirect(direct)!].sort(), [a, b].sort())
      }),
    )
  })
})

test('other conversations have ids of up to 128 bytes, and an inbox is none', () => {
  for (const kind of [ActorKind.group, ActorKind.channel, ActorKind.room]) {
    equal(isConversationId(kind, 'c'.repeat(CONVERSATION_ID_BYTES_MAX)), true)
    equal(isConversationId(kind, 'c'.repeat(CONVERSATION_ID_BYTES_MAX + 1)), false)
    equal(isConversationId(kind, 'a\u001fb'), false)
  }
  equal(isConversationId(ActorKind.inbox, 'alice'), false)
})

test('an actor key gives back the name that it was made of, and tells tenants and kinds apart', () => {
  const key = actorKey('demo', ActorKind.direct, 'alice\u001fbob')
  deepEqual(parseActorKey(key), { app: 'demo', kind: ActorKind.direct, id: 'alice\u001fbob' })
  notEqual(actorKey('a', ActorKind.group, 'x'), actorKey('a', ActorKind.channel, 'x'))
  notEqual(actorKey('a', ActorKind.group, 'x'), actorKey('b', ActorKind.group, 'x'))
})

test('shards spread over their whole range, and stay within it', () => {
  const found = new Set<number>()
  for (let at = 0; at < 2_000; at++) found.add(shardOf(actorKey('demo', ActorKind.group, `team-${at}`), 16))
  deepEqual(
    [...found].sort((a, b) => a - b),
    Array.from({ length: 16 }, (_, shard) => shard),
  )
})
