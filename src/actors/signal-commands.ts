/**
 * Commands that append nothing: who is typing, and signing a device out. What they say may be lost; it rests on a state that
 * must be durable first, like all that leaves (rules §1).
 */
import type { ConversationKind } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { writeAck } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { Bytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import type { InLink } from './owner-link.js'
import type { Session } from './peers.js'
import type { Shard } from './shard.js'

export class SignalCommands {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** Nobody is told of strangers, nor in large conversations; the sender hears nothing either way. */
  typing(activation: ConversationActivation, link: InLink, k: number, session: Session, ref: number): void {
    this.#answer(link, k, ref)
    const { key } = activation
    const { members, name, head } = activation.state
    if (members.count > LIMITS.typingMembersMax || !members.wasAt(session.user, head + 1)) return
    const place = { conversationKind: name.kind as ConversationKind, conversation: name.id }
    const frame = Bytes.over(encodeFrame({ kind: 'typing', ref: 0, ...place, user: session.user }))
    const except = { address: link.gateway.address, connection: session.connection }
    const audience = this.#shard.parts.fanOut.audienceNow(activation)
    const what = { conversation: key, firstSeq: 0, lastSeq: 0 }
    this.#shard.loop.whenDurable(() => {
      for (const [owner, keys] of audience) owner.tell(keys, except, what, frame, 0, frame.size)
    })
  }

  signOut(link: InLink, k: number, session: Session, frame: ClientFrame, bytes: Bytes): void {
    const device = frame.device(bytes)
    const { sessions, clock } = this.#shard.parts
    const answers = this.#shard.answers()
    writeAck(answers.bytes, { ref: frame.ref, n: 0, seq: 0, time: clock.now(), flags: 0 })
    this.#answer(link, k, frame.ref)
    this.#shard.loop.whenDurable(() => sessions.signOut(session.inbox, device))
  }

  #answer(link: InLink, k: number, ref: number): void {
    const answers = this.#shard.answers()
    answers.add(link, k, ref, 0)
    this.#shard.leave(answers)
  }
}
