/**
 * All checkers over one history. Each is a function from a history to what is wrong with it, and each has handmade bad
 * histories that it must reject (check.test.ts).
 */
import { checkAcks, checkAnswers, checkRefusals } from './answers.js'
import { checkCompleteness, checkViews } from './completeness.js'
import { History, type HistoryLine, type Violation } from './history.js'
import { checkLanes, checkOnce } from './idempotence.js'
import { checkInboxes, checkListed, checkMarks } from './inboxes.js'
import { checkSenderOrder, checkTimelines } from './order.js'
import { checkRows, checkStoredEvents } from './store.js'
import { checkReceived, checkSkips, checkVisibility } from './visibility.js'

export const CHECKERS: Readonly<Record<string, (history: History) => readonly string[]>> = {
  /** An ack names the place where the log has exactly that command. */
  acks: checkAcks,
  /** What was refused is not in the log. */
  refusals: checkRefusals,
  /** Every command heard something, or its client's life ended. */
  answers: checkAnswers,
  /** seq 1, 2, 3…; times never go back; ordinals and memberSeq count right. */
  timelines: checkTimelines,
  /** A sender's order, and the order of what was acked before something else began. */
  'sender order': checkSenderOrder,
  /** No message, and no (device, lane, n), twice. */
  once: checkOnce,
  /** Per lane and conversation the log holds n = 1, 2, 3… in that order. */
  lanes: checkLanes,
  /** What devices received is what the log holds: one order for all. */
  received: checkReceived,
  /** Nothing to somebody who was not a member there. */
  visibility: checkVisibility,
  /** A skip covers nothing that its receiver may see. */
  skips: checkSkips,
  /** A client's view is in order, each event once, none that it never received. */
  views: checkViews,
  /** After healing, events or skips cover every range of membership. */
  completeness: checkCompleteness,
  /** What a conversation list says was so at that head, and nothing in it goes back. */
  listed: checkListed,
  /** A mark that was acked is in the log, once and in the order of its lane. */
  marks: checkMarks,
  /** After healing, every device's conversation list is the fold of the log: heads, unread, membership. */
  inboxes: checkInboxes,
  /** The store's timelines are the log's. */
  'stored events': checkStoredEvents,
  /** The store's rows are the fold of the log. */
  rows: checkRows,
}

/** At most this many of one checker are told: the first ones say it all. */
const TOLD_MAX = 5

export function check(lines: readonly HistoryLine[]): Violation[] {
  const history = new History(lines)
  return Object.entries(CHECKERS).flatMap(([checker, run]) =>
    run(history)
      .slice(0, TOLD_MAX)
      .map((message) => ({ checker, message })),
  )
}
