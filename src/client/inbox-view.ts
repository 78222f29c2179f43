/**
 * The conversation list as an application shows it. The server's list comes in steps, up to a few seconds after the
 * messages themselves in busy conversations; so what was heard or written since is counted in here, until a step says it.
 */
import type { ConversationKind } from '../domain/ids.js'
import type { EventFrame, InboxEntryFacts } from '../protocol/decoded-frame.js'
import { mentionsOf } from '../protocol/mentions.js'
import { EventKind, ListFlag } from '../protocol/wire-numbers.js'
import { Bytes } from '../std/bytes.js'
import type { ConversationName, Mark } from './command-queue.js'
import type { ReadPlace } from './read-marks.js'

export interface InboxEntry {
  readonly conversation: ConversationName
  /** The last seq that this user may see, and its time in milliseconds since 1970. */
  readonly head: number
  readonly time: number
  /** Messages behind the place up to which this user has read; what one writes oneself is read. */
  readonly unread: number
  /** False after leaving: the entry stays at the event of leaving. */
  readonly isMember: boolean
  /** The user was mentioned behind the place up to which they have read. */
  readonly isMentioned: boolean
  /** The last event that mentions the user, to go to; 0: none does. */
  readonly mentionSeq: number
  /** Marked as unread by hand, whatever was read. */
  readonly isMarkedUnread: boolean
  readonly isMuted: boolean
  readonly isPinned: boolean
  readonly isHidden: boolean
}

/** What was heard beyond the list. */
interface Ahead {
  readonly head: number
  readonly time: number
  readonly ordinal: number
  readonly readOrdinal: number
  readonly readSeq: number
  readonly mentionSeq: number
  /** All is read up to the head; its ordinal is not known here, and those above are of that of the list. */
  readonly isRead: boolean
}

export class InboxView {
  readonly #listed = new Map<string, InboxEntryFacts>()
  readonly #ahead = new Map<string, Ahead>()

  /** The history of this conversation, or of all, begins anew: nothing that was heard counts, and the list comes again. */
  restart(name?: ConversationName): void {
    for (const known of [this.#listed, this.#ahead]) {
      if (name === undefined) known.clear()
      else known.delete(keyOf(name.kind, name.id))
    }
  }

  /** The latest first. */
  entries(): InboxEntry[] {
    return [...this.#listed.keys()].map((key) => this.#entry(key)!).sort((a, b) => b.time - a.time || b.head - a.head)
  }

  /** The list has changed; returns how these conversations stand now. */
  listed(entries: Iterable<InboxEntryFacts>): InboxEntry[] {
    return [...entries].map((entry) => {
      const key = keyOf(entry.conversationKind, entry.conversation)
      const known = this.#listed.get(key)
      const before = known?.incarnation === entry.incarnation ? known : undefined
      if (known !== undefined && before === undefined) this.#ahead.delete(key) // it may be of what was lost
      const readOrdinal = Math.max(entry.readOrdinal, before?.readOrdinal ?? 0)
      const readSeq = Math.max(entry.readSeq, before?.readSeq ?? 0)
      this.#listed.set(key, { ...entry, readOrdinal, readSeq })
      const ahead = this.#ahead.get(key)
      if (ahead !== undefined && (ahead.head <= entry.head || !entry.isMember)) this.#ahead.delete(key)
      return this.#entry(key)!
    })
  }

  /** An event came; returns how its conversation stands now, if that has changed. */
  heard(event: EventFrame, self: string): InboxEntry | undefined {
    const { conversationKind, conversation, seq, time, ordinal } = event
    const isMessage = event.eventKind === EventKind.message
    const isOwn = event.from === self && isMessage
    return this.#advance(keyOf(conversationKind, conversation), (now) => {
      if (seq <= now.head) return now
      const { mentionSeq } = now
      if (isOwn) return { head: seq, time, ordinal, readOrdinal: ordinal, readSeq: seq, mentionSeq, isRead: false }
      // Of the events in between each counts at most once, so no fewer were read than this; in order, exactly so many.
      const since = seq - now.head - (isMessage ? 0 : 1)
      const readOrdinal = now.isRead ? Math.max(now.readOrdinal, ordinal - since) : now.readOrdinal
      const isMentioned =
        isMessage && event.content !== undefined && mentionsOf(Bytes.over(event.content), 0).includes(self)
      const place = { head: seq, time, ordinal, readOrdinal, readSeq: now.readSeq }
      return { ...place, mentionSeq: isMentioned ? seq : mentionSeq, isRead: false }
    })
  }

  /** This client's own message has its place: whoever writes has read. */
  wrote({ kind, id }: ConversationName, seq: number, time: number): InboxEntry | undefined {
    return this.#advance(keyOf(kind, id), (now) => {
      if (seq <= now.head) return now
      // How many messages lie between is not known here, nor does it matter: all are read.
      const ordinal = now.ordinal + 1
      return { head: seq, time, ordinal, readOrdinal: ordinal, readSeq: seq, mentionSeq: now.mentionSeq, isRead: true }
    })
  }

  /** What marking a conversation as read means now, with what was heard; undefined where there is nothing to mark. */
  place({ kind, id }: ConversationName): ReadPlace | undefined {
    const key = keyOf(kind, id)
    const listed = this.#listed.get(key)
    if (listed === undefined) return undefined
    const ahead = this.#ahead.get(key)
    const { head: seq, ordinal } = ahead ?? listed
    const isRead = ahead?.isRead === true || seq <= listed.readSeq
    const isMarkedUnread = (listed.flags & ListFlag.unread) !== 0
    return isRead && !isMarkedUnread ? undefined : { seq, ordinal }
  }

  /** The user has decided this here; the list will say so too. */
  marked({ conversation, seq, ordinal, set, flags }: Mark): InboxEntry | undefined {
    const key = keyOf(conversation.kind, conversation.id)
    const listed = this.#listed.get(key)
    if (listed === undefined) return undefined
    const readOrdinal = Math.max(listed.readOrdinal, ordinal)
    const readSeq = Math.max(listed.readSeq, seq)
    this.#listed.set(key, { ...listed, readSeq, readOrdinal, flags: (listed.flags & ~set) | (flags & set) })
    return this.#entry(key)
  }

  #advance(key: string, step: (now: Ahead) => Ahead): InboxEntry | undefined {
    const listed = this.#listed.get(key)
    if (listed === undefined) return undefined // the list will tell of it, and from where on it counts
    const now = this.#ahead.get(key) ?? { ...listed, isRead: false }
    const next = step(now)
    if (next === now) return undefined
    this.#ahead.set(key, next)
    return this.#entry(key)
  }

  #entry(key: string): InboxEntry | undefined {
    const listed = this.#listed.get(key)
    if (listed === undefined) return undefined
    const { head, time, ordinal, readOrdinal, readSeq, mentionSeq } = this.#ahead.get(key) ?? listed
    const conversation = { kind: listed.conversationKind as ConversationKind, id: listed.conversation }
    const unread = Math.max(0, ordinal - Math.max(readOrdinal, listed.readOrdinal))
    const { isMember, flags } = listed
    const isMentioned = mentionSeq > Math.max(readSeq, listed.readSeq)
    const isSet = {
      isMarkedUnread: (flags & ListFlag.unread) !== 0,
      isMuted: (flags & ListFlag.muted) !== 0,
      isPinned: (flags & ListFlag.pinned) !== 0,
      isHidden: (flags & ListFlag.hidden) !== 0,
    }
    return { conversation, head, time, unread, isMember, isMentioned, mentionSeq, ...isSet }
  }
}

function keyOf(kind: number, id: string): string {
  return `${kind} ${id}`
}
