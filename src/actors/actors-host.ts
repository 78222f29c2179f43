/**
 * All shards that a worker owns, and the owner's end of the links to them.
 */
import type { ActorKey, ShardId, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address } from '../log/bus.js'
import type { ShardLog } from '../log/shard-log.js'
import type { Bytes } from '../std/bytes.js'
import type { Clock, Timer } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'
import type { MessageStore } from '../storage/message-store.js'
import { CommitScheduler } from './commit-scheduler.js'
import { DELIVERY_MODE, type DeliveryModeLimits } from './delivery-mode.js'
import type { ActorsEvents } from './events.js'
import { FanOut } from './fan-out.js'
import type { HostLoad } from './host-load.js'
import type { ListLimits } from './join-limits.js'
import { LastSeen } from './last-seen.js'
import { MemoryRoom } from './memory-room.js'
import { OnlineCounts } from './online-counts.js'
import { OnlineScan } from './online-scan.js'
import type {
  EventsAsked,
  GatewayHandle,
  Generation,
  HeadsQuestion,
  HeadsRoute,
  JoinsAsked,
  LinkPlace,
  Origin,
  OwnerHandle,
  TakenHead,
  Target,
} from './owner-link.js'
import type { Delivered, Session } from './peers.js'
import { Presence } from './presence.js'
import { Projector } from './projector.js'
import type { Router } from './router.js'
import { Sessions } from './sessions.js'
import { Shard } from './shard.js'
import type { LastingTrouble } from './take-over-trouble.js'

export interface ActorsHostParts {
  readonly address: Address
  readonly log: ShardLog
  readonly store: MessageStore
  readonly clock: Clock
  readonly random: Random
  readonly router: Router
  readonly events: ActorsEvents
  /** Actors kept in memory; defaults to LIMITS.activationsMax. */
  readonly activationsMax?: number
  /** When a conversation becomes large and small again; defaults to LIMITS. */
  readonly deliveryMode?: DeliveryModeLimits
  readonly listLimits?: ListLimits
  /** See FanOut. */
  readonly listedMin?: number
  /** See CommitLoopParts; defaults to LIMITS.ownerSilenceMs. */
  readonly ownerSilenceMs?: number
  /** See OwnLog in takeover.ts. */
  readonly incarnationMin?: number
}

const HOUSEKEEPING_MS = 250
const SWEEP_MS = 1_000
const TRY_AGAIN_MS = 1_000

export class ActorsHost implements OwnerHandle {
  readonly address: Address
  readonly #parts: ActorsHostParts
  readonly #scheduler: CommitScheduler
  readonly #projector: Projector
  readonly #fanOut: FanOut
  readonly #sessions = new Sessions({
    changed: (inbox) => this.#presence.changed(inbox),
    found: (shard, inbox) => this.#shards.get(shard)?.beacons.found(inbox),
  })
  readonly #presence: Presence
  readonly #lastSeen: LastSeen
  readonly #memory: MemoryRoom
  readonly #onlineScan: OnlineScan
  readonly #onlineCounts: OnlineCounts
  readonly #outboxLoad = { owed: 0 }
  readonly #shards = new Map<number, Shard>()
  /** Shards that placement gave us: those we lose, we take again. */
  readonly #wanted = new Map<number, number>()
  /** Shards with something to tell, looked at every LIMITS.outboxFlushMs. */
  readonly #stirring = new Set<Shard>()
  #timer: Timer | undefined
  #housekeeping: Timer | undefined
  #sweptAt = 0

  constructor(parts: ActorsHostParts) {
    const { address, log, store, clock, events, router } = parts
    this.address = address
    this.#parts = parts
    this.#scheduler = new CommitScheduler(log.pacing, clock)
    this.#projector = new Projector({ store, clock, events, onTick: (slice) => this.#tick(slice) })
    this.#fanOut = new FanOut(router, parts.listedMin)
    const { shardCount } = router
    const shards = this.#shards
    const found = (inbox: ActorKey) => this.#presence.found(inbox)
    const isConnected = (inbox: ActorKey) => this.#sessions.has(inbox)
    this.#lastSeen = new LastSeen({ clock, shardCount, shards, isConnected, found })
    this.#memory = new MemoryRoom({ shards, projector: this.#projector, activationsMax: parts.activationsMax })
    this.#presence = new Presence({
      clock,
      lastSeen: this.#lastSeen,
      isConnected,
      settlesAt: (shard) => this.#shards.get(shard)?.settlesAt ?? Number.POSITIVE_INFINITY,
    })
    this.#onlineScan = new OnlineScan({ clock, self: this, shards, sessions: this.#sessions })
    this.#onlineCounts = new OnlineCounts({ clock, router, self: this })
    this.#keepHouseLater()
    log.onCarryWanted((shards) => {
      for (const shard of shards) this.#shards.get(shard)?.carry()
    })
  }

  /** Takes a shard over and keeps it until `disown`. `rank`: our place among those who might, from 0. */
  own(id: ShardId, rank = 0): void {
    if (this.#wanted.has(id)) return
    this.#wanted.set(id, rank)
    const shard = this.#shards.get(id) ?? this.#newShard(id, rank)
    this.#shards.set(id, shard)
    void shard.loop.start()
  }

  /** Stops owning at once; somebody else takes over by fencing us. */
  disown(id: ShardId): void {
    this.#wanted.delete(id)
    this.#shards.get(id)?.loop.stop()
    this.#presence.forgetShard(id)
    this.#lastSeen.forgetShard(id)
  }

  /** Every wanted shard answers. */
  get isReady(): boolean {
    for (const id of this.#wanted.keys()) if (!this.#shards.get(id)?.loop.isServing) return false
    return true
  }

  /** What has kept a shard from being taken over the longest, if anything is known. */
  get trouble(): LastingTrouble | undefined {
    const waiting = [...this.#wanted.keys()].flatMap((id) => this.#shards.get(id) ?? [])
    const troubles = waiting.flatMap(({ loop, troubles: { last } }) =>
      last === undefined || loop.isServing ? [] : last,
    )
    return troubles.sort((one, other) => one.since - other.since)[0]
  }

  /** For the figures of the worker. */
  get load(): HostLoad {
    let [serving, waitingCommands] = [0, 0]
    for (const id of this.#wanted.keys()) {
      const shard = this.#shards.get(id)
      if (shard?.loop.isServing) serving++
      waitingCommands += shard?.waitingCount ?? 0
    }
    const { lag: waitingCheckpoints, lagMs: storeLagMs } = this.#projector
    const { owed: owedConversations } = this.#outboxLoad
    return { owned: this.#wanted.size, serving, waitingCheckpoints, storeLagMs, waitingCommands, owedConversations }
  }

  /** A worker or node is gone for good: nothing more is sent there. */
  forgetGateway(address: Address): void {
    this.#sessions.forgetGateway(address)
    this.#presence.forgetGateway(address)
  }

  close(): void {
    for (const id of [...this.#wanted.keys()]) this.disown(id as ShardId)
    this.#projector.close()
    this.#onlineScan.close()
    this.#timer?.cancel()
    this.#housekeeping?.cancel()
  }

  /** This shard has something to tell; the others sleep. */
  #stir(shard: Shard): void {
    this.#stirring.add(shard)
    this.#timer ??= this.#parts.clock.after(LIMITS.outboxFlushMs, () => this.#flush())
  }

  #flush(): void {
    this.#timer = undefined
    const now = this.#parts.clock.monotonic()
    const shards = [...this.#stirring]
    this.#stirring.clear()
    for (const shard of shards) if (shard.tick(now)) this.#stir(shard)
  }

  #newShard(id: ShardId, rank: number): Shard {
    return new Shard({
      ...this.#parts,
      id,
      rank,
      ownerSilenceMs: this.#parts.ownerSilenceMs ?? LIMITS.ownerSilenceMs,
      deliveryMode: this.#parts.deliveryMode ?? DELIVERY_MODE,
      scheduler: this.#scheduler,
      projector: this.#projector,
      fanOut: this.#fanOut,
      self: this,
      onlineCounts: this.#onlineCounts,
      sessions: this.#sessions,
      outboxLoad: this.#outboxLoad,
      isStoreBehind: () => this.#memory.isStoreBehind,
      onStirring: (shard) => this.#stir(shard),
      onSteppedDown: (shard) => this.#tryAgain(shard),
    })
  }

  /** Still ours by placement: contend again, but not at once, or two owners would fence each other for ever. */
  #tryAgain(id: ShardId): void {
    const rank = this.#wanted.get(id)
    if (rank === undefined) return
    const pauseMs = TRY_AGAIN_MS * (1 + rank + fraction(this.#parts.random))
    this.#parts.clock.after(pauseMs, () => {
      const { loop } = this.#shards.get(id)!
      if (this.#wanted.has(id) && loop.isStopped) void loop.start()
    })
  }

  // ── OwnerHandle ────────────────────────────────────────────────────────────────────────────────────────────────

  openLink(from: GatewayHandle, shard: number, link: number, known: Generation): void {
    this.#shards.get(shard)?.links.open(from, link, known)
  }

  command(
    from: GatewayHandle,
    shardId: number,
    place: LinkPlace,
    session: Session,
    target: Target,
    frame: Bytes,
    start: number,
    end: number,
  ): void {
    const shard = this.#shards.get(shardId)
    const link = shard?.links.of(from, place.link)
    if (shard === undefined || link === undefined || place.epoch !== shard.loop.epoch) {
      return from.linkBroken(shardId, place.link)
    }
    switch (link.take(place.k)) {
      case 'next':
        return shard.command(link, place.k, session, target, frame, start, end)
      case 'hole':
        return shard.links.break(link)
      case 'stale':
        return
    }
  }

  sessions(from: GatewayHandle, shard: number, sessions: readonly Session[]): void {
    if (this.#wanted.has(shard)) this.#sessions.replace(from, shard, sessions)
  }

  sessionEnded(from: GatewayHandle, _shard: number, session: Session): void {
    this.#sessions.remove(from, session)
  }

  sessionHeard(from: GatewayHandle, _shard: number, session: Session): void {
    this.#sessions.heard(from, session)
  }

  watch(from: GatewayHandle, shard: number, inboxes: readonly ActorKey[]): void {
    if (this.#wanted.has(shard)) this.#presence.watch(from, shard, inboxes)
  }

  signOut(inbox: ActorKey, device: string | undefined): void {
    this.#sessions.signOut(inbox, device)
  }

  tell(
    inboxes: readonly string[],
    except: Origin | undefined,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    this.#sessions.tell(inboxes, except, what, bytes, start, end)
  }

  heads(from: OwnerHandle, route: HeadsRoute, bytes: Bytes, start: number, end: number): void {
    this.#shards.get(route.toShard)?.headsIn.take(from, route, bytes, start, end)
  }

  headsTaken(route: HeadsRoute): void {
    this.#shards.get(route.fromShard)?.outbox.taken(route)
  }

  askHeads(from: OwnerHandle, question: HeadsQuestion, user: UserId, conversations: readonly ActorKey[]): void {
    this.#shards.get(question.toShard)?.headTeller.answer(from, question, user, conversations)
  }

  headsTold(question: HeadsQuestion, heads: readonly TakenHead[]): void {
    this.#shards.get(question.fromShard)?.largeHeads.told(question, heads)
  }

  askEvents(from: OwnerHandle, question: HeadsQuestion, asked: EventsAsked): void {
    this.#shards.get(question.toShard)?.firstEventsTeller.answer(from, question, asked)
  }

  askJoins(from: OwnerHandle, question: HeadsQuestion, asked: JoinsAsked): void {
    void this.#shards.get(question.toShard)?.joinLimits.answer(from, question, asked)
  }

  joinsTold(question: HeadsQuestion, full: readonly UserId[]): void {
    this.#shards.get(question.fromShard)?.joinChecks.told(question, full)
  }

  eventsTold(question: HeadsQuestion, bytes: Bytes, start: number, end: number): void {
    this.#shards.get(question.fromShard)?.firstEvents.told(question, bytes, start, end)
  }

  askOnline(from: OwnerHandle, conversation: ActorKey): void {
    this.#onlineScan.ask(from, conversation)
  }

  onlineTold(from: OwnerHandle, conversation: ActorKey, online: number): void {
    this.#onlineCounts.told(from, conversation, online)
  }

  // ── Housekeeping ───────────────────────────────────────────────────────────────────────────────────────────────

  #tick(slice: number): void {
    let place = 0
    for (const shard of this.#shards.values()) if (place++ % LIMITS.projectorSlices === slice) shard.checkpoints.due()
  }

  #keepHouseLater(): void {
    this.#housekeeping = this.#parts.clock.after(HOUSEKEEPING_MS, () => {
      this.#keepHouse(this.#parts.clock.monotonic())
      this.#keepHouseLater()
    })
  }

  #keepHouse(now: number): void {
    for (const shard of this.#shards.values()) shard.activations.expire()
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    this.#sessions.sweep()
    for (const shard of this.#shards.values()) shard.beacons.digest(now)
    this.#lastSeen.sweep()
    this.#memory.sweep()
  }
}
