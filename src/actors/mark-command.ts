/**
 * Marks: what a user decides of a conversation of their list, logged in the user's shard (rules §9). It is told to all of
 * the user's sessions as a step of the inbox, like any other change of it.
 */
import { LIMITS } from '../domain/limits.js'
import { beginRecord, endRecord, RecordKind } from '../log/frame.js'
import { writeAck } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { writeLaneRecord } from '../protocol/lane-record.js'
import { writeMark } from '../protocol/mark-record.js'
import { AckFlag, BodyType } from '../protocol/wire-numbers.js'
import { unreachable } from '../std/assert.js'
import type { Bytes } from '../std/bytes.js'
import { crc32OfText } from '../std/crc32.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import {
  applyInboxSpent,
  applyMark,
  decideMark,
  type InboxSpent,
  type Mark,
  type MarkCommand as Said,
} from './inbox.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export class MarkCommand {
  readonly #shard: Shard
  /** How often entries were marked in the last second they were; gone with them. */
  readonly #marks = new WeakMap<ListEntry, { readonly second: number; readonly count: number }>()

  constructor(shard: Shard) {
    this.#shard = shard
  }

  decide(inbox: InboxActivation, link: InLink, k: number, session: Session, frame: ClientFrame, bytes: Bytes): void {
    const shard = this.#shard
    const { refusal } = shard
    if (refusal !== undefined) return shard.refuse(link, k, refusal, frame.ref, frame.n)
    const decision = decideMark(inbox.state, commandOf(session, frame, bytes), shard.loop.logIncarnation)
    switch (decision.kind) {
      case 'accept':
        if (this.#isTooOften(inbox, decision.mark)) return shard.refuse(link, k, 'mark-rate', frame.ref, frame.n)
        return this.#ack(link, k, frame, this.#append(inbox, decision.mark), 0)
      case 'spend':
        this.#spend(inbox, decision.spent)
        if (decision.refusal !== undefined) return shard.refuse(link, k, decision.refusal, frame.ref, frame.n)
        return this.#ack(link, k, frame, 0, 0)
      case 'duplicate':
        return this.#ack(link, k, frame, decision.seq, AckFlag.duplicate)
      case 'already-accepted':
        return this.#ack(link, k, frame, 0, AckFlag.duplicate | AckFlag.alreadyAccepted)
      case 'refuse':
        return shard.refuse(link, k, decision.refusal, frame.ref, frame.n, decision.expected)
      default:
        return unreachable(decision)
    }
  }

  /** Counts it, within a second on the clock. */
  #isTooOften(inbox: InboxActivation, { facts }: Mark): boolean {
    const second = Math.floor(this.#shard.parts.clock.monotonic() / 1_000)
    const entry = inbox.state.list.get(facts.conversationKind, facts.conversation)!
    const marks = this.#marks.get(entry)
    const count = marks?.second === second ? marks.count + 1 : 1
    if (count <= LIMITS.marksPerSecondMax) this.#marks.set(entry, { second, count })
    return count > LIMITS.marksPerSecondMax
  }

  /** Returns the version that the mark has made. */
  #append(inbox: InboxActivation, mark: Mark): number {
    const { loop, outbox, steps } = this.#shard
    const record = beginRecord(loop.filling.frame)
    const { app, id: user } = inbox.state.name
    const { lane, n, hash, facts } = mark
    const place = { app, user, device: lane.device, lane: lane.number, laneRandom: lane.random, n, hash }
    writeMark(loop.filling.frame, { ...facts, ...place })
    endRecord(loop.filling.frame, record, RecordKind.marked)
    const prev = inbox.state.list.version
    const entry = applyMark(inbox.state, mark)
    this.#changed(inbox)
    if (inbox.state.list.version === prev) return prev // it was so already
    inbox.touch(entry)
    steps.add(inbox, entry, prev)
    outbox.markers.owe(inbox, entry)
    return entry.version
  }

  #spend(inbox: InboxActivation, spent: InboxSpent): void {
    const { filling } = this.#shard.loop
    const record = beginRecord(filling.frame)
    const { app, kind: actorKind, id: user } = inbox.state.name
    const { n, hash, wireCode: code } = spent
    const { device, number: lane, random: laneRandom } = spent.lane
    writeLaneRecord(filling.frame, { app, actorKind, actor: user, user, device, lane, laneRandom, n, hash, code })
    endRecord(filling.frame, record, code === 0 ? RecordKind.voided : RecordKind.refused)
    applyInboxSpent(inbox.state, spent)
    this.#changed(inbox)
  }

  #changed(inbox: InboxActivation): void {
    const { activations, loop } = this.#shard
    activations.touched(inbox)
    loop.filling.count++
    loop.wanted()
  }

  #ack(link: InLink, k: number, { ref, n }: ClientFrame, version: number, flags: number): void {
    const answers = this.#shard.answers()
    writeAck(answers.bytes, { ref, n, seq: version, time: this.#shard.parts.clock.now(), flags })
    answers.add(link, k, ref, n)
    this.#shard.leave(answers)
  }
}

function commandOf(session: Session, frame: ClientFrame, bytes: Bytes): Said {
  const lane = { device: session.device, number: session.laneNumber, random: session.laneRandom }
  const { n } = frame
  if (frame.type === BodyType.void) return { kind: 'void', lane, n, hash: 0 }
  const { conversationKind, seq, ordinal, set, flags, incarnation } = frame
  const facts = { conversationKind, conversation: frame.conversation(bytes), seq, ordinal, set, flags }
  const hash = crc32OfText([...Object.values(facts), incarnation].join('\u0000'))
  return { kind: 'mark', lane, n, hash, facts, incarnation }
}
