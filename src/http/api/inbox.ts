/**
 * What an inbox answers to Resume, as `/v1` says it.
 */
import type { z } from 'zod'
import type { DecodedFrame, InboxEntryFacts } from '../../protocol/decoded-frame.js'
import { ListFlag } from '../../protocol/wire-numbers.js'
import { assert } from '../../std/assert.js'
import * as schemas from './schemas.js'

type Inbox = z.infer<typeof schemas.UserInbox>

/** The cursor of who holds nothing. */
export const NOTHING = '0.0'

/** `after`: the cursor that was asked with. `frames` are one inbox frame; with heads only it has no cursor of its own. */
export function inboxOf(user: string, after: string | undefined, [frame]: readonly DecodedFrame[]): Inbox {
  assert(frame?.kind === 'inbox', 'an answer to Resume is an inbox')
  const { entries, prev, incarnation, version, more, heads, headsNext } = frame
  const conversations = entries.map(listed)
  const cursor = incarnation === 0 ? (after ?? NOTHING) : `${incarnation}.${version}`
  return {
    ...{ user, conversations, is_whole: prev === 0 && incarnation > 0, cursor, more },
    heads: heads.map(({ conversationKind, conversation: id, head, ordinal, time, isAway }) => ({
      ...{ kind: schemas.kindNameOf(conversationKind), id, head, ordinal, time, is_away: isAway },
    })),
    heads_next: headsNext,
  }
}

function listed(entry: InboxEntryFacts): Inbox['conversations'][number] {
  const { conversationKind, conversation: id, head, time, ordinal, readOrdinal, readSeq, isMember, flags } = entry
  const has = (flag: number) => (flags & flag) !== 0
  return {
    kind: schemas.kindNameOf(conversationKind),
    ...{ id, head, time, ordinal },
    unread: Math.max(0, ordinal - readOrdinal),
    read_seq: readSeq,
    read_ordinal: readOrdinal,
    mention_seq: entry.mentionSeq,
    incarnation: entry.incarnation,
    is_member: isMember,
    is_marked_unread: has(ListFlag.unread),
    is_muted: has(ListFlag.muted),
    is_pinned: has(ListFlag.pinned),
    is_hidden: has(ListFlag.hidden),
  }
}
