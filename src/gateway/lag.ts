/**
 * What a connection that read too slowly has missed, per conversation the first seq that was not delivered. A pure
 * machine: catch-up.ts reads history with it, and until a conversation is served up to what was missed, its deliveries
 * are only noted here, so nothing is skipped or comes before its turn.
 */
import type { Delivered } from '../actors/peers.js'
import type { ActorKey, Seq } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'

export interface InboxPlace {
  readonly incarnation: number
  readonly version: number
}

interface Missed {
  /** The first seq not delivered yet. */
  next: Seq
  /** The highest seq that was to be delivered. */
  seen: Seq
}

export class Lag {
  /** Nothing is delivered while the socket's queue is long. */
  isPaused = true
  /** Ref of the history read on its way, and what it reads; 0 where there is none. */
  ref = 0
  reading: ActorKey | undefined
  /** Reads in a row that brought nothing. */
  stalls = 0
  /** Where the user's inbox stands, by the last step or beacon that was not delivered. */
  inbox: InboxPlace | undefined
  /** The sweep's second in which all was found served; 0 while it is not. */
  servedAt = 0

  readonly #missed = new Map<ActorKey, Missed>()
  /** Up to where conversations were served from history: late deliveries of the same events are dropped. */
  readonly #served = new Map<ActorKey, Seq>()

  get isOver(): boolean {
    return !this.isPaused && this.#missed.size === 0
  }

  get missedCount(): number {
    return this.#missed.size
  }

  /** Whether a delivery passes now; where it does not, it is noted, if it has a seq: signals and steps of the inbox have none. */
  passes({ conversation, firstSeq, lastSeq }: Delivered): boolean {
    if (lastSeq === 0) return !this.isPaused
    const served = this.#served.get(conversation) ?? 0
    if (lastSeq <= served) return false
    const missed = this.#missed.get(conversation)
    if (missed !== undefined) {
      if (firstSeq < missed.next) missed.next = Math.max(firstSeq, served + 1)
      if (lastSeq > missed.seen) missed.seen = lastSeq
      return false
    }
    if (!this.isPaused) return true
    this.#missed.set(conversation, { next: firstSeq, seen: lastSeq })
    return false
  }

  /** The conversation to read next, and after which seq. */
  nextRead(): { readonly conversation: ActorKey; readonly after: Seq } | undefined {
    for (const [conversation, { next }] of this.#missed) return { conversation, after: next - 1 }
    return undefined
  }

  /** History was delivered up to and including `completeTo`. False where that is no step forward. */
  served(conversation: ActorKey, completeTo: Seq): boolean {
    const missed = this.#missed.get(conversation)
    if (missed === undefined) return true
    if (completeTo < missed.next) return false
    missed.next = completeTo + 1
    this.#remember(conversation, completeTo)
    if (missed.next > missed.seen) this.#missed.delete(conversation)
    return true
  }

  /** The user may not read it any more; there is nothing to serve. */
  drop(conversation: ActorKey): void {
    this.#missed.delete(conversation)
  }

  #remember(conversation: ActorKey, seq: Seq): void {
    this.#served.delete(conversation)
    this.#served.set(conversation, seq)
    if (this.#served.size <= LIMITS.laggingConversationsMax) return
    for (const oldest of this.#served.keys()) return void this.#served.delete(oldest)
  }
}
