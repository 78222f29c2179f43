/**
 * The sending end of an outbox: one message to another shard at a time, holding where each conversation stands that waits
 * for it, and how far its users have read in conversations of that one (markers-out.ts), read when it is written and sent when that is durable. What happens meanwhile goes with the next; what is not
 * acknowledged is told again.
 */
import { LIMITS } from '../domain/limits.js'
import { beginRecord, endRecord, RecordKind } from '../log/frame.js'
import { writeHeads } from '../protocol/heads-record.js'
import { writeMarker } from '../protocol/marker-record.js'
import { Bytes, GrowingBytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import { headsOf } from './heads.js'
import type { OwedMarker } from './markers-out.js'
import type { Member } from './members.js'
import type { HeadsRoute } from './owner-link.js'
import type { Shard } from './shard.js'

/** A conversation of which some user shard may not know all. */
export interface Owed {
  readonly activation: ConversationActivation
  /** Whom to tell by user shard: all, as of `memberSeq`; or of a large conversation those who came, went or wrote. */
  byShard: Map<number, Member[]>
  memberSeq: number
  /** Those who left up to here are not among them. */
  toldMemberSeq: number
  /** How many there are. */
  memberCount: number
  /** Only such are in `byShard` who have not taken it. */
  isOfNews: boolean
  /** The head, and what the conversation's mode was, when it was offered last. */
  headSeq: number
  modeSeq: number
  /** User shards that have yet to take it. */
  open: number
  /** After it was told, until it is looked at again. */
  pauseMs: number
}

interface UserShard {
  readonly id: number
  readonly waiting: Set<Owed>
  readonly markers: Set<OwedMarker>
  /** On their way, in the message with this k. */
  told: readonly Owed[]
  toldMarkers: readonly OwedMarker[]
  k: number
  /** When it left; infinite before that, since what it saw may take its time to be durable. */
  toldAt: number
}

interface Message {
  readonly userShard: UserShard
  readonly route: HeadsRoute
  readonly start: number
  readonly end: number
}

export class HeadsOut {
  readonly #shard: Shard
  readonly #userShards = new Map<number, UserShard>()
  /** Something waits for them and nothing is on its way. */
  readonly #ready = new Set<UserShard>()
  /** Something is on its way, the oldest first. */
  readonly #told = new Set<UserShard>()
  readonly #records = new GrowingBytes()
  readonly #markerTaken: (owed: OwedMarker) => void
  #k = 0

  constructor(shard: Shard, markerTaken: (owed: OwedMarker) => void) {
    this.#shard = shard
    this.#markerTaken = markerTaken
  }

  /** Its user shards are to be told, with the next flush or once they have taken what is on its way. */
  offer(owed: Owed): void {
    for (const id of owed.byShard.keys()) {
      const userShard = this.#userShard(id)
      if (userShard.waiting.has(owed)) continue
      owed.open++
      userShard.waiting.add(owed)
      if (!this.#told.has(userShard)) this.#ready.add(userShard)
    }
  }

  /** The shard of its conversation is to be told. */
  offerMarker(id: number, owed: OwedMarker): void {
    const userShard = this.#userShard(id)
    userShard.markers.add(owed)
    if (!this.#told.has(userShard)) this.#ready.add(userShard)
  }

  flush(now: number): void {
    for (const userShard of this.#told) {
      if (now - userShard.toldAt < LIMITS.outboxAgainMs) break
      this.#takeBack(userShard)
    }
    if (this.#ready.size === 0) return
    this.#records.clear()
    const messages: Message[] = []
    for (const userShard of this.#ready) messages.push(this.#write(userShard))
    this.#ready.clear()
    const { loop, parts } = this.#shard
    const bytes = Bytes.over(this.#records.written().slice())
    const leave = () => {
      const leftAt = parts.clock.monotonic()
      for (const { userShard, route, start, end } of messages) {
        userShard.toldAt = leftAt
        parts.router.ownerOf(route.toShard)?.heads(parts.self, route, bytes, start, end)
      }
    }
    const batch = loop.horizon()
    if (batch === undefined) leave()
    else batch.whenDurable.push(leave)
  }

  #userShard(id: number): UserShard {
    let userShard = this.#userShards.get(id)
    if (userShard === undefined) {
      userShard = { id, waiting: new Set(), markers: new Set(), told: [], toldMarkers: [], k: 0, toldAt: 0 }
      this.#userShards.set(id, userShard)
    }
    return userShard
  }

  #write(userShard: UserShard): Message {
    const { loop, parts } = this.#shard
    const out = this.#records
    const start = out.size
    const told: Owed[] = []
    for (const owed of userShard.waiting) {
      if (out.size - start >= LIMITS.outboxMessageBytes) break
      const record = beginRecord(out)
      writeHeads(out, headsOf(owed.activation.state, owed.byShard.get(userShard.id)!))
      endRecord(out, record, RecordKind.heads)
      userShard.waiting.delete(owed)
      told.push(owed)
    }
    userShard.told = told
    userShard.toldMarkers = this.#writeMarkers(userShard, start)
    userShard.toldAt = Number.POSITIVE_INFINITY
    userShard.k = ++this.#k
    this.#told.add(userShard)
    const { epoch, logIncarnation } = loop
    const route = { fromShard: parts.id, toShard: userShard.id, epoch, logIncarnation, k: userShard.k }
    return { userShard, route, start, end: out.size }
  }

  #writeMarkers(userShard: UserShard, start: number): readonly OwedMarker[] {
    const out = this.#records
    const told: OwedMarker[] = []
    for (const owed of userShard.markers) {
      if (out.size - start >= LIMITS.outboxMessageBytes) break
      const record = beginRecord(out)
      writeMarker(out, owed.facts())
      endRecord(out, record, RecordKind.marker)
      userShard.markers.delete(owed)
      told.push(owed)
    }
    return told
  }

  /** Nothing was heard: it waits again. */
  #takeBack(userShard: UserShard): void {
    for (const owed of userShard.told) {
      if (userShard.waiting.has(owed)) owed.open--
      userShard.waiting.add(owed)
    }
    for (const owed of userShard.toldMarkers) userShard.markers.add(owed)
    userShard.told = []
    userShard.toldMarkers = []
    this.#told.delete(userShard)
    this.#ready.add(userShard)
  }

  /** The user shard has this message in its log. */
  taken({ toShard, epoch, logIncarnation, k }: HeadsRoute): void {
    const { loop } = this.#shard
    const userShard = this.#userShards.get(toShard)
    if (userShard?.k !== k || loop.epoch !== epoch || loop.logIncarnation !== logIncarnation) return
    for (const owed of userShard.told) {
      owed.open--
      if (owed.isOfNews && !userShard.waiting.has(owed)) owed.byShard.delete(userShard.id)
    }
    const { toldMarkers } = userShard
    userShard.told = []
    userShard.toldMarkers = []
    this.#told.delete(userShard)
    for (const owed of toldMarkers) this.#markerTaken(owed)
    if (userShard.waiting.size > 0 || userShard.markers.size > 0) this.#ready.add(userShard)
  }

  reset(): void {
    this.#userShards.clear()
    this.#ready.clear()
    this.#told.clear()
  }
}
