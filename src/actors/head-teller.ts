/**
 * The owner's word on where its large conversations stand: to user shards that ask, and by itself 1, 2, 4 … 30 s after
 * the last event, so that whoever is connected learns of an event whose delivery was lost (rules §11).
 */
import { type ActorKey, parseActorKey, type UserId } from '../domain/ids.js'
import { writeInbox } from '../protocol/answer-frames.js'
import { GrowingBytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import type { HeadsQuestion, OwnerHandle, TakenHead } from './owner-link.js'
import type { Shard } from './shard.js'

const NO_MEMBER = { head: 0, ordinal: 0, time: 0 }
const AFTER_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000] as const

/** The beacons of one conversation. */
interface Series {
  /** When it began; undefined: with the next tick. */
  since: number | undefined
  /** Of AFTER_MS. */
  told: number
  /** Something happened after it began. */
  hasNews: boolean
}

export class HeadTeller {
  readonly #shard: Shard
  readonly #series = new Map<ConversationActivation, Series>()

  constructor(shard: Shard) {
    this.#shard = shard
  }

  // ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells `from` how these conversations stand for the user: with head 0 where they are no member. What cannot be read
   *  is left out. */
  answer(from: OwnerHandle, question: HeadsQuestion, user: UserId, keys: readonly ActorKey[]): void {
    const { activations, loop } = this.#shard
    if (!loop.isServing) return
    const missing = keys.filter((key) => activations.get(key) === undefined)
    if (missing.length === 0) return this.#answerNow(from, question, user, keys)
    const isCurrent = activations.lifeCheck()
    void Promise.all(missing.map((key) => activations.load(parseActorKey(key)))).then(() => {
      if (isCurrent() && loop.isServing) this.#answerNow(from, question, user, keys)
    })
  }

  #answerNow(from: OwnerHandle, question: HeadsQuestion, user: UserId, keys: readonly ActorKey[]): void {
    const heads = keys.flatMap((key): TakenHead[] => {
      const activation = this.#shard.activations.get(key)
      if (activation?.kind !== 'conversation') return []
      activation.isWarm = true
      const { head, ordinal, lastTime: time, members } = activation.state
      return [{ conversation: key, ...(members.isNow(user) ? { head, ordinal, time } : NO_MEMBER) }]
    })
    this.#shard.loop.whenDurable(() => from.headsTold(question, heads))
  }

  // ── Beacons ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An event of a conversation whose head lists do not hear of by records, or not all of them. */
  happened(activation: ConversationActivation): void {
    const series = this.#series.get(activation)
    if (series !== undefined) {
      series.hasNews = true
      return
    }
    this.#series.set(activation, { since: undefined, told: 0, hasNews: false })
    this.#shard.stir()
  }

  /** The last beacon is still to come. */
  isRepeating(activation: ConversationActivation): boolean {
    return this.#series.has(activation)
  }

  get isWaiting(): boolean {
    return this.#series.size > 0
  }

  tick(now: number): void {
    if (this.#series.size === 0 || !this.#shard.loop.isServing) return
    for (const [activation, series] of this.#series) {
      if (series.since === undefined || (series.hasNews && series.told > 0)) Object.assign(series, beginning(now))
      if (now - series.since! < AFTER_MS[series.told]!) continue
      this.#tell(activation)
      series.told++
      if (series.told === AFTER_MS.length) this.#series.delete(activation)
    }
  }

  #tell(activation: ConversationActivation): void {
    const { parts, loop } = this.#shard
    const { name, head, ordinal, lastTime: time } = activation.state
    const out = new GrowingBytes(256)
    const where = { conversationKind: name.kind, conversation: name.id }
    writeInbox(out, { heads: [{ ...where, head, ordinal, time, isAway: false }] })
    const audience = parts.fanOut.audienceNow(activation)
    const what = { conversation: activation.key, firstSeq: 0, lastSeq: 0 }
    loop.whenDurable(() => {
      for (const [owner, inboxes] of audience) owner.tell(inboxes, undefined, what, out.bytes, 0, out.size)
    })
  }

  reset(): void {
    this.#series.clear()
  }
}

function beginning(now: number): Series {
  return { since: now, told: 0, hasNews: false }
}
