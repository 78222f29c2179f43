/**
 * The first events of a resumption (rules §7): a user shard asks the owners of the conversations that changed for the
 * newest unread events, and answers Resume with them, so that a device that comes back shows messages without asking more.
 *
 * Bounded in number, bytes and time, and nothing relies on it: what an owner does not tell by then is left to History.
 */
import { type ActorKey, actorKey, shardOf, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { type Bytes, GrowingBytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import type { EventsWanted, HeadsQuestion } from './owner-link.js'
import type { Shard } from './shard.js'

interface Question {
  readonly waiting: Set<number>
  readonly told: GrowingBytes
  readonly until: number
  answered(told: GrowingBytes): void
  /** The inbox is not ours any more. */
  lost(): void
}

export class FirstEvents {
  readonly #shard: Shard
  /** Under way, by number; the oldest first. */
  readonly #questions = new Map<number, Question>()
  #k = 0

  constructor(shard: Shard) {
    this.#shard = shard
  }

  get isFull(): boolean {
    return this.#questions.size >= LIMITS.firstEventsAsksMax
  }

  /** Asks for the events of `entries`, at most `countMax` of each, above what the user has read. */
  gather(
    inbox: InboxActivation,
    entries: readonly ListEntry[],
    countMax: number,
    then: Pick<Question, 'answered' | 'lost'>,
  ): void {
    const { router, self, clock, id: fromShard } = this.#shard.parts
    const { app, id } = inbox.state.name
    const wanted = new Map<number, EventsWanted[]>()
    for (const { kind, conversation, readSeq } of entries) {
      const key = actorKey(app, kind, conversation)
      const shard = shardOf(key, router.shardCount)
      const ofShard = wanted.get(shard)
      const each = { conversation: key as ActorKey, after: readSeq }
      if (ofShard === undefined) wanted.set(shard, [each])
      else ofShard.push(each)
    }
    const until = clock.monotonic() + LIMITS.firstEventsMs
    const question = { waiting: new Set(wanted.keys()), told: new GrowingBytes(1024), until, ...then }
    const k = ++this.#k
    this.#questions.set(k, question)
    this.#shard.stir()
    const bytesMax = Math.floor(LIMITS.firstEventsBytesMax / entries.length)
    for (const [toShard, ofShard] of wanted) {
      const owner = router.ownerOf(toShard)
      if (owner === undefined) question.waiting.delete(toShard)
      else owner.askEvents(self, { fromShard, toShard, k }, { user: id as UserId, countMax, bytesMax, wanted: ofShard })
    }
    this.#finish(k, question)
  }

  told({ toShard, k }: HeadsQuestion, bytes: Bytes, start: number, end: number): void {
    const question = this.#questions.get(k)
    if (question === undefined || !question.waiting.delete(toShard)) return
    question.told.appendFrom(bytes, start, end)
    this.#finish(k, question)
  }

  #finish(k: number, question: Question): void {
    if (question.waiting.size > 0) return
    if (this.#questions.delete(k)) question.answered(question.told)
  }

  get isWaiting(): boolean {
    return this.#questions.size > 0
  }

  tick(now: number): void {
    for (const [k, question] of this.#questions) {
      if (question.until > now) return
      question.waiting.clear()
      this.#finish(k, question)
    }
  }

  reset(): void {
    for (const { lost } of this.#questions.values()) lost()
    this.#questions.clear()
  }
}
