/**
 * A gateway worker's way to the owners of shards: one numbered link to each (rules §1), opened when first needed and
 * again whenever something about it went wrong.
 *
 * There is one cure for all trouble (a lost command, an owner that moved or does not answer): the link is closed, those
 * who wait hear *unknown, resend*, and the next link begins at k = 1. Resending is always safe.
 */
import { type ActorKey, ActorKind, actorKey, parseActorKey, shardOf } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Address } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import type { Clock, Timer } from '../std/clock.js'
import { OutLink } from './out-link.js'
import { type GatewayHandle, isBelow, type Target } from './owner-link.js'
import type { Commands, Delivered, GatewayEnd, PresenceState, Session } from './peers.js'
import type { Router } from './router.js'

const TARGETS_MAX = 100_000
const WAITING_PER_LINK_MAX = 256
const TICK_MS = 200
const OPEN_AGAIN_MS = 200
/** Ticks this far apart: the thread was held up, or the machine. */
const ASLEEP_MS = 5 * TICK_MS
const ANSWER_MS = 10_000
const DIGEST_MS = 5_000
/** For so long after the last session of a shard its owner is told that there is none: the word of its end may be lost. */
const EMPTY_DIGESTS_MS = 3 * DIGEST_MS

interface Waiting {
  readonly session: Session
  readonly target: Target
  readonly ref: number
  readonly frame: Bytes
  readonly since: number
}

export interface GatewayLinksParts {
  readonly address: Address
  readonly router: Router
  readonly clock: Clock
}

export class GatewayLinks implements Commands, GatewayHandle {
  readonly address: Address
  readonly #router: Router
  readonly #clock: Clock
  readonly #links: OutLink[]
  readonly #waiting = new Map<OutLink, Waiting[]>()
  /** Of conversations. Inboxes are as many as users, and each is spoken to when its user comes. */
  readonly #targets = new Map<ActorKey, Target>()
  #end: GatewayEnd | undefined
  #digestAt = 0
  /** The time, good to TICK_MS: what waits is measured in seconds. */
  #tickedAt: number
  #timer: Timer | undefined

  constructor({ address, router, clock }: GatewayLinksParts) {
    this.address = address
    this.#router = router
    this.#clock = clock
    this.#tickedAt = clock.monotonic()
    this.#links = Array.from({ length: router.shardCount }, (_, shard) => new OutLink(shard))
    router.onMoved((shard) => this.#break(this.#links[shard]!))
    this.#tickLater()
  }

  /** The gateway that hears answers and deliveries. */
  attach(end: GatewayEnd): void {
    this.#end = end
  }

  close(): void {
    this.#timer?.cancel()
  }

  // ── Commands: from the gateway ─────────────────────────────────────────────────────────────────────────────────

  command(session: Session, key: ActorKey, ref: number, frame: Bytes, start: number, end: number): boolean {
    const target = key === session.inbox ? this.#makeTarget(key) : this.#targetOf(key)
    const link = this.#links[target.shard]!
    if (!link.isOpen) return this.#wait(link, session, target, ref, frame, start, end)
    return this.#send(link, session, target, ref, frame, start, end)
  }

  heard(session: Session): void {
    const shard = shardOf(session.inbox, this.#router.shardCount)
    this.#router.ownerOf(shard)?.sessionHeard(this, shard, session)
  }

  ended(session: Session): void {
    const shard = shardOf(session.inbox, this.#router.shardCount)
    const link = this.#links[shard]!
    link.hadSessionsAt = this.#tickedAt
    this.#forgetWaiting(link, session)
    this.#router.ownerOf(shard)?.sessionEnded(this, shard, session)
  }

  watch(shard: number, inboxes: readonly ActorKey[]): void {
    this.#router.ownerOf(shard)?.watch(this, shard, inboxes)
  }

  /**
   * Ends the connections of one device of a user, wherever they are, or of all their devices: each hears `signed-out`
   * and does not come back by itself. What would keep it from coming back on purpose is to revoke its tokens. May be lost.
   */
  signOut(app: string, user: string, device?: string): void {
    const inbox = actorKey(app, ActorKind.inbox, user)
    this.#router.ownerOf(shardOf(inbox, this.#router.shardCount))?.signOut(inbox, device)
  }

  #send(
    link: OutLink,
    session: Session,
    target: Target,
    ref: number,
    frame: Bytes,
    start: number,
    end: number,
  ): boolean {
    const owner = this.#router.ownerOf(link.shard)
    if (owner === undefined) return false
    const k = link.take(session.connection, ref, this.#tickedAt)
    if (k === 0) return false
    owner.command(this, link.shard, { link: link.number, epoch: link.epoch, k }, session, target, frame, start, end)
    return true
  }

  #wait(
    link: OutLink,
    session: Session,
    target: Target,
    ref: number,
    frame: Bytes,
    start: number,
    end: number,
  ): boolean {
    this.#open(link)
    if (link.isOpen) return this.#send(link, session, target, ref, frame, start, end)
    const queue = this.#waiting.get(link) ?? []
    if (queue.length >= WAITING_PER_LINK_MAX) return false
    const copy = Bytes.over(frame.u8.slice(start, end))
    queue.push({ session, target, ref, frame: copy, since: this.#clock.monotonic() })
    this.#waiting.set(link, queue)
    return true
  }

  /** What it said has not left yet, and nobody waits for an answer: a Hello above all, which would leave a session behind. */
  #forgetWaiting(link: OutLink, session: Session): void {
    const queue = this.#waiting.get(link)
    if (queue === undefined) return
    const left = queue.filter((waiting) => waiting.session !== session)
    if (left.length < queue.length) this.#waiting.set(link, left)
  }

  #targetOf(key: ActorKey): Target {
    let target = this.#targets.get(key)
    if (target === undefined) {
      if (this.#targets.size >= TARGETS_MAX) this.#targets.clear()
      target = this.#makeTarget(key)
      this.#targets.set(key, target)
    }
    return target
  }

  #makeTarget(key: ActorKey): Target {
    return { key, name: parseActorKey(key), shard: shardOf(key, this.#router.shardCount) }
  }

  // ── GatewayHandle: from owners ─────────────────────────────────────────────────────────────────────────────────

  linkOpened(shard: number, number: number, epoch: number, logIncarnation: number): void {
    const link = this.#links[shard]!
    if (link.isOpen || link.number !== number) return
    // An owner below the highest epoch we have seen has been replaced and does not know it yet.
    if (isBelow({ logIncarnation, epoch }, link)) return
    link.isOpen = true
    link.epoch = epoch
    link.logIncarnation = logIncarnation
    this.#register(link)
    const queue = this.#waiting.get(link)
    this.#waiting.delete(link)
    for (const { session, target, ref, frame } of queue ?? []) {
      if (!this.#send(link, session, target, ref, frame, 0, frame.size)) this.#end?.unknown(session.connection, ref)
    }
  }

  linkBroken(shard: number, number: number): void {
    const link = this.#links[shard]!
    if (link.number === number) this.#break(link)
  }

  answer(shard: number, number: number, k: number, bytes: Bytes, start: number, end: number): void {
    const link = this.#links[shard]!
    if (link.number !== number) return
    const connection = link.answered(k)
    if (connection !== 0) this.#end?.answer(connection, link.refOf(k), bytes, start, end)
  }

  unknown(shard: number, number: number, k: number): void {
    const link = this.#links[shard]!
    if (link.number !== number) return
    const connection = link.answered(k)
    if (connection !== 0) this.#end?.unknown(connection, link.refOf(k))
  }

  presence(states: readonly PresenceState[]): void {
    this.#end?.presence(states)
  }

  endSession(connection: number, why: RefusalName, lane: number): void {
    this.#end?.endSession(connection, why, lane)
  }

  deliver(
    connections: ArrayLike<number>,
    count: number,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    this.#end?.deliver(connections, count, what, bytes, start, end)
  }

  // ── Links ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(link: OutLink): void {
    const now = this.#clock.monotonic()
    if (now - link.askedAt < OPEN_AGAIN_MS) return
    link.askedAt = now
    this.#router.ownerOf(link.shard)?.openLink(this, link.shard, link.number, link)
  }

  #break(link: OutLink): void {
    for (const { connection, ref } of link.close()) this.#end?.unknown(connection, ref)
    if (this.#isNeeded(link)) this.#open(link)
  }

  #isNeeded(link: OutLink): boolean {
    if ((this.#waiting.get(link)?.length ?? 0) > 0) return true
    for (const _ of this.#end?.sessionsOf(link.shard) ?? []) return true
    return false
  }

  #register(link: OutLink): void {
    const { shard } = link
    const sessions = [...(this.#end?.sessionsOf(shard) ?? [])]
    if (sessions.length > 0) link.hadSessionsAt = this.#tickedAt
    else if (this.#tickedAt - link.hadSessionsAt > EMPTY_DIGESTS_MS) return
    this.#router.ownerOf(shard)?.sessions(this, shard, sessions)
  }

  #tickLater(): void {
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#tick(this.#clock.monotonic())
      this.#tickLater()
    })
  }

  #tick(now: number): void {
    const wasAsleep = now - this.#tickedAt > ASLEEP_MS
    this.#tickedAt = now
    // What came after the sleep bears a time from before it.
    if (wasAsleep) for (const link of this.#links) link.restamp(now)
    const isDigest = now - this.#digestAt >= DIGEST_MS
    if (isDigest) this.#digestAt = now
    for (const link of this.#links) {
      if (link.hasWaitedSince(now - ANSWER_MS)) this.#break(link)
      this.#expireWaiting(link, now)
      if (!link.isOpen && this.#isNeeded(link)) this.#open(link)
      else if (isDigest) this.#register(link)
    }
  }

  #expireWaiting(link: OutLink, now: number): void {
    const queue = this.#waiting.get(link)
    while (queue !== undefined && queue.length > 0 && now - queue[0]!.since > LIMITS.parkMs) {
      const { session, ref } = queue.shift()!
      this.#end?.unknown(session.connection, ref)
    }
  }
}
