import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import type { InboxFrame } from '../protocol/decoded-frame.js'
import { Inbox } from './inbox.js'
import { InboxSync } from './inbox-sync.js'
import { FORGETFUL } from './journal.js'
import type { Asked } from './link.js'

const STATE = {
  head: 1,
  ordinal: 1,
  time: 0,
  readSeq: 0,
  readOrdinal: 0,
  isMember: true,
  flags: 0,
  incarnation: 1,
  mentionSeq: 0,
  sinceSeq: 1,
}

function page(prev: number, version: number, more: boolean, incarnation = 1): InboxFrame {
  const entries = [{ conversationKind: 2, conversation: `at ${version}`, ...STATE, version }]
  return { kind: 'inbox', ref: 1, incarnation, prev, version, entries, more, heads: [], headsNext: 0 }
}

/** A device and a server that answers with these pages; tells which entries came as those of a first list. */
function listedOf(pages: readonly InboxFrame[], inbox = new Inbox()): string[] {
  const listed: string[] = []
  let asked: Asked | undefined
  const sync = new InboxSync({
    inbox,
    journal: FORGETFUL,
    ask: (_, question) => {
      asked = question
    },
    later: () => {},
    restarted: () => {
      listed.push('restarted')
    },
    lost: ({ conversation, sinceSeq }) => {
      listed.push(`${conversation} lost from ${sinceSeq}`)
    },
    listed: (entries, isFirst) =>
      listed.push(...entries.map(({ conversation }) => `${conversation}${isFirst ? ' first' : ''}`)),
    refused: () => {},
    caughtUp: () => {},
  })
  sync.resume()
  for (const answer of pages) asked?.answered(answer)
  return listed
}

test('all pages of a first list are its, also where the program ended between two; what comes then is news', () => {
  const inbox = new Inbox()
  deepEqual(listedOf([page(0, 500, true)], inbox), ['at 500 first'])
  const again = new Inbox({ cursor: inbox.cursor, entries: [...inbox.entries] })
  deepEqual(listedOf([page(500, 900, true), page(900, 950, false), page(950, 951, false)], again), [
    'at 900 first',
    'at 950 first',
    'at 951',
  ])
})

test('a list that begins anew is a first one again', () => {
  const inbox = new Inbox()
  listedOf([page(0, 3, false)], inbox)
  deepEqual(listedOf([page(0, 500, true, 2), page(500, 501, false, 2), page(501, 502, false, 2)], inbox), [
    'restarted',
    'at 500 first',
    'at 501 first',
    'at 502',
  ])
})

test('a conversation that has lost events says from where on', () => {
  const inbox = new Inbox()
  listedOf([page(0, 3, false)], inbox)
  const raised = page(3, 4, false)
  const entries = [{ ...raised.entries[0]!, conversation: 'at 3', incarnation: 2, sinceSeq: 7 }]
  deepEqual(listedOf([{ ...raised, entries }], inbox), ['at 3 lost from 7', 'at 3'])
  deepEqual(listedOf([{ ...page(4, 5, false), entries: [{ ...entries[0]!, version: 5 }] }], inbox), ['at 3'])
})

test('heads of large conversations are asked for behind the list, page by page, and again where an owner was away', () => {
  const inbox = new Inbox()
  const asked: { readonly headsFrom: number; readonly question: Asked }[] = []
  const later: (() => void)[] = []
  const sync = new InboxSync({
    inbox,
    journal: FORGETFUL,
    ask: (frameOf, question) => {
      const frame = frameOf(1)
      asked.push({ headsFrom: frame.kind === 'resume' ? frame.headsFrom : -1, question })
    },
    later: (_, run) => later.push(run),
    restarted: () => {},
    lost: () => {},
    listed: () => {},
    refused: () => {},
    caughtUp: () => {},
  })
  const head = { conversationKind: 2, conversation: 'at 3', head: 60, ordinal: 50, time: 7 }
  const heads = (isAway: boolean, headsNext: number): InboxFrame => {
    return { ...page(0, 0, false, 0), entries: [], heads: [{ ...head, isAway }], headsNext }
  }
  sync.resume()
  asked[0]!.question.answered({ ...page(0, 3, false), headsNext: 1 })
  asked[1]!.question.answered(heads(true, 501))
  asked[2]!.question.answered(heads(false, 0))
  deepEqual([asked.map(({ headsFrom }) => headsFrom), sync.isSettled, later.length], [[0, 1, 501], false, 1])
  later[0]!()
  asked[3]!.question.answered(heads(false, 0))
  deepEqual([asked[3]!.headsFrom, sync.isSettled, [...inbox.entries].map((entry) => entry.head)], [1, true, [60]])
})
