/**
 * Signals: who is typing, and who is online, as far as anybody knows. They may be lost, and nothing waits for them: what was
 * heard of presence is asked anew with each connection, and who is not heard of again is not typing any more.
 */
import type { ConversationKind } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EncodableFrame, EventFrame, PresenceFrame, TypingFrame } from '../protocol/decoded-frame.js'
import type { Clock, Timer } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import { RefusedError } from './errors.js'
import type { Link } from './link.js'
import { Listeners } from './listeners.js'
import { type ConversationPlace, type OnlineCount, OnlineCounts } from './online-counts.js'

/** While somebody types the server is told this often, and heard of for so long. */
const SAID_EVERY_MS = 3_000
const HEARD_FOR_MS = 6_000

/** All who are typing in this conversation now, others than us; empty when the last has stopped. */
export interface TypingChange {
  readonly conversation: ConversationName
  readonly users: readonly string[]
}

export interface PresenceChange {
  readonly user: string
  readonly isOnline: boolean
  /** Milliseconds since 1970; undefined while online, or where nobody knows. */
  readonly lastSeen: number | undefined
}

export class Signals {
  readonly #clock: Clock
  readonly #typing: Listeners<TypingChange>
  readonly #presence: Listeners<PresenceChange>
  readonly #saidAt = new Map<string, number>()
  readonly #typers = new Map<string, Map<string, Timer>>()
  readonly #states = new Map<string, PresenceChange>()
  readonly #counts: OnlineCounts
  #watched: readonly string[] = []
  #user = ''
  #tell: (frame: EncodableFrame) => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
    this.#typing = new Listeners(clock)
    this.#presence = new Listeners(clock)
    this.#counts = new OnlineCounts(clock)
  }

  // ── For the application ───────────────────────────────────────────────────────────────────────────────────────

  /** Call it at each key that is pressed: the server hears of it every few seconds, while there is a connection. */
  typing({ name }: { readonly name: ConversationName | undefined }): void {
    if (name === undefined) return // nobody is known to hear it
    const now = this.#clock.monotonic()
    if (now - (this.#saidAt.get(keyOf(name)) ?? Number.NEGATIVE_INFINITY) < SAID_EVERY_MS) return
    this.#saidAt.set(keyOf(name), now)
    this.#tell({ kind: 'typing', ref: 0, conversationKind: name.kind, conversation: name.id, user: '' })
  }

  onTyping(listener: (change: TypingChange) => void): () => void {
    return this.#typing.add(listener)
  }

  /** Wants to hear of these users, and of no others, in this connection and those to come. Throws RefusedError
   *  `too-many-users` above 500. */
  watch(users: readonly string[]): void {
    if (users.length > LIMITS.watchedUsersMax) throw RefusedError.of('too-many-users')
    this.#watched = [...users]
    for (const user of this.#states.keys()) if (!users.includes(user)) this.#states.delete(user)
    this.#tell({ kind: 'watch', ref: 0, users: this.#watched })
  }

  /** What was heard last of a watched user; undefined where nothing was. */
  of(user: string): PresenceChange | undefined {
    return this.#states.get(user)
  }

  onPresence(listener: (change: PresenceChange) => void): () => void {
    return this.#presence.add(listener)
  }

  /**
   * How many members of a group or channel are online, now and every few seconds, until what it returns is called; nothing of live rooms,
   * and of conversations that the user is not in. Throws ClientError `too-many-counts` above 20 at a time.
   */
  onlineIn(conversation: ConversationPlace, listener: (count: OnlineCount) => void): () => void {
    return this.#counts.watch(conversation, listener)
  }

  // ── For the session ───────────────────────────────────────────────────────────────────────────────────────────

  /** Welcomed: `tell` writes to this connection, and `ask` asks on it. */
  up(user: string, { tell, ask }: Pick<Link, 'tell' | 'ask'>): void {
    this.#user = user
    this.#tell = tell
    if (this.#watched.length > 0) tell({ kind: 'watch', ref: 0, users: this.#watched })
    this.#counts.up(ask)
  }

  down(): void {
    this.#tell = () => {}
    this.#saidAt.clear()
    this.#counts.down()
  }

  take(frame: TypingFrame | PresenceFrame): void {
    if (frame.kind === 'typing') {
      const name = { kind: frame.conversationKind as ConversationKind, id: frame.conversation }
      if (frame.user !== this.#user) this.#types(name, frame.user)
      return
    }
    for (const { user, online: isOnline, lastSeen } of frame.entries) {
      const change = { user, isOnline, lastSeen: lastSeen === 0 ? undefined : lastSeen }
      const known = this.#states.get(user)
      if (!this.#watched.includes(user)) continue
      this.#states.set(user, change)
      if (known?.isOnline !== isOnline || known.lastSeen !== change.lastSeen) this.#presence.tell(change)
    }
  }

  /** What they typed is there. */
  heard({ conversationKind, conversation, from }: EventFrame): void {
    const name = { kind: conversationKind as ConversationKind, id: conversation }
    const timer = this.#typers.get(keyOf(name))?.get(from)
    if (timer !== undefined) this.#stopped(name, from, timer)
  }

  #types(name: ConversationName, user: string): void {
    const typers = this.#typers.get(keyOf(name)) ?? new Map<string, Timer>()
    this.#typers.set(keyOf(name), typers)
    const isNew = !typers.has(user)
    typers.get(user)?.cancel()
    const timer = this.#clock.after(HEARD_FOR_MS, () => this.#stopped(name, user, timer))
    typers.set(user, timer)
    if (isNew) this.#typing.tell({ conversation: name, users: [...typers.keys()] })
  }

  #stopped(name: ConversationName, user: string, timer: Timer): void {
    timer.cancel()
    const typers = this.#typers.get(keyOf(name))!
    typers.delete(user)
    if (typers.size === 0) this.#typers.delete(keyOf(name))
    this.#typing.tell({ conversation: name, users: [...typers.keys()] })
  }
}

function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}
