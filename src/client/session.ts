/**
 * A device's logical link to the server: whatever connections come and go, commands keep their order and are accepted
 * once, and every timeline that is followed comes to be held without a gap.
 *
 * Pure: bytes go in and out through a `Dialer`, time and chance are injected, and what must survive a crash is told to a
 * `Journal` before anything relies on it. A command's outcome comes to the listener once, however many connections it
 * took (sending.ts). Timelines: follower.ts; single reads: history-reads.ts; the conversation list: inbox-sync.ts.
 */
import type { ConversationKind } from '../domain/ids.js'
import { isAboutLane, refusalOfWire } from '../domain/refusal.js'
import type { MessageContent } from '../protocol/content.js'
import type {
  DecodedFrame,
  HelloFrame,
  HistoryEndFrame,
  InboxEntryFacts,
  RefusalFrame,
  WelcomeFrame,
} from '../protocol/decoded-frame.js'
import type { Command, ConversationName } from './command-queue.js'
import { changeCommand, sendCommand } from './commands.js'
import { Conversations, type SessionConversation } from './conversations.js'
import { Follower } from './follower.js'
import { type HistoryOutcome, type HistoryRange, HistoryReads } from './history-reads.js'
import { Inbox } from './inbox.js'
import { InboxSync } from './inbox-sync.js'
import { FORGETFUL, type HeldConversation } from './journal.js'
import { Link } from './link.js'
import { Sending } from './sending.js'
import type { SessionParts } from './session-parts.js'

export class Session {
  readonly #parts: SessionParts
  readonly #link: Link
  /** The user's conversation list, as far as this device has heard. */
  readonly inbox: Inbox
  readonly #inboxSync: InboxSync
  readonly #conversations: Conversations
  readonly #sending: Sending
  /** Raised with each connection: what was to be tried again on an old one is tried already. */
  #life = 0
  #token: string
  readonly #follower: Follower
  readonly #reads: HistoryReads
  /** Held up to the head that the answer to Resume told. */
  readonly #whole = new Set<SessionConversation>()

  constructor(parts: SessionParts) {
    this.#parts = parts
    const { clock, random, dial, kept, listener } = parts
    const journal = parts.journal ?? FORGETFUL
    this.#token = parts.token
    this.#conversations = new Conversations({ journal, shown: (name, item) => listener.shown(name, item) })
    this.#link = new Link({
      clock,
      random,
      dial,
      hello: this.#hello,
      greeted: () => this.#inboxSync.greeted(),
      lane: () => this.#sending.lane.number,
      up: (welcome) => this.#up(welcome),
      down: () => this.#down(),
      received: (frame) => this.#received(frame),
      rejected: (refusal) => this.#rejected(refusal),
      changed: (state) => listener.connection(state),
    })
    const later = (delayMs: number, task: () => void) => this.#later(delayMs, task)
    const [link, conversations] = [this.#link, this.#conversations]
    this.#sending = new Sending({
      ...{ clock, random, link, journal, listener, conversations, later },
      lane: kept?.lane,
      placed: (...place) => this.#placed(...place),
    })
    this.#follower = new Follower({
      ...{ link, recentMax: parts.recentMax, later },
      answered: () => this.#sending.pumpSoon(),
    })
    this.#reads = new HistoryReads({ link, clock, later })
    this.inbox = new Inbox(kept?.inbox)
    this.#inboxSync = new InboxSync({
      inbox: this.inbox,
      journal,
      ask: (frame, asked) => this.#link.ask(frame, asked),
      later,
      restarted: () => this.#restarted(),
      lost: (entry) => this.#lost(entry),
      listed: (entries, isFirst) => {
        if (entries.length > 0) listener.listed(entries)
        for (const entry of entries) this.#headKnown(entry, isFirst)
      },
      refused: (refusal) => listener.inboxRefused(refusal),
      caughtUp: () => this.#caughtUp(),
    })
    if (kept !== undefined) this.#conversations.restore(kept)
  }

  get isOnline(): boolean {
    return this.#link.isOnline
  }

  /** Every command has its outcome, and nothing that is known to exist is missing. */
  get isSettled(): boolean {
    for (const { queue, timeline, isFollowed } of this.#conversations.all()) {
      if (queue.size > 0 || (isFollowed && (timeline.isAsking || timeline.isBehind))) return false
    }
    return this.isOnline && this.#inboxSync.isSettled
  }

  start(): void {
    this.#link.start()
  }

  stop(): void {
    this.#link.stop()
    this.#reads.stop()
  }

  /** Says Hello with this one from now on; and at once where a connection rests on the last, which then goes on with this. */
  renewToken(token: string): void {
    if (token === this.#token) return
    this.#token = token
    if (!this.#link.isOnline) return
    // Refused, the connection lives as long as its own token does; what is wrong with this one is told at its Hello.
    this.#link.ask(this.#hello, { answered: () => {}, unanswered: () => {} })
  }

  reconnect(): void {
    this.#link.reconnect()
  }

  wake(): void {
    this.#link.wake()
  }

  readonly tell: Link['tell'] = (frame) => this.#link.tell(frame)
  readonly ask: Link['ask'] = (frame, asked) => this.#link.ask(frame, asked)

  readonly #hello = (ref: number): HelloFrame => {
    const { device } = this.#parts
    return { kind: 'hello', ref, token: this.#token, device, lane: this.#sending.lane }
  }

  /** Queues a message. */
  send(name: ConversationName, content: Omit<MessageContent, 'messageId'>): Command {
    return this.queue(name, sendCommand(this.#parts.random, content))
  }

  change(name: ConversationName, action: number, users: readonly string[]): Command {
    return this.queue(name, changeCommand(this.#parts.random, action, users))
  }

  queue(name: ConversationName, command: Command): Command {
    this.#conversations.get(name.kind, name.id).queue.add(command)
    this.#sending.pumpSoon()
    return command
  }

  /** Reads once, whether the conversation is followed or not. */
  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    const minSeq = this.#conversations.get(name.kind, name.id).timeline.known
    this.#reads.read(name, { ...range, minSeq }, done)
  }

  /** Holds this conversation's timeline from the first seq on; asks for news where it is followed already. */
  follow(name: ConversationName): void {
    const conversation = this.#conversations.get(name.kind, name.id)
    conversation.isFollowed = true
    this.#conversations.note(conversation)
    this.#follower.ask(conversation)
  }

  /** What is held of each conversation. */
  held(): HeldConversation[] {
    const all = [...this.#conversations.all()]
    return all.map(({ name, timeline, isFollowed }) => ({ name, held: timeline.held, isFollowed }))
  }

  #up(welcome: WelcomeFrame): void {
    this.#parts.listener.online(welcome)
    if (!this.isOnline) return // the listener will not have this server, or this user
    this.#sending.welcomed(welcome.lane)
    this.#reads.connected()
    this.#sending.pumpSoon()
  }

  /** What the answer to Resume did not bring is asked for, also of conversations that the list does not know to have news. */
  #caughtUp(): void {
    for (const conversation of this.#conversations.all()) {
      if (conversation.isFollowed && !this.#whole.has(conversation)) this.#follower.ask(conversation)
    }
    this.#whole.clear()
  }

  #down(): void {
    this.#life++
    this.#whole.clear()
    this.#inboxSync.down()
    this.#follower.disconnected()
    for (const { queue, timeline } of this.#conversations.all()) {
      queue.disconnected()
      timeline.isAsking = false
    }
  }

  #rejected(refusal: RefusalFrame): void {
    const name = refusalOfWire(refusal.code)
    if (name !== undefined && isAboutLane(name)) this.#sending.loseLane(name)
    else this.#parts.listener.rejected(refusal)
  }

  /** Runs `task` later, if the connection is still the same by then. */
  #later(delayMs: number, task: () => void): void {
    const life = this.#life
    this.#parts.clock.after(delayMs, () => {
      if (life === this.#life) task()
    })
  }

  #placed(conversation: SessionConversation, command: Command, seq: number, time: number): void {
    const { timeline } = conversation
    // The server need not send us what we sent: the ack tells where it stands.
    if (command.body.kind === 'send') timeline.take({ kind: 'own', seq, time, command })
    else timeline.known = Math.max(timeline.known, seq)
    this.#follower.askIfBehind(conversation)
  }

  /** A seq may name another event than the one we hold, so nothing that we hold is relied on (rules §14). */
  #restarted(name?: ConversationName): void {
    this.#parts.listener.restarted(name)
    const those = name === undefined ? this.#conversations.all() : [this.#conversations.get(name.kind, name.id)]
    for (const conversation of those) {
      conversation.timeline.restart()
      if (conversation.isFollowed) this.#follower.ask(conversation)
    }
  }

  /** Where nothing of what was lost is held, there is nothing to show again. */
  #lost({ conversationKind, conversation, incarnation, sinceSeq }: InboxEntryFacts): void {
    const { name, timeline } = this.#conversations.get(conversationKind as ConversationKind, conversation)
    if (timeline.hasOfBefore(incarnation, sinceSeq)) this.#restarted(name)
  }

  /** The list tells of a conversation's head. One that is new to it is followed; those of a device's first list are not. */
  #headKnown({ conversationKind, conversation, head, isMember }: InboxEntryFacts, isFirst: boolean): void {
    const isNew = !this.#conversations.has(conversationKind, conversation)
    if (isNew && (isFirst || !isMember)) return
    const known = this.#conversations.get(conversationKind as ConversationKind, conversation)
    known.timeline.known = Math.max(known.timeline.known, head)
    if (isNew) this.follow(known.name)
    else this.#follower.askIfBehind(known)
  }

  #received(frame: DecodedFrame): void {
    if (frame.kind === 'inbox') return this.#inboxSync.take(frame)
    const isSignal = frame.kind === 'typing' || frame.kind === 'presence' || frame.kind === 'receipt'
    if (isSignal) return this.#parts.listener.signalled?.(frame)
    if (frame.kind === 'history-end' && frame.ref === 0) return this.#firstEvents(frame)
    if (frame.kind !== 'event' && frame.kind !== 'skip') return
    this.#parts.listener.received(frame)
    if (frame.kind === 'event') this.#reads.received(frame)
    const conversation = this.#conversations.get(frame.conversationKind as ConversationKind, frame.conversation)
    conversation.isFollowed = true // who is told of a conversation is in it
    const { timeline } = conversation
    if (frame.kind === 'event') timeline.take({ kind: 'event', seq: frame.seq, event: frame })
    else timeline.skip(frame.from, frame.to)
    if (!this.#inboxSync.isCatchingUp) this.#follower.askIfBehind(conversation)
  }

  /** The newest events of this conversation came in front of the list's answer. */
  #firstEvents(frame: HistoryEndFrame): void {
    const conversation = this.#conversations.get(frame.conversationKind as ConversationKind, frame.conversation)
    const { timeline } = conversation
    const { recentMax } = this.#parts
    const isNew = recentMax !== undefined && timeline.held === 0
    if (isNew && frame.completeTo - frame.from + 1 >= recentMax) timeline.startAfter(frame.from - 1)
    timeline.answered(frame)
    if (!timeline.isBehind) this.#whole.add(conversation)
  }
}
