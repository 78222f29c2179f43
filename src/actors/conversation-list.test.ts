import { deepEqual, equal, throws } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, test } from 'vitest'
import { ActorKind, type AppId } from '../domain/ids.js'
import type { HeadsFacts, MemberStateFacts } from '../protocol/heads-record.js'
import { ListFlag } from '../protocol/wire-numbers.js'
import { applyIncarnation, emptyConversation } from './conversation.js'
import { ConversationList } from './conversation-list.js'

const MARK = { conversationKind: 2, conversation: 'lunch', seq: 0, ordinal: 0, set: 0, flags: 0 }
const LUNCH = { app: 'demo', actorKind: 2, conversation: 'lunch', members: [] }

function heads(head: number, ordinal: number): HeadsFacts {
  return { ...LUNCH, head, ordinal, time: 1_000 + head, modeSeq: 0, isLarge: false, incarnation: 1, sinceSeq: 1 }
}

function ann(state: Partial<MemberStateFacts> = {}): MemberStateFacts {
  const read = { readSeq: 0, readOrdinal: 0, mentionSeq: 0 }
  return { user: 'ann', memberSeq: 1, joinOrdinal: 0, endOrdinal: 0, ...read, isMember: true, ...state }
}

/** Takes what is news, as a user shard does. */
function take(list: ConversationList, told: readonly [HeadsFacts, MemberStateFacts][]): void {
  for (const [facts, member] of told) if (list.isNews(facts, member)) list.apply(facts, member)
}

describe('a conversation list', () => {
  test('hears how to hear of a conversation by the seq that said it, in whatever order records come', () => {
    const list = new ConversationList()
    const large = { ...heads(9, 5), modeSeq: 8, isLarge: true }
    const small = { ...heads(12, 5), modeSeq: 12, isLarge: false }
    const largeNow = () => list.largeFrom(0, 10).map(({ conversation }) => conversation)
    take(list, [[large, ann()]])
    deepEqual(largeNow(), ['lunch'])
    take(list, [
      [small, ann()],
      [large, ann({ memberSeq: 11 })],
    ])
    deepEqual(largeNow(), [])
    take(list, [[{ ...large, head: 20, modeSeq: 20 }, ann({ memberSeq: 20, isMember: false })]])
    deepEqual(largeNow(), [], 'of what one has left, one asks no head')
  })

  test('counts as unread what came after joining and after what one wrote oneself', () => {
    const list = new ConversationList()
    list.apply(heads(9, 7), ann({ memberSeq: 5, joinOrdinal: 4 }))
    const entry = list.get(2, 'lunch')!
    equal(entry.ordinal - entry.readOrdinal, 3)
    list.apply(heads(11, 9), ann({ memberSeq: 5, joinOrdinal: 4, readSeq: 10, readOrdinal: 8 }))
    equal(entry.ordinal - entry.readOrdinal, 1)
  })

  test('ends at the event that let the user out', () => {
    const list = new ConversationList()
    list.apply(heads(9, 7), ann())
    list.apply(heads(30, 25), ann({ memberSeq: 12, endOrdinal: 9, isMember: false }))
    const { head, ordinal, isMember, time } = list.get(2, 'lunch')!
    deepEqual({ head, ordinal, isMember, time }, { head: 12, ordinal: 9, isMember: false, time: 1_009 })
  })

  test('a marker that came before its message counts all of it as read, whatever ordinal it could name', () => {
    const list = new ConversationList()
    list.apply(heads(46, 46), ann())
    list.mark({ ...MARK, seq: 50, ordinal: 47 })
    const entry = list.apply(heads(50, 50), ann({ readSeq: 50, readOrdinal: 50 }))
    equal(entry.ordinal - entry.readOrdinal, 0)
    list.mark({ ...MARK, seq: 52, ordinal: 51 })
    list.apply(heads(53, 53), ann({ readSeq: 52, readOrdinal: 52 }))
    equal(entry.ordinal - entry.readOrdinal, 1)
  })

  test('a mention is news, and stays by max', () => {
    const list = new ConversationList()
    list.apply(heads(9, 7), ann({ mentionSeq: 5 }))
    equal(list.isNews(heads(9, 7), ann({ mentionSeq: 4 })), false)
    equal(list.isNews(heads(9, 7), ann({ mentionSeq: 8 })), true)
    equal(list.apply(heads(9, 7), ann({ mentionSeq: 8 })).mentionSeq, 8)
  })

  test('of a conversation that gives seqs again only what lies below them is left, and an owner of before says nothing', () => {
    const list = new ConversationList()
    list.apply(heads(50, 50), ann({ memberSeq: 45, readSeq: 48, readOrdinal: 48, mentionSeq: 47 }))
    list.mark({ ...MARK, set: ListFlag.muted, flags: ListFlag.muted })
    const anew = { ...heads(43, 43), incarnation: 2, sinceSeq: 41 }
    equal(list.isNews(anew, ann()), true)
    const { head, readSeq, readOrdinal, mentionSeq, memberSeq, flags } = list.apply(anew, ann())
    deepEqual([head, readSeq, readOrdinal, mentionSeq, memberSeq, flags], [43, 40, 42, 0, 1, ListFlag.muted])
    equal(list.isNews(heads(60, 60), ann()), false)
  })

  test('of a conversation that gave seqs again twice nothing is left that the first loss took', () => {
    const list = new ConversationList()
    list.apply(heads(50, 50), ann({ memberSeq: 45, readSeq: 48, readOrdinal: 48 }))
    const state = emptyConversation({ app: 'demo' as AppId, kind: ActorKind.group, id: 'lunch' })
    for (const [incarnation, seq] of [
      [1, 1],
      [2, 41],
      [3, 47],
    ] as const)
      applyIncarnation(state, incarnation, seq)
    const { incarnation, sinceSeq } = state
    const { memberSeq, readSeq } = list.apply({ ...heads(47, 47), incarnation, sinceSeq }, ann())
    deepEqual([sinceSeq, memberSeq, readSeq], [41, 1, 40])
  })

  test('of a conversation that has lost nothing the list heard of, everything is left', () => {
    const list = new ConversationList()
    list.apply(heads(40, 40), ann({ memberSeq: 5, mentionSeq: 39 }))
    list.mark({ ...MARK, seq: 38, ordinal: 38 })
    const entry = list.apply({ ...heads(41, 41), incarnation: 2, sinceSeq: 41 }, ann({ memberSeq: 5 }))
    deepEqual([entry.head, entry.readSeq, entry.mentionSeq, entry.ordinal - entry.readOrdinal], [41, 38, 39, 3])
  })

  test('a mark that says what is so already makes no version', () => {
    const list = new ConversationList()
    list.apply(heads(3, 3), ann())
    list.mark({ ...MARK, seq: 3, ordinal: 3, set: ListFlag.muted, flags: ListFlag.muted })
    equal(list.version, 2)
    list.mark({ ...MARK, seq: 2, ordinal: 2, set: ListFlag.unread | ListFlag.muted, flags: ListFlag.muted })
    equal(list.version, 2)
    list.mark({ ...MARK, set: ListFlag.muted })
    equal(list.version, 3)
  })

  test('is the same whatever order records come in, and however often', () => {
    const told: [HeadsFacts, MemberStateFacts][] = [
      [heads(3, 2), ann()],
      [heads(7, 5), ann({ readSeq: 7, readOrdinal: 5 })],
      [heads(9, 6), ann({ memberSeq: 8, endOrdinal: 5, readSeq: 7, readOrdinal: 5, isMember: false })],
      [heads(14, 9), ann({ memberSeq: 12, joinOrdinal: 8, readSeq: 7, readOrdinal: 5 })],
      [heads(15, 10), ann({ memberSeq: 12, joinOrdinal: 8, readSeq: 7, readOrdinal: 5 })],
    ]
    const factsOf = (list: ConversationList) => {
      const { head, ordinal, memberSeq, isMember, readSeq, readOrdinal } = list.get(2, 'lunch')!
      return { head, ordinal, memberSeq, isMember, readSeq, readOrdinal }
    }
    const inOrder = new ConversationList()
    take(inOrder, told)
    fc.assert(
      fc.property(fc.shuffledSubarray([...told, ...told], { minLength: 10 }), (shuffled) => {
        const list = new ConversationList()
        take(list, shuffled)
        deepEqual(factsOf(list), factsOf(inOrder))
      }),
    )
  })

  test('names its changes in the order of the last one of each entry', () => {
    const list = new ConversationList()
    list.apply(heads(1, 1), ann())
    list.apply({ ...heads(1, 1), conversation: 'tea' }, ann())
    list.apply(heads(2, 2), ann())
    const namesAfter = (version: number, limit = 9) =>
      list.changedAfter(version, limit).map(({ conversation }) => conversation)
    deepEqual([namesAfter(0), namesAfter(2), namesAfter(3)], [['tea', 'lunch'], ['lunch'], []])
    deepEqual(namesAfter(0, 1), ['tea'])
    list.apply({ ...heads(5, 5), conversation: 'tea' }, ann())
    list.apply({ ...heads(1, 1), conversation: 'cake' }, ann())
    deepEqual(namesAfter(2), ['lunch', 'tea', 'cake'])
  })

  test('no news is not applied', () => {
    const list = new ConversationList()
    list.apply(heads(2, 2), ann())
    equal(list.isNews(heads(1, 1), ann()), false)
    throws(() => list.apply(heads(1, 1), ann()), /no news/)
    equal(list.version, 1)
  })
})
