/**
 * A session's commands on their way: each is stored before it leaves, and sent until its outcome is known, on whatever
 * connection and in whatever lane there is by then (rules §5).
 */
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import type { LaneName } from '../protocol/decoded-frame.js'
import type { Clock } from '../std/clock.js'
import { type Random, random64 } from '../std/random.js'
import type { Command, CommandOutcome, Entry, Verdict } from './command-queue.js'
import type { Conversations, SessionConversation } from './conversations.js'
import type { Journal } from './journal.js'
import type { Link } from './link.js'
import type { SessionListener } from './session-listener.js'

/** Of the requests that may be unanswered, half are left for history. */
const COMMANDS_IN_FLIGHT_MAX = LIMITS.inFlightMax / 2

export interface SendingParts {
  readonly clock: Clock
  readonly random: Random
  readonly link: Link
  readonly journal: Journal
  readonly listener: SessionListener
  readonly conversations: Conversations
  /** What an earlier life of this device used; otherwise it takes a new one. */
  readonly lane: LaneName | undefined
  /** Runs `task` later, if the connection is still the same by then. */
  later(delayMs: number, task: () => void): void
  /** A command that is not a mark has its place in this conversation. */
  placed(conversation: SessionConversation, command: Command, seq: number, time: number): void
}

export class Sending {
  readonly #parts: SendingParts
  #lane: LaneName
  #pumpIsDue = false

  constructor(parts: SendingParts) {
    this.#parts = parts
    this.#lane = parts.lane ?? { number: 0, random: random64(parts.random) }
    if (parts.lane === undefined) parts.journal.lane(this.#lane)
  }

  get lane(): LaneName {
    return this.#lane
  }

  /** The server has given or confirmed this lane. */
  welcomed(lane: LaneName): void {
    this.#lane = lane
    this.#parts.journal.lane(lane)
  }

  /** Commands are there, or room for them. */
  pumpSoon(): void {
    if (this.#pumpIsDue) return
    this.#pumpIsDue = true
    this.#parts.clock.soon(() => {
      this.#pumpIsDue = false
      for (const conversation of this.#parts.conversations.all()) this.#pump(conversation)
    })
  }

  /** The lane is of no more use: what is under way in it is unknown, the rest goes out in another. */
  loseLane(why: RefusalName): void {
    const { conversations, journal, link, listener, random } = this.#parts
    listener.laneLost(why)
    this.#lane = { number: 0, random: random64(random) }
    journal.lane(this.#lane)
    for (const conversation of conversations.all()) {
      const { name, queue } = conversation
      for (const command of queue.changeLane()) {
        journal.settled(name, command)
        listener.unknown(name, command)
      }
      conversations.note(conversation)
    }
    this.pumpSoon()
    link.stop()
    link.start()
  }

  #pump(conversation: SessionConversation): void {
    const { link } = this.#parts
    this.#store(conversation)
    while (link.isOnline && link.inFlight < COMMANDS_IN_FLIGHT_MAX) {
      const entry = conversation.queue.next()
      if (entry === undefined) return
      this.#send(conversation, entry)
    }
  }

  /** Notes what is new in the queue; it leaves once that survives a crash. */
  #store(conversation: SessionConversation): void {
    const { conversations, journal, listener } = this.#parts
    const { name, queue } = conversation
    const unstored = queue.takeUnstored().map((entry) => ({ entry, revision: entry.revision }))
    if (unstored.length === 0) return
    for (const { entry } of unstored) journal.command(name, entry)
    conversations.note(conversation)
    journal.flush(() => {
      for (const { entry, revision } of unstored) {
        queue.stored(entry, revision)
        listener.stored(entry.command)
      }
      this.pumpSoon()
    })
  }

  #send(conversation: SessionConversation, entry: Entry): void {
    const { attempt } = entry
    const { queue } = conversation
    this.#parts.link.ask((ref) => queue.frameOf(entry, ref), {
      answered: (frame) => {
        if (frame.kind === 'ack') this.#obey(conversation, queue.acked(entry, frame))
        else if (frame.kind === 'refusal') this.#obey(conversation, queue.refused(entry, attempt, frame))
      },
      unanswered: () => this.#obey(conversation, queue.unanswered(entry, attempt)),
    })
    this.#parts.listener.sent(entry.command)
  }

  #obey(conversation: SessionConversation, verdict: Verdict): void {
    if (verdict.kind === 'done') this.#settle(conversation, verdict.command, verdict.outcome)
    else if (verdict.kind === 'lane-lost') this.loseLane(verdict.why)
    else if (verdict.kind === 'again') {
      this.#parts.later(verdict.afterMs, () => {
        conversation.queue.resume()
        this.pumpSoon()
      })
    }
  }

  #settle(conversation: SessionConversation, command: Command, outcome: CommandOutcome): void {
    const { journal, listener, placed } = this.#parts
    listener.settled(conversation.name, command, outcome, this.#lane)
    journal.settled(conversation.name, command)
    this.pumpSoon()
    if (outcome.kind !== 'acked' || outcome.seq === undefined || command.body.kind === 'mark') return
    placed(conversation, command, outcome.seq, outcome.time)
  }
}
