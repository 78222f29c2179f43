/**
 * Up to where each member of a conversation has read: one watermark per member, by max, logged without a seq (rules §9).
 * The authority is the user's own list; here it is a copy for the others, and never above what is there to be read.
 */
import type { UserId } from '../domain/ids.js'
import type { Conversation } from './conversation.js'
import { OPEN_END } from './members.js'

export interface Reading {
  readonly user: UserId
  readonly seq: number
  /** Countable messages up to `seq`. */
  readonly ordinal: number
}

/** What of it is news: at most up to the head, or to where the user left; undefined where nothing is. */
export function decideReading(
  state: Conversation,
  reading: Reading & { readonly incarnation: number },
): Reading | undefined {
  const { user, seq, ordinal, incarnation } = reading
  const member = state.members.get(user)
  const last = member?.intervals[member.intervals.length - 1]
  if (member === undefined || last === undefined) return undefined
  // Of a history that is lost from `sinceSeq` on, only what lies below is still the same.
  const lost = incarnation < state.incarnation ? state.sinceSeq - 1 : OPEN_END
  const end = last.to === OPEN_END ? state : { head: last.to, ordinal: last.toOrdinal }
  const to = Math.min(seq, end.head, lost)
  if (to <= member.readSeq) return undefined
  return { user, seq: to, ordinal: to === end.head ? end.ordinal : Math.min(ordinal, end.ordinal) }
}

export function applyReading(state: Conversation, { user, seq, ordinal }: Reading): void {
  const member = state.members.entry(user)
  member.readSeq = Math.max(member.readSeq, seq)
  member.readOrdinal = Math.max(member.readOrdinal, ordinal)
}
