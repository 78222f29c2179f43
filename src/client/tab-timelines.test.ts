/** What a tab reads of what it missed. */
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { SYSTEM_CLOCK } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import type { HistoryOutcome } from './history-reads.js'
import type { HeldConversation } from './journal.js'
import { TabTimelines } from './tab-timelines.js'

const REFUSED: HistoryOutcome = {
  kind: 'refused',
  refusal: {
    ...{ kind: 'refusal', ref: 0, n: 0, code: 1401, retryAfterMs: 0, expected: 0 },
    ...{ name: 'not-member', advice: '' },
  },
}

class Reader {
  readonly reads: { readonly id: string; readonly anchor: number; done(outcome: HistoryOutcome): void }[] = []
  readonly timelines = new TabTimelines({
    clock: SYSTEM_CLOCK,
    recentMax: 100,
    shown: () => {},
    read: ({ id }, { anchor }, done) => this.reads.push({ id, anchor, done }),
  })

  get ids(): string[] {
    return this.reads.map(({ id }) => id)
  }

  meet(...held: readonly [id: string, seq: number][]): void {
    this.timelines.meet(held.map(([id, seq]): HeldConversation => ({ name: nameOf(id), held: seq, isFollowed: true })))
  }
}

test('of all that it is behind in, it reads four at a time', () => {
  const reader = new Reader()
  reader.meet(...Array.from({ length: 10 }, (_, each): [string, number] => [`${each}`, 5]))
  deepEqual(reader.ids, ['0', '1', '2', '3'])
  const covered = { from: 1, completeTo: 5, head: 5 }
  for (let each = 0; each < reader.reads.length; each++) {
    reader.reads[each]!.done({ kind: 'read', events: [], ...covered })
    equal(reader.reads.length, Math.min(10, each + 5))
  }
  equal(new Set(reader.ids).size, 10)
})

test('a refusal is about what was known when it was asked, not about what came since', () => {
  const reader = new Reader()
  reader.meet(['a', 5])
  reader.meet(['a', 8])
  reader.reads[0]!.done(REFUSED)
  deepEqual(
    reader.reads.map(({ anchor }) => anchor),
    [0, 5],
  )
})

function nameOf(id: string): ConversationName {
  return { kind: 2, id }
}
