/**
 * A device's logical link to the server: whatever connections come and go, commands keep their order and are accepted
 * once, and every timeline that is followed comes to be held without a gap.
 *
 * Pure: bytes go in and out through a `Dialer`, time and chance are injected, nothing is stored. `send` and `change`
 * queue a command; its outcome comes to the listener once, however many connections it took.
 */
import type { ConversationKind } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { isAboutLane, isFinal, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import { encodeContent, type MessageContent } from '../protocol/content.js'
import type { DecodedFrame, EventFrame, LaneName, RefusalFrame, SkipFrame } from '../protocol/decoded-frame.js'
import { HistoryMode } from '../protocol/wire-numbers.js'
import type { Clock } from '../std/clock.js'
import { type Random, random64 } from '../std/random.js'
import {
  type Command,
  type CommandOutcome,
  CommandQueue,
  type ConversationName,
  type Entry,
  type Verdict,
} from './command-queue.js'
import { type Dialer, Link } from './link.js'
import { type Item, Timeline } from './timeline.js'

export interface SessionListener {
  online(lane: LaneName): void
  /** Told once per command. */
  settled(conversation: ConversationName, command: Command, outcome: CommandOutcome, lane: LaneName): void
  /** An alarm: the server and this device disagree about the lane, as after a restored backup. A new one is opened. */
  laneLost(why: RefusalName): void
  /** The lane was lost with this command under way: it may or may not have been accepted. */
  unknown(conversation: ConversationName, command: Command): void
  /** An event or a skip has arrived: as the wire has it, before order and repeats are seen to. */
  received(frame: EventFrame | SkipFrame): void
  /** The next of a timeline, in order, once. */
  shown(conversation: ConversationName, item: Item): void
  /** The server will not have us, for a reason that connecting again does not change. */
  rejected(refusal: RefusalFrame): void
}

export interface SessionParts {
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dialer
  readonly listener: SessionListener
  readonly token: string
  readonly device: string
}

const HISTORY_LIMIT = 100
const ASK_AGAIN_MS_MIN = 100
/** Histories asked for at once. Answers of LIMITS.historyBytesMax each must not make us a reader that is cut off. */
const ASKING_MAX = 4
/** Of the requests that may be unanswered, half are left for history. */
const COMMANDS_IN_FLIGHT_MAX = LIMITS.inFlightMax / 2

interface Conversation {
  readonly name: ConversationName
  readonly queue: CommandQueue
  readonly timeline: Timeline
  isFollowed: boolean
}

export class Session {
  readonly #parts: SessionParts
  readonly #link: Link
  readonly #conversations = new Map<string, Conversation>()
  #lane: LaneName
  /** Raised with each connection: what was to be tried again on an old one is tried already. */
  #life = 0
  #pumpIsDue = false
  /** Conversations with a question under way, and those whose turn comes then. */
  readonly #asking = new Set<Conversation>()
  readonly #toAsk = new Set<Conversation>()

  constructor(parts: SessionParts) {
    this.#parts = parts
    const { clock, random, dial, token, device } = parts
    this.#lane = { number: 0, random: random64(random) }
    this.#link = new Link({
      clock,
      random,
      dial,
      hello: (ref) => ({ kind: 'hello', ref, token, device, lane: this.#lane }),
      up: ({ lane }) => this.#up(lane),
      down: () => this.#down(),
      received: (frame) => this.#received(frame),
      rejected: (refusal) => this.#rejected(refusal),
    })
  }

  get isOnline(): boolean {
    return this.#link.isOnline
  }

  /** Every command has its outcome, and nothing that is known to exist is missing. */
  get isSettled(): boolean {
    for (const { queue, timeline, isFollowed } of this.#conversations.values()) {
      if (queue.size > 0 || (isFollowed && (timeline.isAsking || timeline.isBehind))) return false
    }
    return this.isOnline
  }

  start(): void {
    this.#link.start()
  }

  stop(): void {
    this.#link.stop()
  }

  reconnect(): void {
    this.#link.reconnect()
  }

  /** Queues a message; its id is drawn here. */
  send(name: ConversationName, content: Omit<MessageContent, 'messageId'>): Command {
    const messageId = (random64(this.#parts.random) << 64n) | random64(this.#parts.random)
    const id = messageId.toString(16).padStart(32, '0')
    return this.#add(name, { id, body: { kind: 'send', content: encodeContent({ ...content, messageId }) } })
  }

  change(name: ConversationName, action: number, users: readonly string[]): Command {
    const id = `change ${random64(this.#parts.random).toString(16)}`
    return this.#add(name, { id, body: { kind: 'change', action, users } })
  }

  #add(name: ConversationName, command: Command): Command {
    this.#conversation(name.kind, name.id).queue.add(command)
    this.#pumpSoon()
    return command
  }

  /** Holds this conversation's timeline from the first seq on; asks for news where it is followed already. */
  follow(name: ConversationName): void {
    const conversation = this.#conversation(name.kind, name.id)
    conversation.isFollowed = true
    this.#ask(conversation)
  }

  #conversation(kind: ConversationKind, id: string): Conversation {
    const key = `${kind} ${id}`
    let found = this.#conversations.get(key)
    if (found === undefined) {
      const name = { kind, id }
      const timeline = new Timeline((item) => this.#parts.listener.shown(name, item))
      found = { name, queue: new CommandQueue(name, LIMITS.laneWindow), timeline, isFollowed: false }
      this.#conversations.set(key, found)
    }
    return found
  }

  #up(lane: LaneName): void {
    this.#lane = lane
    this.#parts.listener.online(lane)
    for (const conversation of this.#conversations.values()) if (conversation.isFollowed) this.#ask(conversation)
    this.#pumpSoon()
  }

  #down(): void {
    this.#life++
    this.#asking.clear()
    this.#toAsk.clear()
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
      if (this.isOnline) for (const conversation of this.#conversations.values()) this.#pump(conversation)
    })
  }

  #pump(conversation: Conversation): void {
    while (this.#link.inFlight < COMMANDS_IN_FLIGHT_MAX) {
      const entry = conversation.queue.next()
      if (entry === undefined) return
      this.#sendEntry(conversation, entry)
    }
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
    this.#pumpSoon()
    if (outcome.kind !== 'acked' || outcome.seq === undefined) return
    const { timeline } = conversation
    if (command.body.kind === 'send') {
      // The server need not send us what we sent: the ack tells where it stands.
      timeline.take({ kind: 'own', seq: outcome.seq, time: outcome.time, command })
    } else {
      timeline.known = Math.max(timeline.known, outcome.seq)
    }
    this.#askIfBehind(conversation)
  }

  #loseLane(why: RefusalName): void {
    this.#parts.listener.laneLost(why)
    for (const { name, queue } of this.#conversations.values()) {
      for (const command of queue.changeLane()) this.#parts.listener.unknown(name, command)
    }
    this.#lane = { number: 0, random: random64(this.#parts.random) }
    this.#link.stop()
    this.#link.start()
  }

  // ── Timelines ──────────────────────────────────────────────────────────────────────────────────────────────────

  #received(frame: DecodedFrame): void {
    if (frame.kind !== 'event' && frame.kind !== 'skip') return
    this.#parts.listener.received(frame)
    const conversation = this.#conversation(frame.conversationKind as ConversationKind, frame.conversation)
    conversation.isFollowed = true // who is told of a conversation is in it
    const { timeline } = conversation
    if (frame.kind === 'event') timeline.take({ kind: 'event', seq: frame.seq, event: frame })
    else timeline.skip(frame.from, frame.to)
    this.#askIfBehind(conversation)
  }

  #askIfBehind(conversation: Conversation): void {
    if (conversation.isFollowed && conversation.timeline.isBehind) this.#ask(conversation)
  }

  #ask(conversation: Conversation): void {
    const { name, timeline } = conversation
    if (!this.isOnline || this.#asking.has(conversation)) return
    timeline.isAsking = true
    if (this.#asking.size >= ASKING_MAX) {
      this.#toAsk.add(conversation)
      return
    }
    this.#asking.add(conversation)
    const question = {
      kind: 'history' as const,
      mode: HistoryMode.after,
      conversationKind: name.kind,
      conversation: name.id,
      anchor: timeline.held,
      limit: HISTORY_LIMIT,
      minSeq: timeline.known,
    }
    this.#link.ask((ref) => ({ ...question, ref }), {
      answered: (frame) => this.#answered(conversation, frame, question.minSeq),
      unanswered: () => {
        this.#askedEnough(conversation)
        this.#askAgain(conversation, 0)
      },
    })
  }

  #answered(conversation: Conversation, frame: DecodedFrame, knownWhenAsked: number): void {
    const { timeline } = conversation
    this.#askedEnough(conversation)
    this.#pumpSoon()
    if (frame.kind === 'history-end') {
      timeline.answered(frame)
      this.#askIfBehind(conversation)
    } else if (frame.kind === 'refusal' && isNotNow(refusalOfWire(frame.code))) {
      this.#askAgain(conversation, Math.max(ASK_AGAIN_MS_MIN, frame.retryAfterMs))
    } else if (timeline.known > knownWhenAsked) {
      this.#ask(conversation) // "not a member" was true when it was said; since then we were let in
    }
  }

  #askAgain(conversation: Conversation, afterMs: number): void {
    conversation.timeline.isAsking = true
    this.#later(afterMs, () => this.#ask(conversation))
  }

  #askedEnough(conversation: Conversation): void {
    conversation.timeline.isAsking = false
    this.#asking.delete(conversation)
    for (const next of this.#toAsk) {
      if (this.#asking.size >= ASKING_MAX) return
      this.#toAsk.delete(next)
      this.#ask(next)
    }
  }
}

function isNotNow(name: RefusalName | undefined): boolean {
  return name !== undefined && !isFinal(name)
}
