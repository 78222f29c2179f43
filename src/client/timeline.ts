/**
 * What a device holds of one conversation: everything from the first seq on (or from where it begins to hold), in order
 * and once, whatever the wire repeats, overtakes or leaves out. What is missing it asks for; a skip counts as held.
 */
import type { EventFrame, HistoryEndFrame } from '../protocol/decoded-frame.js'
import { assert } from '../std/assert.js'
import type { Command } from './command-queue.js'

/** One place of the timeline: an event, or a message of our own whose ack told its seq. */
export type Item =
  | { readonly kind: 'event'; readonly seq: number; readonly event: EventFrame }
  | { readonly kind: 'own'; readonly seq: number; readonly time: number; readonly command: Command }

export interface TimelineListener {
  /** The next item, in order, once. */
  shown(item: Item): void
  /** `held` has grown. */
  moved(): void
}

interface SkippedTo {
  readonly kind: 'skip'
  readonly to: number
}

/** Items that arrived above a gap; beyond it they are let go, and asked for again once the gap is filled. */
const AHEAD_MAX = 1_000

export class Timeline {
  /** Everything at or below it is held. */
  held = 0
  /** The highest seq that is known to exist. */
  known = 0
  /** A question is under way. */
  isAsking = false
  /** The highest seq that came from each incarnation of the conversation's log, 0: not known of which. */
  readonly #lastOf = new Map<number, number>()
  readonly #ahead = new Map<number, Item | SkippedTo>()
  readonly #listener: TimelineListener

  constructor(listener: TimelineListener) {
    this.#listener = listener
  }

  get isBehind(): boolean {
    return this.held < this.known
  }

  /** An earlier life of this device held everything up to `seq`. */
  restore(seq: number): void {
    this.#note(0, seq)
    this.startAfter(seq)
  }

  /** Begins to hold behind `seq`: what lies at or below it is left to history. Moves up only. */
  startAfter(seq: number): void {
    if (seq > this.held) this.#advance({ kind: 'skip', to: seq })
    this.known = Math.max(this.known, this.held)
  }

  /** The server's history begins anew: what was held may be something else now, and is shown again. */
  restart(): void {
    this.held = 0
    this.known = 0
    this.#lastOf.clear()
    this.#ahead.clear()
    this.#listener.moved()
  }

  /** Holds, or knows of, an event at or above `seq` from an earlier incarnation than this one. */
  hasOfBefore(incarnation: number, seq: number): boolean {
    return [...this.#lastOf].some(([of, last]) => of < incarnation && last >= seq)
  }

  /** An ack does not tell the incarnation: it is the newest that was heard of. */
  #note(incarnation: number, seq: number): void {
    this.#lastOf.set(incarnation, Math.max(seq, this.#lastOf.get(incarnation) ?? 0))
  }

  take(item: Item): void {
    this.#note(item.kind === 'event' ? item.event.incarnation : Math.max(0, ...this.#lastOf.keys()), item.seq)
    this.known = Math.max(this.known, item.seq)
    if (item.seq <= this.held) return
    if (item.seq > this.held + 1) {
      if (this.#ahead.size < AHEAD_MAX) this.#ahead.set(item.seq, item)
      return
    }
    this.#advance(item)
  }

  /** from … to (inclusive) hold nothing for us. */
  skip(from: number, to: number): void {
    this.known = Math.max(this.known, to)
    if (to <= this.held) return
    if (from <= this.held + 1) this.#advance({ kind: 'skip', to })
    else if (this.#ahead.size < AHEAD_MAX) this.#ahead.set(from, { kind: 'skip', to })
  }

  /** An answer to History is complete. Asserts that the server left no gap in it: such a gap would be silent. */
  answered({ from, completeTo, head }: HistoryEndFrame): void {
    this.known = Math.max(this.known, head)
    assert(from > this.held + 1 || this.held >= completeTo, `history ${from}…${completeTo} left us at ${this.held}`)
  }

  #advance(first: Item | SkippedTo): void {
    let next: Item | SkippedTo | undefined = first
    while (next !== undefined) {
      if (next.kind === 'skip') this.held = Math.max(this.held, next.to)
      else {
        this.held = next.seq
        this.#listener.shown(next)
      }
      next = this.#takeAhead(this.held + 1)
    }
    this.#listener.moved()
  }

  #takeAhead(seq: number): Item | SkippedTo | undefined {
    const found = this.#ahead.get(seq)
    if (found !== undefined) {
      this.#ahead.delete(seq)
      return found
    }
    for (const [at, each] of this.#ahead) {
      const end = each.kind === 'skip' ? each.to : at
      if (end < seq) this.#ahead.delete(at)
      else if (at < seq) {
        this.#ahead.delete(at)
        return each // a skip that began at or below what is held and reaches beyond
      }
    }
    return undefined
  }
}
