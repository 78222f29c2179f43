/**
 * From a committed batch to the devices: per conversation the events that belong together are built into one run of
 * bytes, once, and told to the user shards of those who were members at that position (rules §8).
 *
 * It has no durable checkpoint: what is lost on the way is found by clients through history and beacons.
 */
import { ActorKind, actorKey, shardOf } from '../domain/ids.js'
import { type Bytes, GrowingBytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import type { BatchedEvent } from './batch.js'
import { fixedList } from './fixed-list.js'
import type { Member } from './members.js'
import type { Origin, OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

/** In larger conversations senders get their own events too: leaving them out would build the bytes once per sender. */
const ECHO_FREE_MEMBERS_MAX = 16

/** An audience in the shards of one owner, from so many inboxes on, is a fixed list. */
const LISTED_MIN = 64

const NONE = -1
/** Of more events than this, those of a conversation are found by a map. */
const SEARCHED_EVENTS_MAX = 16

/** Of a batch. */
export interface ReleasedEvents {
  readonly events: readonly BatchedEvent[]
  readonly eventCount: number
}

/** Who hears of an event: per owner the inboxes in its shards. */
type Audience = Map<OwnerHandle, readonly string[]>

interface KnownAudience {
  readonly memberSeq: number
  readonly routerVersion: number
  readonly owners: Audience
}

export class FanOut {
  readonly #router: Router
  readonly #listedMin: number
  readonly #run = new GrowingBytes(64 * 1024)
  readonly #audiences = new WeakMap<ConversationActivation, KnownAudience>()
  readonly #inboxes = new WeakMap<Member, { readonly key: string; readonly shard: number }>()
  /** Scratch of one release: the next event of the same conversation, and whether an event is its conversation's first. */
  #next = new Int32Array(64)
  #isFirst = new Uint8Array(64)
  readonly #lastPlaces = new Map<ConversationActivation, number>()

  constructor(router: Router, listedMin = LISTED_MIN) {
    this.#router = router
    this.#listedMin = listedMin
  }

  /** `frame` holds the events' bytes; it is not used after the call. */
  release({ events, eventCount }: ReleasedEvents, frame: Bytes): void {
    this.#chain(events, eventCount)
    for (let at = 0; at < eventCount; at++) if (this.#isFirst[at] === 1) this.#releaseOne(events, at, frame)
  }

  /** Links each event to the next one of its conversation. */
  #chain(events: readonly BatchedEvent[], count: number): void {
    if (this.#next.length < count) {
      this.#next = new Int32Array(2 * count)
      this.#isFirst = new Uint8Array(2 * count)
    }
    for (let at = 0; at < count; at++) {
      const { activation } = events[at]!
      const before = at === 0 ? undefined : this.#lastOf(events, at, activation)
      this.#isFirst[at] = before === undefined ? 1 : 0
      if (before !== undefined) this.#next[before] = at
      this.#next[at] = NONE
      if (count > SEARCHED_EVENTS_MAX) this.#lastPlaces.set(activation, at)
    }
    if (count > SEARCHED_EVENTS_MAX) this.#lastPlaces.clear()
  }

  /** Where the last event of this conversation before `at` is. */
  #lastOf(events: readonly BatchedEvent[], at: number, activation: ConversationActivation): number | undefined {
    if (events[at - 1]!.activation === activation) return at - 1
    if (this.#lastPlaces.size > 0) return this.#lastPlaces.get(activation)
    for (let before = at - 2; before >= 0; before--) if (events[before]!.activation === activation) return before
    return undefined
  }

  /** The events of one conversation, from its first. */
  #releaseOne(events: readonly BatchedEvent[], first: number, frame: Bytes): void {
    const withEcho = events[first]!.activation.state.members.count > ECHO_FREE_MEMBERS_MAX
    let from = first
    for (let at = first; ; at = this.#next[at]!) {
      const next = this.#next[at]!
      if (next !== NONE && belongTogether(events[at]!, events[next]!, withEcho)) continue
      this.#tell(events, from, at, withEcho, frame)
      if (next === NONE) return
      from = next
    }
  }

  /** Those from `from` to `to` in the chain, which travel as one. */
  #tell(events: readonly BatchedEvent[], from: number, to: number, withEcho: boolean, frame: Bytes): void {
    const first = events[from]!
    const { activation } = first
    const what = { conversation: activation.key, firstSeq: first.seq, lastSeq: events[to]!.seq }
    const except: Origin | undefined = withEcho
      ? undefined
      : { address: first.originLink.gateway.address, connection: first.originConnection }
    let bytes = frame
    let { start, end } = first
    if (from !== to) {
      this.#run.clear()
      for (let at = from; ; at = this.#next[at]!) {
        this.#run.appendFrom(frame, events[at]!.start, events[at]!.end)
        if (at === to) break
      }
      bytes = this.#run.bytes
      start = 0
      end = this.#run.size
    }
    for (const [owner, inboxes] of this.#audienceAt(activation, first))
      owner.tell(inboxes, except, what, bytes, start, end)
  }

  /** Who hears of what happens now. */
  audienceNow(activation: ConversationActivation): Audience {
    return this.#audienceAt(activation, { seq: activation.state.head + 1 })
  }

  /** Members at that seq: known from the last time where membership has not changed since, else counted anew. */
  #audienceAt(activation: ConversationActivation, event: Pick<BatchedEvent, 'seq'>): Audience {
    const { memberSeq } = activation.state
    const isOfNow = event.seq > memberSeq || memberSeq === 0
    const known = this.#audiences.get(activation)
    const routerVersion = this.#router.version
    if (isOfNow && known?.memberSeq === memberSeq && known.routerVersion === routerVersion) return known.owners
    const owners = new Map<OwnerHandle, string[]>()
    for (const member of activation.state.members.all()) {
      if (!member.wasAt(event.seq)) continue
      const { key, shard } = this.inboxOf(activation, member)
      const owner = this.#router.ownerOf(shard)
      if (owner === undefined) continue
      const inboxes = owners.get(owner)
      if (inboxes === undefined) owners.set(owner, [key])
      else inboxes.push(key)
    }
    if (!isOfNow) return owners
    const audience = this.#fixed(owners, known?.owners)
    this.#audiences.set(activation, { memberSeq, routerVersion, owners: audience })
    return audience
  }

  /** Of many, so that what rests on the same audience is worked out, and sent, once. */
  #fixed(owners: ReadonlyMap<OwnerHandle, string[]>, before: Audience | undefined): Audience {
    const audience: Audience = new Map()
    for (const [owner, inboxes] of owners) {
      const isLong = inboxes.length >= this.#listedMin
      audience.set(owner, isLong ? fixedList(inboxes, before?.get(owner)) : inboxes)
    }
    return audience
  }

  /** The member's inbox, worked out once. */
  inboxOf(activation: ConversationActivation, member: Member): { readonly key: string; readonly shard: number } {
    let inbox = this.#inboxes.get(member)
    if (inbox === undefined) {
      const key = actorKey(activation.state.name.app, ActorKind.inbox, member.user)
      inbox = { key, shard: shardOf(key, this.#router.shardCount) }
      this.#inboxes.set(member, inbox)
    }
    return inbox
  }
}

/** Whether two neighbours may travel as one run: same audience, and the same connection to leave out. */
function belongTogether(a: BatchedEvent, b: BatchedEvent, withEcho: boolean): boolean {
  if (a.isMembership || b.isMembership) return false
  return withEcho || (a.originConnection === b.originConnection && a.originLink.gateway === b.originLink.gateway)
}
