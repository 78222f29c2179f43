/**
 * Who is in a conversation, page by page, and how many of them are online, for its members and for the app itself. What it saw is durable when it leaves.
 */
import { ActorKind, SYSTEM_LANE } from '../domain/ids.js'
import { writeMemberList } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { ConversationActivation } from './activation.js'
import type { Online } from './online-counts.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

const UNCOUNTED: Online = { online: 0, onlineAt: 0, againMs: 0 }

export function answerMembers(
  shard: Shard,
  { key, state }: ConversationActivation,
  link: InLink,
  k: number,
  session: Session,
  frame: ClientFrame,
): void {
  const { ref, anchor: after, limit } = frame
  const { members, name } = state
  const isThere = state.head > 0 || name.kind === ActorKind.direct
  if (session.laneNumber === SYSTEM_LANE) {
    if (!isThere) return shard.refuse(link, k, 'no-such-conversation', ref, 0)
  } else if (!members.isNow(session.user)) return shard.refuse(link, k, 'not-member', ref, 0)

  // Live rooms stand in no list, by which members are counted.
  const counts = frame.wantsOnline && name.kind !== ActorKind.room ? shard.parts.onlineCounts.of(key) : UNCOUNTED
  const found = members.nowFrom(after, limit + 1)
  const page = found.slice(0, limit)
  const answers = shard.answers()
  writeMemberList(answers.bytes, {
    ref,
    conversationKind: name.kind,
    conversation: name.id,
    users: page.map(({ user }) => user),
    readSeqs: page.map(({ readSeq }) => readSeq),
    owners: page.filter(({ role }) => role === 'owner').map(({ user }) => user),
    count: members.count,
    next: found.length > limit ? page.at(-1)!.index + 1 : 0,
    ...counts,
  })
  answers.add(link, k, ref, 0)
  shard.leave(answers)
}
