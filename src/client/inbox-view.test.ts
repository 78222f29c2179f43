import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { encodeContent } from '../protocol/content.js'
import type { EventFrame, InboxEntryFacts } from '../protocol/decoded-frame.js'
import { EventKind, ListFlag } from '../protocol/wire-numbers.js'
import { InboxView } from './inbox-view.js'

const LUNCH = { kind: 2, id: 'lunch' } as const

function entry(head: number, ordinal: number, readOrdinal: number, isMember = true): InboxEntryFacts {
  const place = {
    conversationKind: LUNCH.kind,
    conversation: LUNCH.id,
    time: 100 + head,
    readSeq: 0,
    version: head,
    flags: 0,
    ...{ incarnation: 1, mentionSeq: 0, sinceSeq: 1 },
  }
  return { ...place, head, ordinal, readOrdinal, isMember }
}

function event(seq: number, ordinal: number, from: string): EventFrame {
  const name = { conversationKind: LUNCH.kind, conversation: LUNCH.id }
  return { ...name, seq, ordinal, from, time: 100 + seq, eventKind: EventKind.message } as unknown as EventFrame
}

function stands(view: InboxView): [head: number, unread: number][] {
  return view.entries().map(({ head, unread }) => [head, unread])
}

test('what is heard counts before the list says so, and once', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 2)])
  deepEqual(view.heard(event(4, 3, 'bob'), 'alice'), {
    ...{ conversation: LUNCH, head: 4, time: 104 },
    ...{
      unread: 1,
      isMember: true,
      isMentioned: false,
      mentionSeq: 0,
      isMarkedUnread: false,
      isMuted: false,
      isPinned: false,
      isHidden: false,
    },
  })
  equal(view.heard(event(4, 3, 'bob'), 'alice'), undefined)
  view.listed([entry(4, 3, 2)])
  deepEqual(stands(view), [[4, 1]])
})

test('a step from before what was heard changes nothing of it', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 2)])
  view.heard(event(5, 4, 'bob'), 'alice')
  view.listed([entry(4, 3, 2)])
  deepEqual(stands(view), [[5, 2]])
})

test('who writes has read, from here or from another device', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 0)])
  view.wrote(LUNCH, 6, 106)
  deepEqual(stands(view), [[6, 0]])
  view.heard(event(7, 9, 'bob'), 'alice')
  view.heard(event(8, 10, 'alice'), 'alice')
  deepEqual(stands(view), [[8, 0]])
})

test('after leaving the entry stays where the list says', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 2)])
  view.heard(event(5, 4, 'bob'), 'alice')
  view.listed([entry(4, 2, 2, false)])
  deepEqual(
    view.entries().map(({ head, isMember }) => [head, isMember]),
    [[4, false]],
  )
})

test('a conversation that the list does not know is left to the list', () => {
  const view = new InboxView()
  equal(view.heard(event(4, 3, 'bob'), 'alice'), undefined)
  deepEqual(view.entries(), [])
})

test('what is marked here counts at once, and a step from before does not take it back', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 0)])
  view.marked({ conversation: LUNCH, incarnation: 1, seq: 3, ordinal: 2, set: 5, flags: 4 })
  const [now] = view.entries()
  deepEqual([now!.unread, now!.isPinned, now!.isMuted], [0, true, false])
  view.listed([entry(4, 3, 0)])
  deepEqual(stands(view), [[4, 1]])
})

test("after one's own message the next of another is the only one unread, however many lay between", () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 2)])
  view.wrote(LUNCH, 50, 150)
  view.heard(event(51, 48, 'bob'), 'alice')
  deepEqual(stands(view), [[51, 1]])
})

test('there is nothing to mark where all is read, unless it was marked unread by hand', () => {
  const view = new InboxView()
  view.listed([entry(3, 2, 2)])
  deepEqual(view.place(LUNCH), { seq: 3, ordinal: 2 })
  view.marked({ conversation: LUNCH, incarnation: 1, seq: 3, ordinal: 2, set: 0, flags: 0 })
  equal(view.place(LUNCH), undefined)
  view.wrote(LUNCH, 5, 105)
  equal(view.place(LUNCH), undefined)
  view.marked({ conversation: LUNCH, incarnation: 1, seq: 0, ordinal: 0, set: ListFlag.unread, flags: ListFlag.unread })
  equal(view.place(LUNCH)?.seq, 5)
})

test('when history begins anew, nothing of the one before is left', () => {
  const view = new InboxView()
  view.listed([entry(9, 9, 9)])
  view.heard(event(10, 10, 'bob'), 'alice')
  view.restart()
  deepEqual(view.entries(), [])
  view.listed([entry(4, 4, 1)])
  deepEqual(stands(view), [[4, 3]])
})

test('who is mentioned hears so at once, until they have read it', () => {
  const view = new InboxView()
  view.listed([{ ...entry(3, 2, 2), mentionSeq: 1, readSeq: 3 }])
  const shown = () => view.entries().map(({ isMentioned, mentionSeq }) => [isMentioned, mentionSeq])
  deepEqual(shown(), [[false, 1]])
  const content = encodeContent({ messageId: 1n, mentions: ['bob', 'alice'] })
  view.heard({ ...event(4, 3, 'bob'), content }, 'alice')
  view.heard(event(5, 4, 'bob'), 'alice')
  deepEqual(shown(), [[true, 4]])
  view.listed([{ ...entry(5, 4, 2), mentionSeq: 4, readSeq: 3 }])
  deepEqual(shown(), [[true, 4]])
  view.wrote(LUNCH, 6, 106)
  deepEqual(shown(), [[false, 4]])
})
