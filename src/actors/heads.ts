/** How a conversation stands for its members, as outboxes tell it. */
import type { HeadsFacts, MemberStateFacts } from '../protocol/heads-record.js'
import type { Conversation } from './conversation.js'
import { type Member, OPEN_END } from './members.js'

/** `members` have, or had, a part in it. */
export function headsOf(state: Conversation, members: readonly Member[]): HeadsFacts {
  const { app, kind, id } = state.name
  const { head, ordinal, lastTime: time, modeSeq, isLarge, incarnation, sinceSeq } = state
  const facts = { app, actorKind: kind, conversation: id, head, ordinal, time, modeSeq, isLarge, incarnation, sinceSeq }
  return { ...facts, members: members.map(stateOf) }
}

function stateOf(member: Member): MemberStateFacts {
  const { from, to, fromOrdinal, toOrdinal } = member.intervals[member.intervals.length - 1]!
  const isMember = to === OPEN_END
  return {
    user: member.user,
    memberSeq: isMember ? from : to,
    joinOrdinal: fromOrdinal,
    endOrdinal: toOrdinal,
    readSeq: member.readSeq,
    readOrdinal: member.readOrdinal,
    isMember,
    mentionSeq: member.mentionSeq,
  }
}
