/** That the store is the fold of the log: timelines event by event, rows by a fold of our own. */
import {
  appendTo,
  type History,
  isOfMode,
  type LoggedLine,
  nameOf,
  type RowLine,
  type SpentLine,
  type StoredLine,
} from './history.js'
import { type Interval, membershipOf } from './membership.js'
import { isSame } from './visibility.js'

/** A conversation's stored timeline is a prefix of the log's, without a hole. What is not stored yet is no concern. */
export function checkStoredEvents(history: History): string[] {
  const lastOf = new Map<string, number>()
  return history.of('stored').flatMap((event) => {
    const last = lastOf.get(event.conversation) ?? 0
    lastOf.set(event.conversation, event.seq)
    const hole = event.seq === last + 1 ? [] : [`the store has ${nameOf(event)} after seq ${last}`]
    return [...hole, ...differences(history, event)]
  })
}

function differences(history: History, event: StoredLine): string[] {
  const logged = history.loggedAt(event.conversation, event.seq)
  if (logged === undefined) return [`the store has ${nameOf(event)}, which is not in the log`]
  return isSame(event, logged) ? [] : [`the store has ${nameOf(event)}; the log has ${nameOf(logged)}`]
}

export function checkRows(history: History): string[] {
  const decided = decidedOf(history)
  return history.of('row').flatMap((row) => {
    const wanted = foldOf(history, row.conversation, decided.get(row.conversation) ?? [])
    const found = textOf(row)
    return found === wanted ? [] : [`the row of ${row.conversation} is ${found}; the log folds to ${wanted}`]
  })
}

/** What used up an n, by conversation, in log order. */
function decidedOf(history: History): Map<string, (LoggedLine | SpentLine)[]> {
  const decided = new Map<string, (LoggedLine | SpentLine)[]>()
  for (const line of history.lines) {
    if (line.type === 'spent' || (line.type === 'logged' && !isOfMode(line))) appendTo(decided, line.conversation, line)
  }
  return decided
}

function foldOf(history: History, conversation: string, decided: readonly (LoggedLine | SpentLine)[]): string {
  const events = history.logged.get(conversation) ?? []
  const last = events.at(-1)
  const lanes = new Map<string, Map<string, { device: string; lane: number; last: number }>>()
  for (const line of decided) {
    const ofUser = lanes.get(line.from) ?? new Map()
    lanes.set(line.from, ofUser)
    ofUser.set(`${line.device} ${line.lane}`, { device: line.device, lane: line.lane, last: line.n })
  }
  const membership = membershipOf(conversation, events)
  const users = new Set([...membership.keys(), ...lanes.keys()])
  return textOf({
    type: 'row',
    conversation,
    head: last?.seq ?? 0,
    ordinal: last?.ordinal ?? 0,
    memberSeq: last?.memberSeq ?? 0,
    members: [...users].map((user) => ({
      user,
      readSeq: readSeqOf(history, conversation, events, user),
      intervals: (membership.get(user) ?? []).map(intervalOf),
      lanes: [...(lanes.get(user)?.values() ?? [])],
    })),
  })
}

/** Who writes has read; and what users have marked is carried to the conversation. */
function readSeqOf(history: History, conversation: string, events: readonly LoggedLine[], reader: string): number {
  const marks = history.of('marked').filter(({ user, conversation: of }) => user === reader && of === conversation)
  const wrote = events.findLast(({ kind, from }) => kind === 'message' && from === reader)
  return Math.max(wrote?.seq ?? 0, ...marks.map(({ seq }) => seq))
}

function intervalOf({ from, to }: Interval): { from: number; to?: number } {
  return to === Number.POSITIVE_INFINITY ? { from } : { from, to }
}

/** The same for the same facts, in whatever order they are listed. */
function textOf({ head, ordinal, memberSeq, members }: RowLine): string {
  const texts = members.map(({ user, intervals, lanes, readSeq }) => {
    const spans = intervals.map(({ from, to }) => `${from}-${to ?? ''}`).join(' ')
    const queues = lanes.map(({ device, lane, last }) => `${device}/${lane}:${last}`).sort()
    return `${user} [${spans}] read ${readSeq} ${queues.join(' ')}`
  })
  return `head ${head} ordinal ${ordinal} memberSeq ${memberSeq} ${texts.sort().join('; ')}`
}
