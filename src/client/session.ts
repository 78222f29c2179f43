/**
 * A device's logical link to the server: whatever connections come and go, commands keep their order and are accepted
 * once, and every timeline that is followed comes to be held without a gap.
 *
 * Pure: bytes go in and out through a `Dialer`, time and chance are injected, and what must survive a crash is told to a
 * `Journal` before anything relies on it. A command's outcome comes to the listener once, however many connections it
 * took. Timelines: follower.ts; single reads: history-reads.ts.
 */
import type { ConversationKind } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { isAboutLane, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import type { MessageContent } from '../protocol/content.js'
import type { DecodedFrame, InboxEntryFacts, LaneName, RefusalFrame, WelcomeFrame } from '../protocol/decoded-frame.js'
import { random64 } from '../std/random.js'
import {
  type Command,
  type CommandOutcome,
  CommandQueue,
  type ConversationName,
  type Entry,
  type Verdict,
} from './command-queue.js'
import { changeCommand, sendCommand } from './commands.js'
import { type Followed, Follower } from './follower.js'
import { type HistoryOutcome, type HistoryRange, HistoryReads } from './history-reads.js'
import { Inbox } from './inbox.js'
import { InboxSync } from './inbox-sync.js'
import { FORGETFUL, type Journal, type KeptSession } from './journal.js'
import { Link } from './link.js'
import type { SessionParts } from './session-parts.js'
import { Timeline } from './timeline.js'

/** Of the requests that may be unanswered, half are left for history. */
const COMMANDS_IN_FLIGHT_MAX = LIMITS.inFlightMax / 2

type Conversation = Followed & { readonly queue: CommandQueue }

export class Session {
  readonly #parts: SessionParts
  readonly #link: Link
  /** The user's conversation list, as far as this device has heard. */
  readonly inbox: Inbox
  readonly #inboxSync: InboxSync
  readonly #conversations = new Map<string, Conversation>()
  #lane: LaneName
  /** Raised with each connection: what was to be tried again on an old one is tried already. */
  #life = 0
  #pumpIsDue = false
  #token: string
  readonly #journal: Journal
  readonly #follower: Follower
  readonly #reads: HistoryReads

  constructor(parts: SessionParts) {
    this.#parts = parts
    const { clock, random, dial, device, kept } = parts
    this.#token = parts.token
    this.#journal = parts.journal ?? FORGETFUL
    this.#lane = kept?.lane ?? { number: 0, random: random64(random) }
    this.#link = new Link({
      clock,
      random,
      dial,
      hello: (ref) => ({ kind: 'hello', ref, token: this.#token, device, lane: this.#lane }),
      lane: () => this.#lane.number,
      up: (welcome) => this.#up(welcome),
      down: () => this.#down(),
      received: (frame) => this.#received(frame),
      rejected: (refusal) => this.#rejected(refusal),
      changed: (state) => parts.listener.connection(state),
    })
    const later = (delayMs: number, task: () => void) => this.#later(delayMs, task)
    const answered = () => this.#pumpSoon()
    this.#follower = new Follower({ link: this.#link, recentMax: parts.recentMax, later, answered })
    this.#reads = new HistoryReads({ link: this.#link, clock, later })
    this.inbox = new Inbox(kept?.inbox)
    this.#inboxSync = new InboxSync({
      inbox: this.inbox,
      journal: this.#journal,
      ask: (frame, asked) => this.#link.ask(frame, asked),
      later,
      restarted: () => this.#restarted(),
      listed: (entries, isFirst) => {
        if (entries.length > 0) parts.listener.listed(entries)
        for (const entry of entries) this.#headKnown(entry, isFirst)
      },
      refused: (refusal) => parts.listener.inboxRefused(refusal),
    })
    if (kept === undefined) this.#journal.lane(this.#lane)
    else this.#restore(kept)
  }

  get isOnline(): boolean {
    return this.#link.isOnline
  }

  /** Every command has its outcome, and nothing that is known to exist is missing. */
  get isSettled(): boolean {
    for (const { queue, timeline, isFollowed } of this.#conversations.values()) {
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

  /** Says Hello with this one from now on. */
  renewToken(token: string): void {
    this.#token = token
  }

  reconnect(): void {
    this.#link.reconnect()
  }

  wake(): void {
    this.#link.wake()
  }

  /** Queues a message. */
  send(name: ConversationName, content: Omit<MessageContent, 'messageId'>): Command {
    return this.queue(name, sendCommand(this.#parts.random, content))
  }

  change(name: ConversationName, action: number, users: readonly string[]): Command {
    return this.queue(name, changeCommand(this.#parts.random, action, users))
  }

  queue(name: ConversationName, command: Command): Command {
    this.#conversation(name.kind, name.id).queue.add(command)
    this.#pumpSoon()
    return command
  }

  /** Reads once, whether the conversation is followed or not. */
  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    const minSeq = this.#conversation(name.kind, name.id).timeline.known
    this.#reads.read(name, { ...range, minSeq }, done)
  }

  /** Holds this conversation's timeline from the first seq on; asks for news where it is followed already. */
  follow(name: ConversationName): void {
    const conversation = this.#conversation(name.kind, name.id)
    conversation.isFollowed = true
    this.#noteConversation(conversation)
    this.#follower.ask(conversation)
  }

  #restore({ conversations }: KeptSession): void {
    for (const { name, nextN, held, isFollowed, commands } of conversations) {
      const conversation = this.#conversation(name.kind, name.id)
      conversation.queue.restore(nextN, commands)
      conversation.isFollowed = isFollowed
      conversation.timeline.startAfter(held)
    }
  }

  #conversation(kind: ConversationKind, id: string): Conversation {
    const key = `${kind} ${id}`
    const found = this.#conversations.get(key)
    if (found === undefined) {
      const name = { kind, id }
      const timeline = new Timeline({
        shown: (item) => this.#parts.listener.shown(name, item),
        moved: () => this.#noteConversation(created),
      })
      const created = { name, queue: new CommandQueue(name, LIMITS.laneWindow), timeline, isFollowed: false }
      this.#conversations.set(key, created)
      return created
    }
    return found
  }

  #up(welcome: WelcomeFrame): void {
    this.#parts.listener.online(welcome)
    if (!this.isOnline) return // the listener will not have this server, or this user
    this.#lane = welcome.lane
    this.#journal.lane(this.#lane)
    this.#inboxSync.resume()
    for (const conversation of this.#conversations.values()) {
      if (conversation.isFollowed) this.#follower.ask(conversation)
    }
    this.#reads.connected()
    this.#pumpSoon()
  }

  #down(): void {
    this.#life++
    this.#inboxSync.down()
    this.#follower.disconnected()
    for (const { queue, timeline } of this.#conversations.values()) {
      queue.disconnected()
      timeline.isAsking = false
    }
  }

  #rejected(refusal: RefusalFrame): void {
    const name = refusalOfWire(refusal.code)
    if (name !== undefined && isAboutLane(name)) this.#loseLane(name)
    else this.#parts.listener.rejected(refusal)
  }

  /** Runs `task` later, if the connection is still the same by then. */
  #later(delayMs: number, task: () => void): void {
    const life = this.#life
    this.#parts.clock.after(delayMs, () => {
      if (life === this.#life) task()
    })
  }

  // ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

  #pumpSoon(): void {
    if (this.#pumpIsDue) return
    this.#pumpIsDue = true
    this.#parts.clock.soon(() => {
      this.#pumpIsDue = false
      for (const conversation of this.#conversations.values()) this.#pump(conversation)
    })
  }

  #pump(conversation: Conversation): void {
    this.#store(conversation)
    while (this.isOnline && this.#link.inFlight < COMMANDS_IN_FLIGHT_MAX) {
      const entry = conversation.queue.next()
      if (entry === undefined) return
      this.#sendEntry(conversation, entry)
    }
  }

  /** Notes what is new in the queue; it leaves once that survives a crash. */
  #store(conversation: Conversation): void {
    const { name, queue } = conversation
    const unstored = queue.takeUnstored().map((entry) => ({ entry, revision: entry.revision }))
    if (unstored.length === 0) return
    for (const { entry } of unstored) this.#journal.command(name, entry)
    this.#noteConversation(conversation)
    this.#journal.flush(() => {
      for (const { entry, revision } of unstored) {
        queue.stored(entry, revision)
        this.#parts.listener.stored(entry.command)
      }
      this.#pumpSoon()
    })
  }

  #noteConversation({ name, queue, timeline, isFollowed }: Conversation): void {
    this.#journal.conversation(name, { nextN: queue.nextN, held: timeline.held, isFollowed })
  }

  #sendEntry(conversation: Conversation, entry: Entry): void {
    const { attempt } = entry
    const { queue } = conversation
    this.#link.ask((ref) => queue.frameOf(entry, ref), {
      answered: (frame) => {
        if (frame.kind === 'ack') this.#obey(conversation, queue.acked(entry, frame))
        else if (frame.kind === 'refusal') this.#obey(conversation, queue.refused(entry, attempt, frame))
      },
      unanswered: () => this.#obey(conversation, queue.unanswered(entry, attempt)),
    })
    this.#parts.listener.sent(entry.command)
  }

  #obey(conversation: Conversation, verdict: Verdict): void {
    if (verdict.kind === 'done') this.#settle(conversation, verdict.command, verdict.outcome)
    else if (verdict.kind === 'lane-lost') this.#loseLane(verdict.why)
    else if (verdict.kind === 'again') {
      this.#later(verdict.afterMs, () => {
        conversation.queue.resume()
        this.#pumpSoon()
      })
    }
  }

  #settle(conversation: Conversation, command: Command, outcome: CommandOutcome): void {
    this.#parts.listener.settled(conversation.name, command, outcome, this.#lane)
    this.#journal.settled(conversation.name, command)
    this.#pumpSoon()
    if (outcome.kind !== 'acked' || outcome.seq === undefined || command.body.kind === 'mark') return
    const { timeline } = conversation
    if (command.body.kind === 'send') {
      // The server need not send us what we sent: the ack tells where it stands.
      timeline.take({ kind: 'own', seq: outcome.seq, time: outcome.time, command })
    } else {
      timeline.known = Math.max(timeline.known, outcome.seq)
    }
    this.#follower.askIfBehind(conversation)
  }

  #loseLane(why: RefusalName): void {
    this.#parts.listener.laneLost(why)
    this.#lane = { number: 0, random: random64(this.#parts.random) }
    this.#journal.lane(this.#lane)
    for (const conversation of this.#conversations.values()) {
      const { name, queue } = conversation
      for (const command of queue.changeLane()) {
        this.#journal.settled(name, command)
        this.#parts.listener.unknown(name, command)
      }
      this.#noteConversation(conversation)
    }
    this.#pumpSoon()
    this.#link.stop()
    this.#link.start()
  }

  /** A seq may name another event than the one we hold, so nothing that we hold is relied on (rules §14). */
  #restarted(): void {
    this.#parts.listener.restarted()
    for (const conversation of this.#conversations.values()) {
      conversation.timeline.restart()
      if (conversation.isFollowed) this.#follower.ask(conversation)
    }
  }

  /** The list tells of a conversation's head. One that is new to it is followed; those of a device's first list are not. */
  #headKnown({ conversationKind, conversation, head, isMember }: InboxEntryFacts, isFirst: boolean): void {
    const isNew = !this.#conversations.has(`${conversationKind} ${conversation}`)
    if (isNew && (isFirst || !isMember)) return
    const known = this.#conversation(conversationKind as ConversationKind, conversation)
    known.timeline.known = Math.max(known.timeline.known, head)
    if (isNew) this.follow(known.name)
    else this.#follower.askIfBehind(known)
  }

  // ── Timelines ──────────────────────────────────────────────────────────────────────────────────────────────────

  #received(frame: DecodedFrame): void {
    if (frame.kind === 'inbox') return this.#inboxSync.take(frame)
    if (frame.kind !== 'event' && frame.kind !== 'skip') return
    this.#parts.listener.received(frame)
    if (frame.kind === 'event') this.#reads.received(frame)
    const conversation = this.#conversation(frame.conversationKind as ConversationKind, frame.conversation)
    conversation.isFollowed = true // who is told of a conversation is in it
    const { timeline } = conversation
    if (frame.kind === 'event') timeline.take({ kind: 'event', seq: frame.seq, event: frame })
    else timeline.skip(frame.from, frame.to)
    this.#follower.askIfBehind(conversation)
  }
}
