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
import type { Member } from './members.js'
import type { Origin, OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

/** In larger conversations senders get their own events too: leaving them out would build the bytes once per sender. */
const ECHO_FREE_MEMBERS_MAX = 16

/** Who hears of an event: per owner the inboxes in its shards. */
type Audience = Map<OwnerHandle, string[]>

interface KnownAudience {
  readonly memberSeq: number
  readonly routerVersion: number
  readonly owners: Audience
}

export class FanOut {
  readonly #router: Router
  readonly #run = new GrowingBytes(64 * 1024)
  readonly #audiences = new WeakMap<ConversationActivation, KnownAudience>()
  readonly #inboxes = new WeakMap<Member, { readonly key: string; readonly shard: number }>()
  readonly #perConversation = new Map<ConversationActivation, BatchedEvent[]>()

  constructor(router: Router) {
    this.#router = router
  }

  /** `frame` holds the events' bytes; it is not used after the call. */
  release(events: readonly BatchedEvent[], frame: Bytes): void {
    for (const event of events) {
      const list = this.#perConversation.get(event.activation)
      if (list === undefined) this.#perConversation.set(event.activation, [event])
      else list.push(event)
    }
    for (const [activation, list] of this.#perConversation) this.#releaseOne(activation, list, frame)
    this.#perConversation.clear()
  }

  #releaseOne(activation: ConversationActivation, events: readonly BatchedEvent[], frame: Bytes): void {
    const withEcho = activation.state.members.count > ECHO_FREE_MEMBERS_MAX
    let first = 0
    for (let at = 1; at <= events.length; at++) {
      if (at < events.length && belongTogether(events[at - 1]!, events[at]!, withEcho)) continue
      this.#tell(activation, events.slice(first, at), withEcho, frame)
      first = at
    }
  }

  #tell(activation: ConversationActivation, run: readonly BatchedEvent[], withEcho: boolean, frame: Bytes): void {
    const first = run[0]!
    const what = { conversation: activation.key, firstSeq: first.seq, lastSeq: run[run.length - 1]!.seq }
    const except: Origin | undefined = withEcho
      ? undefined
      : { address: first.originLink.gateway.address, connection: first.originConnection }
    let bytes = frame
    let { start, end } = first
    if (run.length > 1) {
      this.#run.clear()
      for (const event of run) this.#run.append(frame.u8.subarray(event.start, event.end))
      bytes = this.#run.bytes
      start = 0
      end = this.#run.size
    }
    for (const [owner, inboxes] of this.#audienceAt(activation, first))
      owner.tell(inboxes, except, what, bytes, start, end)
  }

  /** Members at that seq: known from the last time where membership has not changed since, else counted anew. */
  #audienceAt(activation: ConversationActivation, event: BatchedEvent): Audience {
    const { memberSeq } = activation.state
    const isOfNow = event.seq > memberSeq || memberSeq === 0
    const known = this.#audiences.get(activation)
    const routerVersion = this.#router.version
    if (isOfNow && known?.memberSeq === memberSeq && known.routerVersion === routerVersion) return known.owners
    const owners: Audience = new Map()
    for (const member of activation.state.members.all()) {
      if (!member.wasAt(event.seq)) continue
      const { key, shard } = this.#inboxOf(activation, member)
      const owner = this.#router.ownerOf(shard)
      if (owner === undefined) continue
      const inboxes = owners.get(owner)
      if (inboxes === undefined) owners.set(owner, [key])
      else inboxes.push(key)
    }
    if (isOfNow) this.#audiences.set(activation, { memberSeq, routerVersion, owners })
    return owners
  }

  #inboxOf(activation: ConversationActivation, member: Member): { readonly key: string; readonly shard: number } {
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
