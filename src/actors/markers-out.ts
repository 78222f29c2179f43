/**
 * Carries read markers from the lists of a shard's users to the conversations that they are of (rules §9): with the
 * outbox's messages, the highest of each, until the conversation's shard has it in its log.
 *
 * An entry knows up to where its conversation was told, so what a crash forgets here is owed again when the inbox is read
 * the next time. An inbox that owes stays in memory.
 */
import { type ActorKind, actorKey, shardOf } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { MarkerFacts } from '../protocol/marker-record.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import type { HeadsOut } from './heads-out.js'
import type { Shard } from './shard.js'

/** A marker that its conversation may not know. */
export class OwedMarker {
  readonly inbox: InboxActivation
  readonly entry: ListEntry
  /** What was told last, and is on its way. */
  toldSeq = 0
  /** The history that speaks of. */
  #toldOf = 0

  constructor(inbox: InboxActivation, entry: ListEntry) {
    this.inbox = inbox
    this.entry = entry
  }

  /** As it is now; told from here on. */
  facts(): MarkerFacts {
    const { app, id: user } = this.inbox.state.name
    const { kind: actorKind, conversation, readSeq: seq, readOrdinal: ordinal, incarnation } = this.entry
    this.toldSeq = seq
    this.#toldOf = incarnation
    return { app, actorKind, conversation, user, seq, ordinal, incarnation }
  }

  /** Its conversation has what was told, which is worth nothing where that history was lost meanwhile. */
  taken(): void {
    const { entry, toldSeq } = this
    if (entry.incarnation === this.#toldOf) entry.toldReadSeq = Math.max(entry.toldReadSeq, toldSeq)
  }
}

export class MarkersOut {
  readonly #shard: Shard
  readonly #out: HeadsOut
  readonly #owed = new Map<ListEntry, OwedMarker>()

  constructor(shard: Shard, out: HeadsOut) {
    this.#shard = shard
    this.#out = out
  }

  get isWaiting(): boolean {
    return this.#owed.size > 0
  }

  /** The user has read further in this conversation, perhaps. Where too much is owed already, the next reading says it. */
  owe(inbox: InboxActivation, entry: ListEntry): void {
    if (entry.readSeq <= entry.toldReadSeq || this.#owed.has(entry) || this.#owed.size >= LIMITS.outboxOwedMax) return
    const owed = new OwedMarker(inbox, entry)
    this.#owed.set(entry, owed)
    inbox.owedMarkers++
    this.#out.offerMarker(this.#shardOf(owed), owed)
    this.#shard.stir()
  }

  /** What this inbox owes, as its row has it. */
  oweAll(inbox: InboxActivation): void {
    for (const entry of inbox.state.list.all()) this.owe(inbox, entry)
  }

  /** The conversation's shard has it in its log. */
  taken(owed: OwedMarker): void {
    const { inbox, entry } = owed
    owed.taken()
    inbox.touch(entry)
    this.#shard.activations.touched(inbox)
    if (entry.readSeq > entry.toldReadSeq) return this.#out.offerMarker(this.#shardOf(owed), owed)
    this.#owed.delete(entry)
    inbox.owedMarkers--
  }

  reset(): void {
    this.#owed.clear()
  }

  #shardOf({ inbox, entry }: OwedMarker): number {
    const key = actorKey(inbox.state.name.app, entry.kind as ActorKind, entry.conversation)
    return shardOf(key, this.#shard.parts.router.shardCount)
  }
}
