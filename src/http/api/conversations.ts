/**
 * Operations on conversations. Each is one command or read to the conversation's owner, in the name of a user or of the app.
 */
import type { z } from 'zod'
import { ActorKind, directId, isConversationId, type UserId } from '../../domain/ids.js'
import type { DecodedFrame, EncodableFrame } from '../../protocol/decoded-frame.js'
import { contentFromJson } from '../../protocol/json-content.js'
import { ChangeAction, HistoryMode } from '../../protocol/wire-numbers.js'
import { type AskedBy, messageIdOf } from '../server-commands.js'
import type { ApiParts } from './api-parts.js'
import { historyOf } from './history.js'
import { type Asked, type Outcome, operation, type Refused } from './operation.js'
import * as schemas from './schemas.js'

type Conversation = z.infer<typeof schemas.ConversationPath>
type Place = AskedBy['conversation']

const REQUEST = { ref: 1, n: 1 } as const
const IN = '/v1/conversations/{kind}/{id}'

export const CONVERSATION_OPERATIONS = [
  operation({
    id: 'createConversation',
    method: 'POST',
    path: '/v1/conversations',
    summary: 'Create a conversation. A direct one is there without being created.',
    needs: 'server',
    isKeyed: true,
    body: schemas.Create,
    status: 201,
    answer: schemas.Appended,
    run: ({ body, ...asked }, parts) =>
      change({ ...asked, as: body.owner, path: body }, parts, ChangeAction.create, body.members),
  }),
  operation({
    id: 'sendMessage',
    method: 'POST',
    path: `${IN}/messages`,
    summary: 'Send a message, in the name of a user or of the app itself. The answer means durable.',
    needs: 'server',
    isKeyed: true,
    params: schemas.ConversationPath,
    body: schemas.Send,
    status: 201,
    answer: schemas.Appended,
    run: ({ body: { as, ...fields }, ...asked }, parts) =>
      appended({ ...asked, as }, parts, (place, by) => {
        const content = contentFromJson({ message_id: messageIdOf(by).toString(), ...fields })
        return { kind: 'send', ...REQUEST, ...place, content }
      }),
  }),
  operation({
    id: 'readHistory',
    method: 'GET',
    path: `${IN}/messages`,
    summary: 'Read events, by default the latest; those of a user are the ones that the user may see.',
    needs: 'server',
    params: schemas.ConversationPath,
    query: schemas.HistoryQuery,
    status: 200,
    answer: schemas.History,
    async run({ query: { as, after, before, limit }, ...asked }, parts) {
      const mode = after === undefined ? HistoryMode.before : HistoryMode.after
      const anchor = after ?? before ?? 0
      // "Before the first" is nothing, where anchor 0 means the latest.
      if (before === 0) return { refusal: 'bad-history', detail: 'before is a seq from 1' }
      const frames = await said({ ...asked, as }, parts, (place) => ({
        ...{ kind: 'history', ref: REQUEST.ref, ...place },
        ...{ mode, anchor, limit, minSeq: 0 },
      }))
      return 'refusal' in frames ? frames : { answer: historyOf(frames.frames) }
    },
  }),
  operation({
    id: 'listMembers',
    method: 'GET',
    path: `${IN}/members`,
    summary: 'List the members of now, page by page.',
    needs: 'server',
    params: schemas.ConversationPath,
    query: schemas.MembersQuery,
    status: 200,
    answer: schemas.Members,
    async run({ query: { as, after, limit }, ...asked }, parts) {
      const frames = await said({ ...asked, as }, parts, (place) => ({
        ...{ kind: 'members', ref: REQUEST.ref, ...place },
        ...{ after, limit, wantsOnline: false },
      }))
      if ('refusal' in frames) return frames
      const list = frames.frames[0] as DecodedFrame & { readonly kind: 'member-list' }
      const owners = new Set(list.owners)
      const members = list.users.map((user, at) => ({
        user,
        role: owners.has(user) ? ('owner' as const) : ('member' as const),
        read_seq: list.readSeqs[at] ?? 0,
      }))
      return { answer: { members, count: list.count, next: list.next } }
    },
  }),
  operation({
    id: 'countOnline',
    method: 'GET',
    path: `${IN}/online`,
    summary: 'How many members are online, some seconds old. Not of live rooms.',
    needs: 'server',
    params: schemas.ConversationPath,
    query: schemas.OnlineQuery,
    status: 200,
    answer: schemas.Online,
    async run({ query: { as }, ...asked }, parts) {
      const frames = await said({ ...asked, as }, parts, (place) => ({
        ...{ kind: 'members', ref: REQUEST.ref, ...place },
        ...{ after: 0, limit: 1, wantsOnline: true },
      }))
      if ('refusal' in frames) return frames
      const { count, online, onlineAt, againMs } = frames.frames[0] as DecodedFrame & { readonly kind: 'member-list' }
      const counted = onlineAt > 0 && { online, counted_at: onlineAt }
      return { answer: { members: count, ...counted, again_ms: againMs } }
    },
  }),
  operation({
    id: 'inviteMembers',
    method: 'POST',
    path: `${IN}/members`,
    summary: 'Make users members. They see what comes from then on.',
    needs: 'server',
    isKeyed: true,
    params: schemas.ConversationPath,
    body: schemas.Invite,
    status: 201,
    answer: schemas.Appended,
    run: ({ body: { as, users }, ...asked }, parts) => change({ ...asked, as }, parts, ChangeAction.invite, users),
  }),
  operation({
    id: 'kickMembers',
    method: 'POST',
    path: `${IN}/members/kick`,
    summary: 'End the membership of users. A user in whose name it is done must be an owner.',
    needs: 'server',
    isKeyed: true,
    params: schemas.ConversationPath,
    body: schemas.Kick,
    status: 201,
    answer: schemas.Appended,
    run: ({ body: { as, users }, ...asked }, parts) => change({ ...asked, as }, parts, ChangeAction.kick, users),
  }),
]

type AskedAs = Pick<Asked<Conversation, unknown, unknown>, 'caller' | 'path' | 'key'> & {
  readonly as: string | undefined
}
type Placed = { readonly conversationKind: number; readonly conversation: string }

function change(asked: AskedAs, parts: ApiParts, action: ChangeAction, users: readonly string[]) {
  return appended(asked, parts, (place) => ({ kind: 'change', ...REQUEST, ...place, action, users }))
}

async function appended(
  asked: AskedAs,
  parts: ApiParts,
  frameOf: (place: Placed, by: AskedBy) => EncodableFrame,
): Promise<Outcome<z.infer<typeof schemas.Appended>>> {
  const frames = await said(asked, parts, frameOf)
  if ('refusal' in frames) return frames
  const ack = frames.frames[0] as DecodedFrame & { readonly kind: 'ack' }
  return {
    answer: {
      kind: asked.path.kind,
      id: placeOf(asked.path)!.id,
      seq: ack.seq,
      time: ack.time,
      duplicate: ack.flags !== 0,
    },
  }
}

async function said(
  { caller: { app, user: server }, path, key, as }: AskedAs,
  parts: ApiParts,
  frameOf: (place: Placed, by: AskedBy) => EncodableFrame,
): Promise<Refused | { readonly frames: readonly DecodedFrame[] }> {
  const conversation = placeOf(path)
  if (conversation === undefined) return { refusal: 'bad-id' }
  const by: AskedBy = { app, server, user: as as UserId | undefined, conversation, key }
  const answer = await parts.commands.ask(
    by,
    frameOf({ conversationKind: conversation.kind, conversation: conversation.id }, by),
  )
  return answer.ok ? answer : { refusal: answer.refusal, retryAfterMs: answer.retryAfterMs }
}

/** The users of a direct conversation may come in either order. */
function placeOf({ kind: name, id }: Conversation): Place | undefined {
  const kind = schemas.kindNumberOf(name)
  if (kind !== ActorKind.direct) return isConversationId(kind, id) ? { kind, id } : undefined
  const users = id.split('\u001f') as UserId[]
  const sorted = users.length === 2 ? directId(users[0]!, users[1]!) : ''
  return isConversationId(kind, sorted) ? { kind, id: sorted } : undefined
}
