/**
 * Sends, changes and voids: decide → encode into the batch → apply → answer that waits with the batch.
 *
 * The sender's content is copied once, from the frame it came in into the log frame that fills; from there the same
 * bytes go to the log, the devices, the recent tail and the store.
 */
import { isKeyedLane, type UserId } from '../domain/ids.js'
import { isFinal, REFUSALS } from '../domain/refusal.js'
import { beginRecord, endRecord, RecordKind } from '../log/frame.js'
import { writeAck } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { contentHash } from '../protocol/content-hash.js'
import { type EventStamp, EventTemplate, writeMembershipEvent } from '../protocol/event-frame.js'
import { writeLaneRecord } from '../protocol/lane-record.js'
import { mentionsOf } from '../protocol/mentions.js'
import { frameBytes } from '../protocol/table.js'
import { AckFlag, BodyType, type ChangeAction, EventKind } from '../protocol/wire-numbers.js'
import { unreachable } from '../std/assert.js'
import type { Bytes } from '../std/bytes.js'
import { crc32OfText } from '../std/crc32.js'
import type { ConversationActivation } from './activation.js'
import {
  apply,
  applyIncarnation,
  applySpent,
  type ConversationCommand,
  decide,
  type LaneSpent,
  type TimelineEvent,
} from './conversation.js'
import { isCounted } from './conversation-list.js'
import { decideMode } from './delivery-mode.js'
import type { HeldCommand } from './join-checks.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export class ConversationCommands {
  readonly #shard: Shard
  readonly #templates = new WeakMap<ConversationActivation, WeakMap<Session, EventTemplate>>()

  constructor(shard: Shard) {
    this.#shard = shard
  }

  decide(
    activation: ConversationActivation,
    link: InLink,
    k: number,
    session: Session,
    frame: ClientFrame,
    bytes: Bytes,
    start: number,
  ): void {
    const shard = this.#shard
    if (activation.joinChecks !== undefined) {
      const end = start + frameBytes(bytes, start)
      if (shard.joinChecks.holds(activation, { link, k, session, frame: bytes, start, end })) return
    }
    // Whoever joins a batch that others began need not ask the log again.
    const refusal = shard.loop.filling.count === 0 ? shard.refusal : shard.loop.refusal
    if (refusal !== undefined) return shard.refuse(link, k, refusal, frame.ref, frame.n)

    const command = commandOf(session, frame, bytes)
    const decision = decide(activation.state, command, shard.parts.clock.now())
    switch (decision.kind) {
      case 'accept':
        if (letsIn(decision.event) && isCounted(activation.state.name.kind)) {
          const command = { link, k, session, frame: bytes, start, end: start + frameBytes(bytes, start) }
          if (!this.#mayJoin(activation, decision.event, command, frame)) return
        }
        this.#append(activation, link, session, decision.event, frame, bytes)
        if (decision.event.event !== EventKind.message) this.#settleMode(activation, link)
        return this.#ack(link, k, frame, decision.event.seq, decision.event.time, 0)
      case 'spend':
        this.#spend(activation, decision.spent)
        if (decision.refusal !== undefined) return shard.refuse(link, k, decision.refusal, frame.ref, frame.n)
        return this.#ack(link, k, frame, 0, 0, 0)
      case 'duplicate':
        return this.#ack(link, k, frame, decision.seq, decision.time, AckFlag.duplicate)
      case 'already-accepted':
        return this.#ack(link, k, frame, 0, 0, AckFlag.duplicate | AckFlag.alreadyAccepted)
      case 'refuse':
        return shard.refuse(link, k, decision.refusal, frame.ref, frame.n, decision.expected)
      default:
        return unreachable(decision)
    }
  }

  /** Whether those who join have room in their lists. Where they have not, it is refused; where that is to be asked first,
   *  the command is kept. */
  #mayJoin(
    activation: ConversationActivation,
    event: TimelineEvent,
    command: HeldCommand,
    frame: ClientFrame,
  ): boolean {
    const { joinChecks } = this.#shard
    const { link, k } = command
    const { ref, n } = frame
    const verdict = joinChecks.verdictOf(link, k, event.users)
    const refusal = verdict === undefined ? joinChecks.begin(activation, event.users, command) : verdict.refusal
    if (refusal === undefined) return verdict !== undefined
    if (isFinal(refusal) && !isKeyedLane(event.lane.number)) {
      const { from, lane, hash } = event
      this.#spend(activation, { from, lane, n, hash, wireCode: REFUSALS[refusal].wire })
    }
    this.#shard.refuse(link, k, refusal, ref, n)
    return false
  }

  #append(
    activation: ConversationActivation,
    link: InLink,
    session: Session,
    event: TimelineEvent,
    frame: ClientFrame,
    bytes: Bytes,
  ): void {
    const out = this.#shard.loop.filling.frame
    const record = beginRecord(out)
    const stamp = this.#stampOf(event)
    const isMessage = event.event === EventKind.message
    const start = isMessage
      ? this.#templateOf(activation, session).write(out, stamp, bytes, frame.contentStart, frame.contentEnd)
      : writeMembershipEvent(out, identityOf(activation, session), stamp, event.users)
    this.#take(activation, event, record, start, link, session.connection)
  }

  /** So many came or went that lists are to hear of the conversation in another way. It leaves with the change. */
  #settleMode(activation: ConversationActivation, link: InLink): void {
    const { clock, deliveryMode } = this.#shard.parts
    const event = decideMode(activation.state, deliveryMode, clock.now())
    if (event === undefined) return
    const out = this.#shard.loop.filling.frame
    const record = beginRecord(out)
    const start = writeMembershipEvent(out, identityOf(activation, NOBODY), this.#stampOf(event), event.users)
    activation.isModeTold = false
    this.#take(activation, event, record, start, link, 0)
  }

  #stampOf(event: TimelineEvent): EventStamp {
    return {
      seq: event.seq,
      time: event.time,
      ordinal: event.ordinal,
      memberSeq: event.memberSeq,
      n: event.n,
      laneRandom: event.lane.random,
      lane: event.lane.number,
      incarnation: this.#shard.loop.logIncarnation,
      hash: event.hash,
      eventKind: event.event,
    }
  }

  /** The event's bytes lie in the batch from `start` on: into the state, and on its way. */
  #take(
    activation: ConversationActivation,
    event: TimelineEvent,
    record: number,
    start: number,
    originLink: InLink,
    originConnection: number,
  ): void {
    const { loop } = this.#shard
    const batch = loop.filling
    const out = batch.frame
    const end = out.size
    endRecord(out, record, RecordKind.event)
    apply(activation.state, event)
    applyIncarnation(activation.state, loop.logIncarnation, event.seq)
    activation.tail.push(event.seq, out.bytes.u8, start, end)
    activation.touch(event.from)
    for (const user of event.users) activation.touch(user)
    for (const user of event.mentions) activation.touch(user)
    this.#shard.activations.touched(activation)
    this.#shard.outbox.owe(activation)
    batch.count++
    const isMembership = event.event !== EventKind.message
    batch.addEvent({ activation, seq: event.seq, isMembership, start, end, originLink, originConnection })
    loop.wanted()
  }

  #spend(activation: ConversationActivation, spent: LaneSpent): void {
    const { loop } = this.#shard
    const record = beginRecord(loop.filling.frame)
    const kind = spent.wireCode === 0 ? RecordKind.voided : RecordKind.refused
    const { app, kind: actorKind, id: actor } = activation.state.name
    const { from: user, n, hash, wireCode: code } = spent
    const { device, number: lane, random: laneRandom } = spent.lane
    writeLaneRecord(loop.filling.frame, { app, actorKind, actor, user, device, lane, laneRandom, n, hash, code })
    endRecord(loop.filling.frame, record, kind)
    applySpent(activation.state, spent)
    activation.touch(spent.from)
    this.#shard.activations.touched(activation)
    loop.filling.count++
    loop.wanted()
  }

  #ack(link: InLink, k: number, frame: ClientFrame, seq: number, time: number, flags: number): void {
    const answers = this.#shard.answers()
    writeAck(answers.bytes, { ref: frame.ref, n: frame.n, seq, time, flags })
    answers.add(link, k, frame.ref, frame.n)
    this.#shard.leave(answers)
  }

  /** Templates live as long as both their conversation's activation and the session do. */
  #templateOf(activation: ConversationActivation, session: Session): EventTemplate {
    let bySession = this.#templates.get(activation)
    if (bySession === undefined) {
      bySession = new WeakMap()
      this.#templates.set(activation, bySession)
    }
    let template = bySession.get(session)
    if (template === undefined) {
      template = new EventTemplate(identityOf(activation, session))
      bySession.set(session, template)
    }
    return template
  }
}

function letsIn({ event, users }: TimelineEvent): boolean {
  return users.length > 0 && (event === EventKind.created || event === EventKind.joined)
}

/** Of events that no command made. */
const NOBODY = { user: '', device: '' }

function identityOf(activation: ConversationActivation, session: { readonly user: string; readonly device: string }) {
  const { app, kind, id } = activation.state.name
  return { app, conversation: id, conversationKind: kind, from: session.user, device: session.device }
}

function commandOf(session: Session, frame: ClientFrame, bytes: Bytes): ConversationCommand {
  const { n, contentStart, contentEnd } = frame
  const from = session.user
  const lane = { device: session.device, number: session.laneNumber, random: session.laneRandom }
  switch (frame.type) {
    case BodyType.send: {
      const mentions = mentionsOf(bytes, contentStart) as UserId[]
      return { kind: 'send', from, lane, n, hash: contentHash(bytes, contentStart, contentEnd), mentions }
    }
    case BodyType.change: {
      const users = frame.users(bytes) as UserId[]
      const action = frame.action as ChangeAction
      return { kind: 'change', from, lane, n, action, users, hash: crc32OfText([action, ...users].join('\u0000')) }
    }
    default:
      return { kind: 'void', from, lane, n, hash: 0 }
  }
}
