/** One conversation, as an application holds it: to write to it, to read it, and to change who is in it. */
import { type ConversationKind, ID_BYTES_MAX, isId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { MessageContent } from '../protocol/content.js'
import { ChangeAction, HistoryMode } from '../protocol/wire-numbers.js'
import type { ClientInbox } from './client-inbox.js'
import type { ConversationName } from './command-queue.js'
import { ClientError, RefusedError } from './errors.js'
import type { EventStream } from './event-stream.js'
import type { HistoryAnswer, HistoryRange } from './history-reads.js'
import type { Acked, Outgoing } from './outgoing.js'
import { eventOfFrame, TEXT_TYPE, type TimelineEvent } from './timeline-event.js'

/** What a message may carry; limits are those of docs/protocol.md. */
export interface Draft {
  /** Sent as the body in UTF-8, with the content type text/plain unless another is given. */
  readonly text?: string
  /** Instead of `text`: at most LIMITS.bodyBytesMax. */
  readonly body?: Uint8Array
  readonly contentType?: string
  /** Users to notify. */
  readonly mentions?: readonly string[]
  /** For notifications, at most 120 bytes. Leave it out where the body is encrypted: the server can read it. */
  readonly preview?: string
}

/** At most one of `before`, `after` and `around`; none: the latest. */
export interface HistoryOptions {
  /** Up to the seq before this one. */
  readonly before?: number
  /** From the seq behind this one on. */
  readonly after?: number
  /** Half of it on each side. */
  readonly around?: number
  /** 1 … 200; 50 by default. */
  readonly limit?: number
}

/** `from` … `completeTo` has no gap: a seq without an event holds nothing that this user may see. */
export interface HistoryPage {
  readonly events: readonly TimelineEvent[]
  readonly from: number
  readonly completeTo: number
  /** The conversation's last seq. */
  readonly head: number
}

export interface NewGroup {
  readonly id?: string
  readonly members: readonly string[]
  /** `channel`: its owner writes, the members read. `room`: stands in nobody's conversation list. By default `group`. */
  readonly kind?: 'group' | 'channel' | 'room'
}

/** What of a conversation's entry in the list is to be; what is absent stays as it is. */
export interface ListSettings {
  /** Marked as unread by hand; reading it ends that. */
  readonly markedUnread?: boolean
  readonly muted?: boolean
  readonly pinned?: boolean
  readonly hidden?: boolean
}

/** What a conversation needs of its client. */
export interface ConversationHost {
  /** The list that it stands in. Throws ClientError `closed`. */
  inbox(): ClientInbox
  send(of: Conversation, content: Omit<MessageContent, 'messageId'>): Outgoing
  change(of: Conversation, action: ChangeAction, users: readonly string[]): Outgoing
  read(of: Conversation, range: HistoryRange): Promise<HistoryAnswer>
  openStream(of: Conversation, after: number | undefined): EventStream
  /** The id of the direct conversation with this user; undefined until the client knows who it is itself. */
  directIdOf(peer: string): string | undefined
}

const HISTORY_LIMIT = 50
const utf8 = new TextEncoder()

export class Conversation {
  readonly kind: ConversationKind
  /** The other user, of a direct conversation that was named by its user. */
  readonly peer: string | undefined
  readonly #host: ConversationHost
  readonly #id: string | undefined

  constructor(host: ConversationHost, kind: ConversationKind, named: { id: string } | { peer: string }) {
    this.#host = host
    this.kind = kind
    this.#id = 'id' in named ? named.id : undefined
    this.peer = 'peer' in named ? named.peer : undefined
  }

  /** Undefined for a direct conversation as long as the client has never been told who it is. */
  get id(): string | undefined {
    return this.#id ?? this.#host.directIdOf(this.peer!)
  }

  get name(): ConversationName | undefined {
    const { id } = this
    return id === undefined ? undefined : { kind: this.kind, id }
  }

  /**
   * Queues a message, online or not, and returns at once; the outgoing tells what becomes of it. It is sent exactly
   * once, however often the connection breaks. Throws RefusedError where it is over a limit, and ClientError
   * `queue-full` or `closed`.
   */
  send(draft: string | Draft): Outgoing {
    return this.#host.send(this, contentOf(typeof draft === 'string' ? { text: draft } : draft))
  }

  /** Read up to the end, as this device knows it; other devices of the user hear so. Throws ClientError `closed`. */
  markRead(): void {
    this.#host.inbox().markRead(this)
  }

  /** Settings of its entry in the conversation list, on all devices of the user. Throws ClientError `closed`. */
  set(settings: ListSettings): void {
    this.#host.inbox().set(this, settings)
  }

  /** Reads a part of the past. Rejects with RefusedError, or ClientError `unanswered` after 30 s without a server. */
  async history({ before, after, around, limit = HISTORY_LIMIT }: HistoryOptions = {}): Promise<HistoryPage> {
    if ([before, after, around].filter((anchor) => anchor !== undefined).length > 1) {
      throw new ClientError('bad-option', 'Cannot read history: name one of before, after and around')
    }
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMITS.historyLimitMax) throw RefusedError.of('bad-history')
    const mode =
      after !== undefined ? HistoryMode.after : around !== undefined ? HistoryMode.around : HistoryMode.before
    const anchor = after ?? around ?? before ?? 0
    const { events, from, completeTo, head } = await this.#host.read(this, { mode, anchor, limit })
    return { events: events.map(eventOfFrame), from, completeTo, head }
  }

  /**
   * Every event in order, once, without a gap: those above `after`, or by default those that come from now on. Runs
   * until it is left or the client is closed; a slow reader costs nobody anything.
   */
  events(options: { readonly after?: number } = {}): AsyncIterableIterator<TimelineEvent> {
    return this.#host.openStream(this, options.after)
  }

  /** Groups only, members only. `nothing-to-change` where all of them are members already. */
  invite(...users: string[]): Promise<Acked> {
    return this.#change(ChangeAction.invite, users)
  }

  /** The owner only. */
  kick(...users: string[]): Promise<Acked> {
    return this.#change(ChangeAction.kick, users)
  }

  leave(): Promise<Acked> {
    return this.#change(ChangeAction.leave, [])
  }

  async #change(action: ChangeAction, users: readonly string[]): Promise<Acked> {
    checkUsers(users)
    return await this.#host.change(this, action, users).acked()
  }
}

/** Throws RefusedError as the server would refuse them. */
export function checkUsers(users: readonly string[]): void {
  if (users.length > LIMITS.usersPerChangeMax) throw RefusedError.of('too-many-users')
  if (!users.every((user) => isId(user, ID_BYTES_MAX))) throw RefusedError.of('bad-id')
}

function contentOf({ text, body, contentType, mentions = [], preview }: Draft): Omit<MessageContent, 'messageId'> {
  const bytes = body ?? utf8.encode(text ?? '')
  const type = contentType ?? (body === undefined ? TEXT_TYPE : undefined)
  if (bytes.byteLength > LIMITS.bodyBytesMax) throw RefusedError.of('body-too-large')
  const isOver =
    sizeOf(type) > LIMITS.contentTypeBytesMax ||
    sizeOf(preview) > LIMITS.previewBytesMax ||
    mentions.length > LIMITS.mentionsMax
  if (isOver) throw RefusedError.of('bad-content')
  if (!mentions.every((user) => isId(user, ID_BYTES_MAX))) throw RefusedError.of('bad-id')
  return {
    body: bytes,
    mentions,
    ...(type !== undefined && { contentType: type }),
    ...(preview !== undefined && { preview }),
  }
}

function sizeOf(text: string | undefined): number {
  return text === undefined ? 0 : utf8.encode(text).byteLength
}

/** Events above `seq`, as long as the client is open: a stream outlives whatever time there is no server. */
export async function readOn(conversation: Conversation, seq: number): Promise<HistoryPage> {
  for (;;) {
    try {
      return await conversation.history({ after: seq, limit: 200 })
    } catch (cause) {
      if (!(cause instanceof ClientError) || cause.reason !== 'unanswered') throw cause
    }
  }
}
