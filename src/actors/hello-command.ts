/**
 * Hello, as the user's shard sees it: registers the session, and gives or confirms the lane (rules §5). The number is
 * logged before the device hears it, so nothing is ever sent on a lane that a crash could give to somebody else.
 */
import { beginRecord, endRecord, RecordKind } from '../log/frame.js'
import { writeWelcome } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { writeLaneRecord } from '../protocol/lane-record.js'
import type { InboxActivation } from './activation.js'
import { applyLaneOpened, decideLane } from './inbox.js'
import type { LaneName } from './lanes.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export class HelloCommand {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  decide(activation: InboxActivation, link: InLink, k: number, session: Session, frame: ClientFrame): void {
    const asked = { device: session.device, number: frame.laneNumber, random: frame.laneRandom }
    const decision = decideLane(activation.state, asked)
    if (decision.kind === 'unknown') return this.#shard.refuse(link, k, 'lane-unknown', frame.ref, 0)
    if (decision.kind === 'open') {
      const { refusal } = this.#shard
      if (refusal !== undefined) return this.#shard.refuse(link, k, refusal, frame.ref, 0)
      this.#open(activation, decision.lane)
    }
    const { sessions, id, clock } = this.#shard.parts
    const startedAt = sessions.startOf(session, clock.now())
    // Registered before Welcome leaves, so that what is committed from here on reaches the device.
    sessions.add(link.gateway, id, session, { lane: decision.lane.number, startedAt })
    this.#welcome(link, k, session, frame.ref, decision.lane, startedAt)
  }

  #open(activation: InboxActivation, lane: LaneName): void {
    const { loop } = this.#shard
    const out = loop.filling.frame
    const record = beginRecord(out)
    const { app, kind, id } = activation.state.name
    writeLaneRecord(out, {
      app,
      actorKind: kind,
      actor: id,
      user: id,
      device: lane.device,
      lane: lane.number,
      laneRandom: lane.random,
      n: 0,
      hash: 0,
      code: 0,
    })
    endRecord(out, record, RecordKind.laneOpened)
    applyLaneOpened(activation.state, lane)
    this.#shard.activations.touched(activation)
    loop.filling.count++
    loop.wanted()
  }

  #welcome(link: InLink, k: number, session: Session, ref: number, lane: LaneName, serverTime: number): void {
    const answers = this.#shard.answers()
    const { app, user, device } = session
    writeWelcome(answers.bytes, { ref, app, user, device, lane, serverTime })
    answers.add(link, k, ref, 0)
    this.#shard.leave(answers)
  }
}
