import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { InboxFrame } from '../protocol/decoded-frame.js'
import { Inbox } from './inbox.js'

/** A step from `prev` to `version` in which `names` changed, all at the last version. */
function step(prev: number, version: number, names: readonly string[], more = false, incarnation = 1): InboxFrame {
  const state = {
    head: version,
    ordinal: version,
    time: 0,
    readSeq: 0,
    readOrdinal: 0,
    isMember: true,
    version,
    flags: 0,
    ...{ incarnation: 1, mentionSeq: 0, sinceSeq: 1 },
  }
  const entries = names.map((conversation) => ({ conversationKind: 2, conversation, ...state }))
  return { kind: 'inbox', ref: 0, incarnation, prev, version, entries, more, heads: [], headsNext: 0 }
}

function names(inbox: Inbox): string[] {
  return [...inbox.entries].map(({ conversation, version }) => `${conversation}@${version}`).sort()
}

describe('the inbox of a device', () => {
  test('takes the list, then each step', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    inbox.take(step(3, 4, ['tea']))
    deepEqual([inbox.cursor.version, inbox.isBehind, names(inbox)], [4, false, ['lunch@3', 'tea@4']])
  })

  test('a step that does not begin at the cursor moves nothing, and shows that one is missing', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    deepEqual(inbox.take(step(4, 5, ['tea'])), [])
    deepEqual([inbox.cursor.version, inbox.isBehind], [3, true])
    inbox.take(step(3, 5, ['lunch', 'tea']))
    deepEqual([inbox.cursor.version, inbox.isBehind], [5, false])
  })

  test('a beacon above the cursor shows that one is missing; at or below it, nothing', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    inbox.take(step(3, 3, []))
    equal(inbox.isBehind, false)
    inbox.take(step(4, 4, []))
    deepEqual([inbox.cursor.version, inbox.isBehind], [3, true])
  })

  test('an answer that was overtaken by steps does not turn the list back', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    inbox.take(step(3, 4, ['lunch']))
    deepEqual(inbox.take(step(1, 3, ['lunch'])), [])
    deepEqual([inbox.cursor.version, names(inbox)], [4, ['lunch@4']])
  })

  test('a list in pages is behind until its last', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 500, ['lunch'], true))
    equal(inbox.isBehind, true)
    inbox.take(step(500, 501, ['tea']))
    equal(inbox.isBehind, false)
  })

  test('another incarnation begins with a whole list, and what it does not name is gone', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 9, ['lunch', 'tea']))
    deepEqual(inbox.take(step(5, 6, ['tea'], false, 2)), [])
    deepEqual([inbox.cursor, inbox.isBehind], [{ incarnation: 1, version: 9 }, true])
    inbox.take(step(0, 6, ['tea'], false, 2))
    deepEqual([inbox.cursor, inbox.isBehind, names(inbox)], [{ incarnation: 2, version: 6 }, false, ['tea@6']])
  })

  test('an empty list is a list', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 0, []))
    deepEqual([inbox.cursor, inbox.isBehind], [{ incarnation: 1, version: 0 }, false])
  })

  const lunch = { conversationKind: 2, conversation: 'lunch' }
  const headOf = (inbox: Inbox) => [...inbox.entries].map(({ head, isMember }) => `${head}${isMember ? '' : ' left'}`)

  test('takes heads of large conversations by max, and moves no cursor', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    const told = { ...lunch, ordinal: 50, time: 7, isAway: false }
    deepEqual(
      inbox.takeHeads([{ ...told, head: 60 }]).map(({ head, version }) => [head, version]),
      [[60, 3]],
    )
    deepEqual(inbox.takeHeads([{ ...told, head: 59 }]), [])
    deepEqual(inbox.takeHeads([{ ...told, conversation: 'tea', head: 1 }]), [])
    deepEqual([headOf(inbox), inbox.cursor.version], [['60'], 3])
    inbox.take(step(3, 4, ['lunch']))
    deepEqual(headOf(inbox), ['60'], 'a record that was written before')
  })

  test('who was told of a head has come back, whatever an older record says of leaving; who left hears of none', () => {
    const inbox = new Inbox()
    inbox.take(step(0, 3, ['lunch']))
    inbox.takeHeads([{ ...lunch, head: 60, ordinal: 50, time: 7, isAway: false }])
    const leaving = step(3, 4, ['lunch'])
    inbox.take({ ...leaving, entries: leaving.entries.map((entry) => ({ ...entry, head: 20, isMember: false })) })
    deepEqual(headOf(inbox), ['60'])
    const gone = step(4, 5, ['lunch'])
    inbox.take({ ...gone, entries: gone.entries.map((entry) => ({ ...entry, head: 61, isMember: false })) })
    inbox.takeHeads([{ ...lunch, head: 62, ordinal: 51, time: 8, isAway: false }])
    deepEqual(headOf(inbox), ['61 left'])
  })
})
