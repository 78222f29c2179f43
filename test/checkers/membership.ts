/**
 * Who may see what, worked out from the log alone and without a line of the server's code: intervals that include the
 * event by which somebody joined and the one by which they went.
 */
import type { EventFacts, History, LoggedLine } from './history.js'

/** Inclusive on both sides; Infinity while it lasts. */
export interface Interval {
  readonly from: number
  to: number
}

/** Between the users of a direct conversation's id (docs/protocol.md). */
const DIRECT_SEPARATOR = '\u001f'

/** Intervals by user, as the log's events make them. Both users of a direct conversation are in it from the start. */
export function membershipOf(conversation: string, events: readonly LoggedLine[]): Map<string, Interval[]> {
  const members = new Map<string, Interval[]>()
  if (conversation.includes(DIRECT_SEPARATOR)) {
    for (const user of conversation.split(DIRECT_SEPARATOR))
      members.set(user, [{ from: 0, to: Number.POSITIVE_INFINITY }])
  }
  for (const event of events) change(members, event)
  return members
}

/** By conversation, then user. */
export function membershipsOf(history: History): Map<string, Map<string, Interval[]>> {
  const found = new Map<string, Map<string, Interval[]>>()
  for (const [conversation, events] of history.logged) found.set(conversation, membershipOf(conversation, events))
  return found
}

function change(members: Map<string, Interval[]>, event: EventFacts): void {
  if (event.kind === 'message') return
  for (const user of event.users) {
    const intervals = members.get(user) ?? []
    members.set(user, intervals)
    const last = intervals.at(-1)
    const isIn = last?.to === Number.POSITIVE_INFINITY
    if (event.kind === 'left' || event.kind === 'kicked') {
      if (isIn) last.to = event.seq
    } else if (!isIn) {
      intervals.push({ from: event.seq, to: Number.POSITIVE_INFINITY })
    }
  }
}

export function wasMember(intervals: readonly Interval[] | undefined, seq: number): boolean {
  return intervals?.some(({ from, to }) => from <= seq && seq <= to) ?? false
}
