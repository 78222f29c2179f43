/**
 * What requests and answers of `/v1` look like: the schemas that validate requests, and from which /v1/openapi.json is made.
 * Names are those of the subprotocol parley.v1.json.
 */
import { z } from 'zod'
import { type ConversationKind, DIRECT_ID_BYTES_MAX, ID_BYTES_MAX, isId } from '../../domain/ids.js'
import { LIMITS } from '../../domain/limits.js'

const KINDS = ['direct', 'group', 'channel', 'room'] as const
/** Of base64, with room for the padding. */
const BASE64_MAX = Math.ceil(LIMITS.bodyBytesMax / 3) * 4

export const Id = z
  .string()
  .min(1)
  .max(ID_BYTES_MAX)
  .refine((text) => isId(text, ID_BYTES_MAX), 'is an id: 1 to 64 bytes of UTF-8 without control characters')
  .meta({ description: '1 to 64 bytes of UTF-8 without control characters' })

export const Kind = z.enum(KINDS)

export const ConversationPath = z.strictObject({
  kind: Kind,
  id: z.string().min(1).max(DIRECT_ID_BYTES_MAX).meta({
    description: 'at most 128 bytes; of a direct conversation both users, joined by U+001F (%1F), in either order',
  }),
})

export const As = Id.optional().meta({ description: 'in the name of this user; without it, of the app itself' })
const Users = z.array(Id).max(LIMITS.usersPerChangeMax)
const Seq = z.int().min(0)
const Time = z.int().min(0).meta({ description: 'milliseconds since 1970' })

export const Create = z.strictObject({
  kind: Kind,
  id: ConversationPath.shape.id,
  owner: Id.optional().meta({ description: 'creates it, is a member, and may kick; without it the app alone may' }),
  members: Users.default([]),
})

export const Invite = z.strictObject({ users: Users.min(1), as: As })
export const Kick = z.strictObject({ users: Users.min(1), as: As })

export const Send = z
  .strictObject({
    as: As,
    content_type: z.string().max(LIMITS.contentTypeBytesMax).optional(),
    mentions: z.array(Id).max(LIMITS.mentionsMax).optional(),
    preview: z.string().max(LIMITS.previewBytesMax).optional(),
    text: z.string().max(LIMITS.bodyBytesMax).optional(),
    body: z.base64().max(BASE64_MAX).optional().meta({ description: 'what is no text, as base64' }),
  })
  .refine(({ text, body }) => (text === undefined) !== (body === undefined), 'has either text or body')

export const Appended = z.strictObject({
  kind: Kind,
  id: z.string(),
  seq: Seq,
  time: Time,
  duplicate: z.boolean().meta({ description: 'this idempotency key was answered before, with the same seq' }),
})

export const HistoryQuery = z
  .strictObject({
    as: As,
    after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    before: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    limit: z.coerce.number().int().min(1).max(LIMITS.historyLimitMax).default(50),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, 'has either after or before')

const Content = z.strictObject({
  message_id: z.string(),
  content_type: z.string().optional(),
  mentions: z.array(z.string()).optional(),
  preview: z.string().optional(),
  text: z.string().optional(),
  body: z.string().optional(),
})

export const Event = z.strictObject({
  event_kind: z.enum(['message', 'created', 'joined', 'left', 'kicked', 'large', 'small']),
  seq: Seq,
  time: Time,
  ordinal: Seq,
  from: z.string(),
  device: z.string(),
  of_app: z.boolean().meta({ description: 'said by the app itself, not by the user that `from` may name' }),
  users: z.array(z.string()),
  content: Content.optional(),
})

export const History = z.strictObject({
  events: z.array(Event),
  skips: z.array(z.strictObject({ from: Seq, to: Seq })).meta({ description: 'ranges that this user may not see' }),
  from: Seq,
  complete_to: Seq,
  head: Seq,
})

export const MembersQuery = z.strictObject({
  as: As,
  after: z.coerce.number().int().min(0).max(0xffff_ffff).default(0).meta({ description: '`next` of the page before' }),
  limit: z.coerce.number().int().min(1).max(LIMITS.membersLimitMax).default(LIMITS.membersLimitMax),
})

export const Members = z.strictObject({
  members: z.array(
    z.strictObject({
      user: z.string(),
      role: z.enum(['owner', 'member']),
      read_seq: Seq.meta({ description: 'up to where they have read, as far as the conversation knows; 0: nothing' }),
    }),
  ),
  count: z.int().min(0).meta({ description: 'of all pages' }),
  next: z.int().min(0).meta({ description: '0: this was the last page' }),
})

export const OnlineQuery = z.strictObject({ as: As })
export const Online = z.strictObject({
  members: z.int().min(0),
  online: z.int().min(0).optional().meta({ description: 'users, whatever number of devices; absent: not counted yet' }),
  counted_at: Time.optional(),
  again_ms: z.int().min(0).meta({ description: 'then there may be another number; 0: nothing is counted here' }),
})

export const UserPath = z.strictObject({ user: Id })
export const InboxQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,10}\.\d{1,15}$/)
    .refine((cursor) => Number(cursor.split('.')[0]) <= 0xffff_ffff, 'is no cursor of this server')
    .optional()
    .meta({ description: '`cursor` of an earlier answer: what changed after it; without it, all' }),
  heads_from: z.coerce
    .number()
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(0)
    .meta({ description: '`heads_next` of an earlier answer: heads of large conversations only' }),
})

const ListedConversation = z.strictObject({
  kind: Kind,
  id: z.string(),
  head: Seq.meta({ description: 'the last seq that the user may see' }),
  time: Time.meta({ description: 'of the event at the head, in milliseconds since 1970' }),
  ordinal: Seq.meta({ description: 'messages up to the head' }),
  unread: z.int().min(0).meta({ description: '`ordinal` less `read_ordinal`' }),
  read_seq: Seq.meta({ description: 'up to where the user has read' }),
  read_ordinal: Seq.meta({ description: 'messages up to there, or up to the last join' }),
  mention_seq: Seq.meta({ description: 'the last event that mentions the user; 0: none does. Above `read_seq`: news' }),
  incarnation: z
    .int()
    .min(0)
    .meta({ description: 'raised when the conversation has lost events, whose seqs are given again' }),
  is_member: z.boolean().meta({ description: 'false after leaving' }),
  is_marked_unread: z.boolean(),
  is_muted: z.boolean(),
  is_pinned: z.boolean(),
  is_hidden: z.boolean(),
})

const LargeHead = z.strictObject({
  kind: Kind,
  id: z.string(),
  head: Seq,
  ordinal: Seq,
  time: Time,
  is_away: z.boolean().meta({ description: 'its owner does not answer now, and the numbers are 0: ask again' }),
})

export const UserInbox = z.strictObject({
  user: z.string(),
  conversations: z.array(ListedConversation).meta({
    description: `at most ${LIMITS.resumeEntriesMax}, those that changed first before those that changed last`,
  }),
  is_whole: z
    .boolean()
    .meta({ description: 'the list from its beginning, whatever `after` said: forget what you hold of it' }),
  cursor: z.string().meta({ description: 'where to go on' }),
  more: z.boolean().meta({ description: 'there is more after `cursor` already' }),
  heads: z
    .array(LargeHead)
    .meta({ description: 'where large conversations of the list stand now, asked for with `heads_from`; by max' }),
  heads_next: z.int().min(0).meta({
    description: 'heads of large conversations are to be asked for, with this as `heads_from`; 0: none, or no more',
  }),
})

export const Disconnect = z.strictObject({ device: Id.optional() })
export const Told = z.strictObject({ user: z.string(), device: z.string().optional() })

export const Revoke = z
  .strictObject({
    user: Id.optional(),
    all: z.literal(true).optional().meta({ description: 'in place of user: every user of the app' }),
    issued_before: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'milliseconds since 1970, at most a minute ahead; now, where absent' }),
  })
  // Nothing said is a mistake of whoever asks, and everybody of the app would go.
  .refine(({ user, all }) => (user === undefined) === (all === true), 'it names a user, or has "all": true')
export const Revoked = z.strictObject({ app: z.string(), user: z.string().optional(), issued_before: Time })

const Share = z.strictObject({ limit: z.int(), remaining: z.int().min(0) })
export const Quota = z.strictObject({
  app: z.string(),
  user: z.string(),
  connections_of_user: Share,
  connections_of_address: Share,
  frames_per_second_of_user: Share,
  frames_per_second_of_app: Share,
  requests_of_servers: Share,
})

export const Problem = z.strictObject({
  type: z.string(),
  title: z.string().meta({ description: 'a name of the catalogue of refusals' }),
  status: z.int(),
  code: z.int().meta({ description: '11xx fix the request, 12xx wait and resend, 13xx come again, 14xx not allowed' }),
  detail: z.string(),
  retry_after_ms: z.int().min(1).optional(),
})

/** Of the number that stands for it on the wire. */
export function kindNameOf(kind: number): z.infer<typeof Kind> {
  return KINDS[kind - 1]!
}

/** By the number that stands for it on the wire. */
export function kindNumberOf(kind: z.infer<typeof Kind>): ConversationKind {
  return (KINDS.indexOf(kind) + 1) as ConversationKind
}
