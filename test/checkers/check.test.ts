import { deepEqual, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { CHECKERS, check } from './check.js'
import type { EventFacts, HistoryLine, InboxItem, LoggedLine, RowLine } from './history.js'

/** alice makes a group with bob, both say something, alice kicks bob, alice says more. */
const EVENTS: readonly EventFacts[] = [
  event(1, 'created', 'alice', 1, { users: ['alice', 'bob'] }),
  event(2, 'message', 'alice', 2, { message: 'm1' }),
  event(3, 'message', 'bob', 1, { message: 'm2' }),
  event(4, 'kicked', 'alice', 3, { users: ['bob'] }),
  event(5, 'message', 'alice', 5, { message: 'm3' }),
]

const ROW: RowLine = {
  type: 'row',
  conversation: 'lunch',
  head: 5,
  ordinal: 3,
  memberSeq: 4,
  members: [
    { user: 'bob', intervals: [{ from: 1, to: 4 }], lanes: [{ device: 'phone', lane: 1, last: 1 }], readSeq: 3 },
    { user: 'alice', intervals: [{ from: 1 }], lanes: [{ device: 'phone', lane: 1, last: 5 }], readSeq: 5 },
  ],
}

const GOOD: readonly HistoryLine[] = [
  invoked(0, 'alice', 'c1', 'create'),
  acked(1, 'alice', 'c1', 1, 1),
  invoked(2, 'alice', 'm1'),
  acked(3, 'alice', 'm1', 2, 2),
  invoked(4, 'bob', 'm2'),
  acked(5, 'bob', 'm2', 1, 3),
  invoked(6, 'alice', 'k1', 'kick'),
  acked(7, 'alice', 'k1', 3, 4),
  invoked(7.1, 'alice', 'i1', 'invite'),
  { type: 'refused', at: 7.2, client: 'alice/phone', conversation: 'lunch', command: 'i1', code: 1115 },
  invoked(8, 'alice', 'm3'),
  acked(9, 'alice', 'm3', 5, 5),
  invoked(9.1, 'bob', 'm4'),
  { type: 'unknown', at: 9.2, client: 'bob/phone', command: 'm4' },
  ...EVENTS.flatMap((each) => seen(each, 'alice')),
  ...EVENTS.slice(0, 4).flatMap((each) => seen(each, 'bob')),
  { type: 'skipped', at: 10, client: 'bob/phone', user: 'bob', conversation: 'lunch', from: 5, to: 5 },
  { type: 'settled', at: 10, client: 'alice/phone', user: 'alice', conversation: 'lunch', from: 1 },
  { type: 'settled', at: 10, client: 'bob/phone', user: 'bob', conversation: 'lunch', from: 1 },
  ...EVENTS.slice(0, 4).map(logged),
  { type: 'spent', conversation: 'lunch', from: 'alice', device: 'phone', lane: 1, n: 4, code: 1115 },
  logged(EVENTS[4]!),
  ...EVENTS.map((each): HistoryLine => ({ ...each, type: 'stored' })),
  ROW,
  listed('bob', { head: 3, ordinal: 2, readOrdinal: 2, isMember: true, flags: 0, mentionSeq: 0 }),
  listed('bob', { head: 4, ordinal: 2, readOrdinal: 2, isMember: false, flags: 0, mentionSeq: 0 }),
  mark({ n: 1, set: 6, flags: 6 }),
  mark({ n: 2, set: 2, flags: 0 }),
  { ...mark({ n: 2, set: 2, flags: 0 }), type: 'mark acked', at: 10 },
  inbox('alice', { head: 5, ordinal: 3, readOrdinal: 3, isMember: true, flags: 4, mentionSeq: 0 }),
  inbox('bob', { head: 4, ordinal: 2, readOrdinal: 2, isMember: false, flags: 0, mentionSeq: 0 }),
]

test('a good history is accepted', () => deepEqual(check(GOOD), []))

function inbox(user: string, item: Omit<InboxItem, 'conversation'>): HistoryLine {
  return { type: 'inbox', at: 11, client: `${user}/phone`, user, items: [{ conversation: 'lunch', ...item }] }
}

function mark(said: { n: number; set: number; flags: number }): Line<'marked'> {
  const place = { user: 'alice', device: 'phone', lane: 1, conversation: 'lunch', seq: 2, ordinal: 1 }
  return { type: 'marked', ...place, ...said }
}

function onMarked(type: 'marked' | 'mark acked', n: number, change: (line: Line<'marked'>) => object[]) {
  return (line: HistoryLine) => (line.type === type && line.n === n ? (change(line as never) as HistoryLine[]) : [line])
}

function listed(user: string, item: Omit<InboxItem, 'conversation'>): HistoryLine {
  return { type: 'listed', at: 10, client: `${user}/phone`, user, conversation: 'lunch', ...item }
}

/** Changes what bob's list said at this head. */
function onListed(head: number, change: Partial<InboxItem>): (line: HistoryLine) => HistoryLine[] {
  return (line) => (line.type === 'listed' && line.head === head ? [{ ...line, ...change }] : [line])
}

function changedItem(user: string, change: Partial<InboxItem>): (line: HistoryLine) => HistoryLine[] {
  return (line) =>
    line.type === 'inbox' && line.user === user ? [{ ...line, items: [{ ...line.items[0]!, ...change }] }] : [line]
}

/** What was done to the good history → the checker that must notice. */
const BAD: readonly [checker: keyof typeof CHECKERS, what: string, change: (line: HistoryLine) => HistoryLine[]][] = [
  ['acks', 'an acked message is at another seq', on('acked', 'm1', (line) => [{ ...line, seq: 3 }])],
  ['acks', 'an acked message is nowhere', on('acked', 'm3', (line) => [{ ...line, seq: 9 }])],
  ['acks', 'a change was acked under another n', on('acked', 'k1', (line) => [{ ...line, n: 9 }])],
  [
    'acks',
    'an ack without a seq, and no such message',
    on('acked', 'm3', (line) => [{ ...line, seq: undefined, command: 'i1' } as never]),
  ],
  ['acks', 'an ack that nobody asked for', on('invoked', 'm1', () => [])],
  [
    'refusals',
    'a refused message is in the log',
    on('acked', 'm1', ({ lane: _, n: __, ...line }) => [{ ...line, type: 'refused', code: 1401 } as never]),
  ],
  ['answers', 'a command was never answered', on('acked', 'm1', () => [])],
  ['timelines', 'a seq is missing', onLogged(3, () => [])],
  ['timelines', 'a seq comes twice', onLogged(3, (line) => [line, line])],
  ['timelines', 'time goes back', onLogged(3, (line) => [{ ...line, time: 1 }])],
  ['timelines', 'a message is not counted', onLogged(3, (line) => [{ ...line, ordinal: 1 }])],
  ['timelines', 'it is made small, which it is', onLogged(3, (line) => [line, { ...line, seq: 4, kind: 'small' }])],
  ['timelines', 'a kick does not move memberSeq', onLogged(4, (line) => [{ ...line, memberSeq: 1 }])],
  ['sender order', 'what began after an ack is below it', on('invoked', 'm1', (line) => [{ ...line, at: 9.5 }])],
  [
    'sender order',
    'a client that sent m3 first finds m1 before it',
    (line) =>
      line.type === 'invoked' && line.command === 'm1'
        ? [{ ...line, command: 'm3' }]
        : line.type === 'invoked' && line.command === 'm3'
          ? [{ ...line, command: 'm1' }]
          : line.type === 'acked'
            ? []
            : [line],
  ],
  ['once', 'a message is in the log twice', onLogged(5, (line) => [line, { ...line, seq: 6, n: 6 }])],
  ['once', 'a place in a lane is in the log twice', onLogged(5, (line) => [line, { ...line, seq: 6, message: 'm9' }])],
  ['lanes', 'an n was jumped over', (line) => (line.type === 'spent' ? [] : [line])],
  ['received', 'a device received what the log has not', on('received', 5, (line) => [{ ...line, seq: 6 }])],
  ['received', 'a device received another message there', on('received', 2, (line) => [{ ...line, message: 'm9' }])],
  ['received', 'a device received other bytes', on('received', 2, (line) => [{ ...line, digest: 9 }])],
  [
    'visibility',
    'a kicked member received what came later',
    on('received', 5, (line) => [line, { ...line, client: 'bob/phone', user: 'bob' }]),
  ],
  [
    'skips',
    'a skip covers what its receiver may see',
    (line) => (line.type === 'skipped' ? [{ ...line, from: 4 }] : [line]),
  ],
  ['views', 'a view goes back', on('shown', 3, (line) => [line, { ...line, seq: 2 }])],
  ['views', 'a view repeats', on('shown', 3, (line) => [line, line])],
  ['views', 'a view has a silent gap', on('shown', 3, () => [])],
  ['views', 'a view shows what never came', on('received', 3, () => [])],
  ['completeness', 'the last event never came', on('shown', 5, () => [])],
  ['completeness', 'the range before the first event never came', on('shown', 1, () => [])],
  ['listed', 'a head above the log', onListed(4, { head: 6 })],
  ['listed', 'a head goes back', onListed(4, { head: 2, ordinal: 1, isMember: true, flags: 0, mentionSeq: 0 })],
  ['listed', 'a marker goes back', onListed(4, { readOrdinal: 1 })],
  ['listed', 'an ordinal of another head', onListed(3, { ordinal: 1 })],
  ['listed', 'a member before and after being thrown out', onListed(4, { isMember: true, flags: 0, mentionSeq: 0 })],
  ['listed', 'a head from after being thrown out', onListed(4, { head: 5, ordinal: 3 })],
  ['marks', 'an acked mark is nowhere', onMarked('mark acked', 2, (line) => [{ ...line, n: 3 }])],
  ['marks', 'an acked mark is another', onMarked('mark acked', 2, (line) => [{ ...line, flags: 2 }])],
  ['marks', 'a mark is in the log twice', onMarked('marked', 1, (line) => [line, line])],
  ['marks', 'a mark is missing before another', onMarked('marked', 1, () => [])],
  ['inboxes', 'a setting is forgotten', changedItem('alice', { flags: 0 })],
  ['inboxes', 'an older setting came back', changedItem('alice', { flags: 6 })],
  ['inboxes', 'a list is one message behind', changedItem('alice', { head: 4, ordinal: 2 })],
  ['inboxes', 'what a user wrote is unread', changedItem('alice', { readOrdinal: 2 })],
  ['inboxes', 'a mention was forgotten', changedItem('alice', { mentionSeq: 3 })],
  ['inboxes', 'who was thrown out learns what came after', changedItem('bob', { head: 5, ordinal: 3 })],
  [
    'inboxes',
    'who was thrown out looks like a member',
    changedItem('bob', { isMember: true, flags: 0, mentionSeq: 0 }),
  ],
  ['inboxes', 'a conversation is missing', (line) => (line.type === 'inbox' ? [{ ...line, items: [] }] : [line])],
  ['stored events', 'a stored event differs', onStored(3, (line) => [{ ...line, digest: 9 }])],
  ['stored events', 'the store has a hole', onStored(3, () => [])],
  ['stored events', 'the store has more than the log', onStored(5, (line) => [line, { ...line, seq: 6 }])],
  ['rows', 'a row misses the last batch', (line) => (line.type === 'row' ? [{ ...line, head: 4 }] : [line])],
  [
    'rows',
    'a row forgot a lane',
    (line) =>
      line.type === 'row' ? [{ ...line, members: line.members.map((member) => ({ ...member, lanes: [] })) }] : [line],
  ],
  [
    'rows',
    'a row forgot that somebody went',
    (line) =>
      line.type === 'row'
        ? [{ ...line, members: line.members.map((member) => ({ ...member, intervals: [{ from: 1 }] })) }]
        : [line],
  ],
]

describe('every checker rejects bad histories', () => {
  for (const [checker, what, change] of BAD) {
    test(`${checker}: ${what}`, () => {
      const found = check(GOOD.flatMap(change)).map((violation) => violation.checker)
      ok(found.includes(checker), `found by ${found}`)
    })
  }

  test('none is without one', () => {
    deepEqual([...new Set(BAD.map(([checker]) => checker))], Object.keys(CHECKERS))
  })
})

type Line<Type extends HistoryLine['type']> = Extract<HistoryLine, { type: Type }>

/** Changes the lines of a type that speak of a command, or of a seq. */
function on<Type extends HistoryLine['type']>(
  type: Type,
  which: string | number,
  change: (line: Line<Type>) => HistoryLine[],
): (line: HistoryLine) => HistoryLine[] {
  const key = typeof which === 'string' ? 'command' : 'seq'
  return (line) =>
    line.type === type && (line as unknown as Record<string, unknown>)[key] === which
      ? change(line as Line<Type>)
      : [line]
}

function onLogged(seq: number, change: (line: Line<'logged'>) => HistoryLine[]) {
  return on('logged', seq, change)
}

function onStored(seq: number, change: (line: Line<'stored'>) => HistoryLine[]) {
  return on('stored', seq, change)
}

function event(
  seq: number,
  kind: EventFacts['kind'],
  from: string,
  n: number,
  more: { users?: readonly string[]; message?: string },
): EventFacts {
  const ordinal = [0, 0, 1, 2, 2, 3][seq]!
  const memberSeq = seq >= 4 ? 4 : 1
  const place = { device: 'phone', lane: 1, n, time: 100 + seq, ordinal, memberSeq, incarnation: 1, digest: seq }
  return { conversation: 'lunch', conversationKind: 2, seq, kind, from, ...place, users: [], mentions: [], ...more }
}

function logged(facts: EventFacts): LoggedLine {
  return { ...facts, type: 'logged', shard: 7 }
}

function seen(facts: EventFacts, user: string): HistoryLine[] {
  const client = `${user}/phone`
  return [
    { ...facts, type: 'received', at: 10, client, user },
    { type: 'shown', at: 10, client, conversation: 'lunch', seq: facts.seq },
  ]
}

function invoked(at: number, user: string, command: string, what: Line<'invoked'>['what'] = 'send'): HistoryLine {
  return { type: 'invoked', at, client: `${user}/phone`, user, device: 'phone', conversation: 'lunch', command, what }
}

function acked(at: number, user: string, command: string, n: number, seq: number): HistoryLine {
  return { type: 'acked', at, client: `${user}/phone`, conversation: 'lunch', command, lane: 1, n, seq }
}
