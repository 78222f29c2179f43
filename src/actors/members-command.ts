/**
 * Who is in a conversation, page by page, for its members and for the app itself. What it saw is durable when it leaves.
 */
import { ActorKind, SYSTEM_LANE } from '../domain/ids.js'
import { writeMemberList } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { ConversationActivation } from './activation.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export function answerMembers(
  shard: Shard,
  { state }: ConversationActivation,
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
  })
  answers.add(link, k, ref, 0)
  shard.leave(answers)
}
