/**
 * A conversation's end of its members' read markers: takes them into its state and its log, and tells the members who are
 * online, in conversations of at most LIMITS.receiptMembersMax. Others ask with Members.
 */
import type { UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { beginRecord, endRecord, RecordKind } from '../log/frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { type MarkerFacts, writeMarker } from '../protocol/marker-record.js'
import { Bytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import { applyReading, decideReading, type Reading } from './reading.js'
import type { Shard } from './shard.js'

export class MarkersIn {
  readonly #shard: Shard
  /** Since the last telling. */
  readonly #news = new Map<ConversationActivation, Map<UserId, Reading>>()

  constructor(shard: Shard) {
    this.#shard = shard
  }

  take(activation: ConversationActivation, facts: MarkerFacts): void {
    const { activations, loop } = this.#shard
    const user = facts.user as UserId
    const reading = decideReading(activation.state, { ...facts, user })
    activation.isWarm = true
    if (reading === undefined) return
    const record = beginRecord(loop.filling.frame)
    writeMarker(loop.filling.frame, { ...facts, ...reading })
    endRecord(loop.filling.frame, record, RecordKind.marker)
    loop.filling.count++
    loop.wanted()
    applyReading(activation.state, reading)
    activation.touch(user)
    activations.touched(activation)
    const news = this.#news.get(activation)
    if (news === undefined) this.#news.set(activation, new Map([[user, reading]]))
    else news.set(user, reading)
    this.#shard.stir()
  }

  get isWaiting(): boolean {
    return this.#news.size > 0
  }

  /** Tells of all that was taken since, once it is durable: markers of one message come from many user shards. */
  tick(): void {
    for (const [activation, readings] of this.#news) {
      const { name, members } = activation.state
      if (members.count <= LIMITS.receiptMembersMax) {
        const place = { conversationKind: name.kind, conversation: name.id }
        const read = { users: [...readings.keys()], seqs: [...readings.values()].map(({ seq }) => seq) }
        this.#leave(activation, Bytes.over(encodeFrame({ kind: 'receipt', ...place, ...read })))
      }
    }
    this.#news.clear()
  }

  reset(): void {
    this.#news.clear()
  }

  #leave(activation: ConversationActivation, frame: Bytes): void {
    const audience = this.#shard.parts.fanOut.audienceNow(activation)
    const what = { conversation: activation.key, firstSeq: 0, lastSeq: 0 }
    this.#shard.loop.whenDurable(() => {
      for (const [owner, keys] of audience) owner.tell(keys, undefined, what, frame, 0, frame.size)
    })
  }
}
