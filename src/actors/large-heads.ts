/**
 * A user shard's way to the heads of its users' large conversations, which nobody writes into inboxes: asks the owners of
 * those conversations when a list is read (rules §7), and once a minute for those who are connected.
 *
 * A question is bounded in time and number. What an owner does not tell by then is said to be away, and the device asks
 * again; all else of the list does not wait for it.
 */
import { type ActorKey, actorKey, shardOf, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { writeInbox } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { HeadFacts } from '../protocol/decoded-frame.js'
import { GrowingBytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import type { HeadsQuestion, InLink, TakenHead } from './owner-link.js'
import type { Shard } from './shard.js'

interface Question {
  /** By the shard that was asked: what it has not told. */
  readonly waiting: Map<number, Map<ActorKey, ListEntry>>
  readonly heads: HeadFacts[]
  readonly until: number
  answered(heads: readonly HeadFacts[]): void
  /** The inbox is not ours any more. */
  lost(): void
}

export class LargeHeads {
  readonly #shard: Shard
  /** Under way, by number; the oldest first. */
  readonly #questions = new Map<number, Question>()
  #k = 0
  /** Whose sessions are to be told, and from which place of their list on; the first to be told first. */
  readonly #toTell = new Map<ActorKey, { readonly inbox: InboxActivation; readonly from: number }>()
  /** Questions for them. */
  #tellsCount = 0

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** Resume with `headsFrom`, the place in the list plus one. */
  answer(inbox: InboxActivation, link: InLink, k: number, { ref, headsFrom }: ClientFrame): void {
    const shard = this.#shard
    if (this.#questions.size >= LIMITS.headsAsksMax) return shard.refuse(link, k, 'mailbox-full', ref, 0)
    const page = inbox.state.list.largeFrom(headsFrom - 1, LIMITS.resumeEntriesMax)
    const headsNext = page.length < LIMITS.resumeEntriesMax ? 0 : page[page.length - 1]!.index + 2
    const answered = (heads: readonly HeadFacts[]) => {
      const answers = shard.answers()
      writeInbox(answers.bytes, { ref, heads, headsNext })
      answers.add(link, k, ref, 0)
      shard.leave(answers)
    }
    this.#ask(inbox, page, { answered, lost: () => link.unknown(k) })
  }

  /** Tells the sessions of this inbox where its large conversations stand, when it is its turn. */
  tell(inbox: InboxActivation): void {
    if (this.#toTell.has(inbox.key) || inbox.state.list.largeFrom(0, 1).length === 0) return
    this.#toTell.set(inbox.key, { inbox, from: 0 })
    this.#shard.stir()
    this.#tellNext()
  }

  /** Whoever waits longest first, a page each time; devices that come back find room beside them. */
  #tellNext(): void {
    for (const [key, { inbox, from }] of this.#toTell) {
      if (this.#tellsCount >= LIMITS.headsTellsMax || this.#questions.size >= LIMITS.headsAsksMax) return
      this.#toTell.delete(key)
      const page = inbox.state.list.largeFrom(from, LIMITS.resumeEntriesMax)
      if (page.length === 0) continue
      if (page.length === LIMITS.resumeEntriesMax) {
        this.#toTell.set(key, { inbox, from: page[page.length - 1]!.index + 1 })
      }
      this.#tellsCount++
      this.#ask(inbox, page, {
        answered: (heads) => {
          this.#tellsCount--
          this.#told(key, heads)
        },
        lost: () => {},
      })
    }
  }

  #told(inbox: ActorKey, all: readonly HeadFacts[]): void {
    const heads = all.filter(({ isAway }) => !isAway)
    if (heads.length === 0) return
    const out = new GrowingBytes(256)
    writeInbox(out, { heads })
    this.#shard.parts.sessions.tellInbox(inbox, out.bytes, 0, out.size)
  }

  #ask(inbox: InboxActivation, entries: readonly ListEntry[], then: Pick<Question, 'answered' | 'lost'>): void {
    const { app, id } = inbox.state.name
    const { router, self, clock, id: fromShard } = this.#shard.parts
    const waiting: Question['waiting'] = new Map()
    for (const entry of entries) {
      const key = actorKey(app, entry.kind, entry.conversation)
      const shard = shardOf(key, router.shardCount)
      const ofShard = waiting.get(shard)
      if (ofShard === undefined) waiting.set(shard, new Map([[key, entry]]))
      else ofShard.set(key, entry)
    }
    const question = { waiting, heads: [], until: clock.monotonic() + LIMITS.headsAskMs, ...then }
    const k = ++this.#k
    this.#questions.set(k, question)
    this.#shard.stir()
    for (const [toShard, ofShard] of [...waiting]) {
      const owner = router.ownerOf(toShard)
      if (owner === undefined) this.#take(question, toShard, [])
      else owner.askHeads(self, { fromShard, toShard, k }, id as UserId, [...ofShard.keys()])
    }
    this.#finish(k, question)
  }

  /** What an owner told of its shard; what it left out is away. */
  told({ toShard, k }: HeadsQuestion, heads: readonly TakenHead[]): void {
    const question = this.#questions.get(k)
    if (question === undefined) return
    this.#take(question, toShard, heads)
    this.#finish(k, question)
  }

  #take({ waiting, heads }: Question, shard: number, told: readonly TakenHead[]): void {
    const asked = waiting.get(shard)
    if (asked === undefined) return
    waiting.delete(shard)
    for (const { conversation: key, head, ordinal, time } of told) {
      const entry = asked.get(key)
      if (entry === undefined) continue
      asked.delete(key)
      heads.push({ ...nameOf(entry), head, ordinal, time, isAway: false })
    }
    for (const entry of asked.values()) heads.push({ ...nameOf(entry), head: 0, ordinal: 0, time: 0, isAway: true })
  }

  #finish(k: number, question: Question): void {
    if (question.waiting.size > 0) return
    if (this.#questions.delete(k)) question.answered(question.heads)
  }

  get isWaiting(): boolean {
    return this.#questions.size > 0 || this.#toTell.size > 0
  }

  tick(now: number): void {
    for (const [k, question] of this.#questions) {
      if (question.until > now) break
      for (const shard of [...question.waiting.keys()]) this.#take(question, shard, [])
      this.#finish(k, question)
    }
    this.#tellNext()
  }

  reset(): void {
    for (const { lost } of this.#questions.values()) lost()
    this.#questions.clear()
    this.#toTell.clear()
    this.#tellsCount = 0
  }
}

function nameOf({ kind, conversation }: ListEntry) {
  return { conversationKind: kind, conversation }
}
