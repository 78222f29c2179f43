/**
 * Reading a timeline: from the recent tail where it reaches, below it from the store (rules §8, §10).
 *
 * Every answer covers its range: events, or a skip for what this user may not see. It ends with complete_to, and it
 * waits, as every answer does, until what it saw is durable.
 */
import { ActorKind, type Seq, SYSTEM_LANE, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { HistoryMode } from '../protocol/wire-numbers.js'
import type { ConversationActivation } from './activation.js'
import { HistoryPage } from './history-page.js'
import { Member, OPEN_END } from './members.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Slice } from './recent-tail.js'
import type { Shard } from './shard.js'

interface Asked {
  readonly activation: ConversationActivation
  readonly member: Member
  readonly ref: number
  readonly from: Seq
  readonly to: Seq
}

/** What the app itself may see. */
const EVERYTHING = new Member('' as UserId, -1)
EVERYTHING.intervals.push({ from: 0, to: OPEN_END, fromOrdinal: 0, toOrdinal: OPEN_END })

export class HistoryCommand {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  answer(activation: ConversationActivation, link: InLink, k: number, session: Session, frame: ClientFrame): void {
    const { ref } = frame
    const { head, members } = activation.state
    const isOfSystem = session.laneNumber === SYSTEM_LANE
    const member = isOfSystem ? EVERYTHING : members.get(session.user)
    if (frame.limit < 1 || frame.limit > LIMITS.historyLimitMax)
      return this.#shard.refuse(link, k, 'bad-history', ref, 0)
    if (member === undefined || member.intervals.length === 0) return this.#shard.refuse(link, k, 'not-member', ref, 0)
    if (isOfSystem && head === 0 && activation.state.name.kind !== ActorKind.direct)
      return this.#shard.refuse(link, k, 'no-such-conversation', ref, 0)
    if (frame.minSeq > head) return this.#shard.refuse(link, k, 'not-yet', ref, 0)

    const asked = { activation, member, ref, ...rangeOf(frame, head) }
    if (asked.from > asked.to || activation.tail.firstSeq <= asked.from) return this.#finish(asked, [], link, k)
    void this.#readStore(asked, link, k)
  }

  async #readStore(asked: Asked, link: InLink, k: number): Promise<void> {
    const { activation, from, to } = asked
    const isCurrent = this.#shard.activations.lifeCheck()
    const storeTo = Math.min(to, activation.tail.firstSeq - 1)
    let stored: Uint8Array[]
    try {
      stored = await this.#shard.parts.store.readTimeline(activation.key, {
        from,
        to: storeTo,
        bytesMax: LIMITS.historyBytesMax,
      })
    } catch (cause) {
      if (!isCurrent()) return link.unknown(k)
      this.#shard.parts.events.rowUnreadable({ actor: activation.state.name, cause })
      return this.#shard.refuse(link, k, 'store-behind', asked.ref, 0)
    }
    if (!isCurrent()) return link.unknown(k)
    const slices = stored.map((bytes, at) => ({ firstSeq: from + at, lastSeq: from + at, bytes }))
    this.#finish(asked, slices, link, k)
  }

  #finish(asked: Asked, stored: readonly Slice[], link: InLink, k: number): void {
    const { activation, member, ref, from, to } = asked
    const { kind, id } = activation.state.name
    const answers = this.#shard.answers()
    const page = new HistoryPage(answers.bytes, member, { ref, conversationKind: kind, conversation: id }, from)
    for (const slice of stored) page.add(slice)
    const room = LIMITS.historyBytesMax - page.bytes
    if (page.next <= to && room > 0) for (const slice of activation.tail.slices(page.next, to, room)) page.add(slice)
    page.close(activation.state.head)
    answers.add(link, k, ref, 0)
    this.#shard.leave(answers)
  }
}

/** The range asked for, within 1 … head; empty where from > to. */
function rangeOf(frame: ClientFrame, head: Seq): { readonly from: Seq; readonly to: Seq } {
  const { mode, anchor, limit } = frame
  if (mode === HistoryMode.after) return { from: anchor + 1, to: Math.min(anchor + limit, head) }
  if (mode === HistoryMode.before) {
    const to = anchor === 0 ? head : Math.min(anchor - 1, head)
    return { from: Math.max(1, to - limit + 1), to }
  }
  const from = Math.max(1, anchor - Math.floor(limit / 2))
  return { from, to: Math.min(from + limit - 1, head) }
}
