/** The facts of a conversation as an application sees them. */
import { type ConversationKind, usersOfDirect } from '../domain/ids.js'
import { decodeContent } from '../protocol/content.js'
import type { EventFrame } from '../protocol/decoded-frame.js'
import { EventKind } from '../protocol/wire-numbers.js'
import type { ConversationName } from './command-queue.js'
import type { Item } from './timeline.js'

interface Fact {
  readonly conversation: ConversationName
  /** 1, 2, 3… in its conversation. A seq that is left out holds nothing that this user may see. */
  readonly seq: number
  /** The server's, in milliseconds since 1970; never goes back within a conversation. */
  readonly time: number
  readonly from: string
  readonly device: string
}

export interface Message extends Fact {
  readonly kind: 'message'
  /** 32 hexadecimal digits, the same that `send` gave. */
  readonly id: string
  readonly contentType: string
  /** The body as UTF-8 where the content type is text; else empty. */
  readonly text: string
  readonly body: Uint8Array
  readonly mentions: readonly string[]
  readonly preview: string
}

export interface MembershipChange extends Fact {
  /** `large` and `small` concern the conversation list only: how it hears of the conversation from there on, by nobody.
   *  `other`: a kind that is newer than this library. */
  readonly kind: 'created' | 'joined' | 'left' | 'kicked' | 'large' | 'small' | 'other'
  readonly users: readonly string[]
}

export type TimelineEvent = Message | MembershipChange

/** Who this client is, once the server has said so. */
export interface Self {
  readonly app: string
  readonly user: string
  readonly device: string
}

const CHANGES: Readonly<Record<number, MembershipChange['kind']>> = {
  [EventKind.created]: 'created',
  [EventKind.joined]: 'joined',
  [EventKind.left]: 'left',
  [EventKind.kicked]: 'kicked',
  [EventKind.large]: 'large',
  [EventKind.small]: 'small',
}

export const TEXT_TYPE = 'text/plain'
const utf8 = new TextDecoder()

export function eventOfItem(conversation: ConversationName, item: Item, self: Self): TimelineEvent {
  if (item.kind === 'event') return eventOfFrame(item.event)
  const { seq, time, command } = item
  const content = command.body.kind === 'send' ? command.body.content : new Uint8Array()
  return messageOf({ conversation, seq, time, from: self.user, device: self.device }, content)
}

export function eventOfFrame(frame: EventFrame): TimelineEvent {
  const { seq, time, from, device } = frame
  const conversation = { kind: frame.conversationKind as ConversationKind, id: frame.conversation }
  const fact = { conversation, seq, time, from, device }
  if (frame.eventKind === EventKind.message && frame.content !== undefined) return messageOf(fact, frame.content)
  return { ...fact, kind: CHANGES[frame.eventKind] ?? 'other', users: frame.users }
}

function messageOf(fact: Fact, bytes: Uint8Array): Message {
  // The frame's memory belongs to the socket; what an application keeps is its own.
  const {
    messageId,
    contentType = '',
    mentions = [],
    preview = '',
    body = new Uint8Array(),
  } = decodeContent(bytes.slice())
  const id = messageId.toString(16).padStart(32, '0')
  const text = contentType.startsWith('text/') ? utf8.decode(body) : ''
  return { ...fact, kind: 'message', id, contentType, text, body, mentions, preview }
}

/** The other user of a direct conversation. */
export function peerOf({ kind, id }: ConversationName, self: Self): string | undefined {
  const users = kind === 1 ? usersOfDirect(id) : undefined
  return users?.find((user) => user !== self.user) ?? users?.[0]
}
