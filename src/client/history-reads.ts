/**
 * Reads of history that somebody waits for, beside the timelines that are followed. A read is safe to repeat, so it
 * outlives connections and refusals of the kind "not now", up to a deadline.
 *
 * The events of an answer carry no ref: they come before its end, mixed with live ones. So each open read keeps what
 * arrives of its conversation and takes from it the range that the end names.
 */
import { isFinalCode } from '../domain/refusal.js'
import type { DecodedFrame, EventFrame, RefusalFrame } from '../protocol/decoded-frame.js'
import { assert } from '../std/assert.js'
import type { Clock, Timer } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import type { Link } from './link.js'

export interface HistoryRange {
  /** Of HistoryMode. */
  readonly mode: number
  readonly anchor: number
  /** 1 … LIMITS.historyLimitMax. */
  readonly limit: number
}

interface HistoryQuestion extends HistoryRange {
  readonly minSeq: number
}

/** `from` … `completeTo` is covered: a seq without an event holds nothing that this user may see. */
export interface HistoryAnswer {
  readonly events: readonly EventFrame[]
  readonly from: number
  readonly completeTo: number
  /** The conversation's last seq. */
  readonly head: number
}

export type HistoryOutcome =
  | ({ readonly kind: 'read' } & HistoryAnswer)
  | { readonly kind: 'refused'; readonly refusal: RefusalFrame }
  /** Nobody answered in time. */
  | { readonly kind: 'unanswered' }

interface Read {
  readonly name: ConversationName
  readonly question: HistoryQuestion
  readonly done: (outcome: HistoryOutcome) => void
  timer: Timer | undefined
  events: EventFrame[]
}

const READ_MS_MAX = 30_000
const READ_AGAIN_MS_MIN = 100
/** Reads without an answer; one more is answered with `unanswered`. */
const READS_MAX = 64

export interface HistoryReadsParts {
  readonly link: Link
  readonly clock: Clock
  /** Runs `task` later, if the connection is still the same by then. */
  later(delayMs: number, task: () => void): void
}

export class HistoryReads {
  readonly #parts: HistoryReadsParts
  readonly #open = new Set<Read>()

  constructor(parts: HistoryReadsParts) {
    this.#parts = parts
  }

  read(name: ConversationName, question: HistoryQuestion, done: (outcome: HistoryOutcome) => void): void {
    const { clock } = this.#parts
    if (this.#open.size >= READS_MAX) return clock.soon(() => done({ kind: 'unanswered' }))
    const read: Read = { name, question, done, timer: undefined, events: [] }
    read.timer = clock.after(READ_MS_MAX, () => this.#end(read, { kind: 'unanswered' }))
    this.#open.add(read)
    this.#ask(read)
  }

  /** What was asked on the old connection is asked again. */
  connected(): void {
    for (const read of this.#open) this.#ask(read)
  }

  /** An event has arrived; it may belong to an answer. */
  received(event: EventFrame): void {
    for (const { name, events } of this.#open) {
      if (name.id === event.conversation && name.kind === event.conversationKind) events.push(event)
    }
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const read of this.#open) this.#end(read, { kind: 'unanswered' })
  }

  #ask(read: Read): void {
    const { link } = this.#parts
    if (!link.isOnline || !this.#open.has(read)) return
    read.events = []
    const { name, question } = read
    link.ask((ref) => ({ kind: 'history', ref, conversationKind: name.kind, conversation: name.id, ...question }), {
      answered: (frame) => this.#answered(read, frame),
      unanswered: () => this.#ask(read),
    })
  }

  #answered(read: Read, frame: DecodedFrame): void {
    if (frame.kind === 'refusal' && !isFinalCode(frame.code)) {
      this.#parts.later(Math.max(READ_AGAIN_MS_MIN, frame.retryAfterMs), () => this.#ask(read))
    } else if (frame.kind === 'refusal') {
      this.#end(read, { kind: 'refused', refusal: frame })
    } else {
      assert(frame.kind === 'history-end', `history was answered with ${frame.kind}`)
      const { from, completeTo, head } = frame
      this.#end(read, { kind: 'read', events: inOrder(read.events, from, completeTo), from, completeTo, head })
    }
  }

  #end(read: Read, outcome: HistoryOutcome): void {
    if (!this.#open.delete(read)) return
    read.timer?.cancel()
    read.done(outcome)
  }
}

function inOrder(events: readonly EventFrame[], from: number, to: number): EventFrame[] {
  const bySeq = new Map(events.filter(({ seq }) => seq >= from && seq <= to).map((event) => [event.seq, event]))
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}
