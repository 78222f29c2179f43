/**
 * The owner of one shard: holds its actors, lets commands in one by one, and is the fold that its commit loop drives.
 *
 * A command finds its actor in memory or parks until the row was read; it is decided against the one state, and its
 * answer waits with the batch (conversation-commands.ts, hello-command.ts, history.ts). When ownership is lost,
 * everything here is thrown away.
 */
import type { ShardId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import type { LogPlace } from '../log/frame.js'
import type { ShardLog } from '../log/shard-log.js'
import { writeRefusal } from '../protocol/answer-frames.js'
import { ClientFrame } from '../protocol/client-frame.js'
import { BodyType } from '../protocol/wire-numbers.js'
import { Bytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { MessageStore } from '../storage/message-store.js'
import type { Activation } from './activation.js'
import { Activations } from './activations.js'
import { type Batch, EVENT_OVERHEAD_MAX, PendingAnswers } from './batch.js'
import { Beacons } from './beacons.js'
import { Checkpoints } from './checkpoints.js'
import { CommitLoop, type Fold } from './commit-loop.js'
import type { CommitScheduler } from './commit-scheduler.js'
import { ConversationCommands } from './conversation-commands.js'
import type { DeliveryModeLimits } from './delivery-mode.js'
import type { ActorsEvents } from './events.js'
import type { FanOut } from './fan-out.js'
import { FirstEvents } from './first-events.js'
import { FirstEventsTeller } from './first-events-teller.js'
import { HeadTeller } from './head-teller.js'
import { HeadsIn } from './heads-in.js'
import { HelloCommand } from './hello-command.js'
import { HistoryCommand } from './history-command.js'
import { InLinks } from './in-links.js'
import { InboxSteps } from './inbox-steps.js'
import { JoinChecks } from './join-checks.js'
import { JoinLimits, type ListLimits } from './join-limits.js'
import { LargeHeads } from './large-heads.js'
import { Mailbox } from './mailbox.js'
import { MarkCommand } from './mark-command.js'
import { answerMembers } from './members-command.js'
import type { OnlineCounts } from './online-counts.js'
import { Outbox, type OutboxLoad } from './outbox.js'
import type { InLink, OwnerHandle, Target } from './owner-link.js'
import type { Session } from './peers.js'
import type { Projector } from './projector.js'
import { isGivenUp, retryAfterMs } from './refusal-terms.js'
import { ResumeCommand } from './resume-command.js'
import type { Router } from './router.js'
import type { Sessions } from './sessions.js'
import { ShardReplay } from './shard-replay.js'
import { SignalCommands } from './signal-commands.js'
import { Troubles } from './take-over-trouble.js'

export interface ShardParts {
  readonly id: ShardId
  readonly log: ShardLog
  readonly store: MessageStore
  readonly clock: Clock
  readonly random: Random
  readonly scheduler: CommitScheduler
  readonly projector: Projector
  readonly fanOut: FanOut
  readonly router: Router
  /** The owner's end of this worker. */
  readonly self: OwnerHandle
  readonly sessions: Sessions
  readonly onlineCounts: OnlineCounts
  /** Of all shards of the worker. */
  readonly outboxLoad: OutboxLoad
  readonly events: ActorsEvents
  readonly rank: number
  readonly ownerSilenceMs: number
  readonly deliveryMode: DeliveryModeLimits
  readonly listLimits?: ListLimits
  readonly incarnationMin?: number
  /** More is held for the store than memory has room for. */
  isStoreBehind(): boolean
  /** It has something to tell: `tick` is to be called every LIMITS.outboxFlushMs for as long as that says so. */
  onStirring(shard: Shard): void
  /** Ownership was lost; placement decides what next. */
  onSteppedDown(shard: ShardId): void
}

/** They open their links within a fifth of a second, and digests mend the rest. */
const REGISTERING_MS = 2_000

export class Shard implements Fold {
  readonly parts: ShardParts
  readonly loop: CommitLoop
  readonly troubles: Troubles
  readonly frame = new ClientFrame()
  readonly activations: Activations
  readonly links: InLinks
  /** Commands that found no room in the filling batch. */
  readonly #waitingForRoom = new Mailbox()

  /** Commands that wait for their actor or for room. */
  get waitingCount(): number {
    return this.activations.parkedCount + this.#waitingForRoom.size
  }

  readonly #immediate = new PendingAnswers()
  readonly #conversations = new ConversationCommands(this)
  readonly #hello = new HelloCommand(this)
  readonly #history = new HistoryCommand(this)
  readonly #resume = new ResumeCommand(this)
  readonly #marks = new MarkCommand(this)
  readonly #signals = new SignalCommands(this)
  /** What user shards are told of our conversations, and what our users' inboxes are told by others. */
  readonly outbox: Outbox
  readonly headsIn = new HeadsIn(this)
  /** The heads of large conversations: ours, and those of our users' lists. */
  readonly headTeller = new HeadTeller(this)
  readonly largeHeads = new LargeHeads(this)
  /** Who may join our conversations, and how many our users may be in. */
  readonly joinChecks = new JoinChecks(this)
  readonly joinLimits = new JoinLimits(this)
  /** The newest events for devices that come back. */
  readonly firstEvents = new FirstEvents(this)
  readonly firstEventsTeller = new FirstEventsTeller(this)
  /** What the sessions of our users hear of their inboxes. */
  readonly steps = new InboxSteps(this)
  readonly beacons = new Beacons(this)
  readonly checkpoints = new Checkpoints(this)
  #servedAt = 0
  readonly replayed = new ShardReplay(this, () => this.#reset())

  constructor(parts: ShardParts) {
    this.parts = parts
    this.outbox = new Outbox(this)
    this.activations = new Activations({
      ...parts,
      unpark: ({ link, k, session, target, frame }) => this.command(link, k, session, target, frame, 0, frame.size),
      loaded: (activation) => this.#loaded(activation),
      refuse: ({ link, k, frame }, why) => this.#refuseNow(link, k, frame, 0, why),
    })
    this.troubles = new Troubles(parts)
    this.loop = new CommitLoop({ ...parts, shard: parts.id, fold: this })
    this.links = new InLinks({ ...parts, loop: this.loop })
  }

  // ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** One verified client frame, in the link's order. */
  command(link: InLink, k: number, session: Session, target: Target, bytes: Bytes, start: number, end: number): void {
    if (!this.loop.isServing) return this.#refuseNow(link, k, bytes, start, this.loop.refusal ?? 'owner-moved')
    const activation = this.activations.get(target.key)
    if (activation !== undefined && this.#waitingForRoom.size === 0 && this.hasRoom(end - start)) {
      return this.#decide(activation, link, k, session, bytes, start)
    }
    const since = this.parts.clock.monotonic()
    const parked = { link, k, session, target, frame: Bytes.over(bytes.u8.slice(start, end)), since }
    if (activation === undefined && this.#waitingForRoom.size === 0) return this.activations.park(parked)
    if (this.#waitingForRoom.size < LIMITS.mailboxMax) return this.#waitingForRoom.offer(parked)
    this.#refuseNow(link, k, bytes, start, 'mailbox-full')
  }

  #decide(activation: Activation, link: InLink, k: number, session: Session, bytes: Bytes, start: number): void {
    activation.isWarm = true
    this.frame.read(bytes, start)
    if (activation.kind === 'inbox') {
      if (this.frame.type === BodyType.hello) this.#hello.decide(activation, link, k, session, this.frame)
      else if (this.frame.type === BodyType.resume) this.#resume.answer(activation, link, k, this.frame)
      else if (this.frame.type === BodyType.signOut) this.#signals.signOut(link, k, session, this.frame, bytes)
      else this.#marks.decide(activation, link, k, session, this.frame, bytes)
      return
    }
    if (this.frame.type === BodyType.history) this.#history.answer(activation, link, k, session, this.frame)
    else if (this.frame.type === BodyType.members) answerMembers(this, activation, link, k, session, this.frame)
    else if (this.frame.type === BodyType.typing) this.#signals.typing(activation, link, k, session, this.frame.ref)
    else this.#conversations.decide(activation, link, k, session, this.frame, bytes, start)
  }

  /** Whether a frame of this size and its head fit the batch that fills. Events are a little larger than sends. */
  hasRoom(frameBytes: number): boolean {
    return this.loop.filling.frame.size + frameBytes + EVENT_OVERHEAD_MAX <= LIMITS.logFrameBytesMax
  }

  /** Where answers that rest on the present state are written; call `leave` after adding. */
  answers(): PendingAnswers {
    return this.loop.horizon()?.answers ?? this.#immediate
  }

  leave(answers: PendingAnswers): void {
    if (answers === this.#immediate) answers.send()
  }

  /**
   * Refuses on the strength of the present state. What makes a client give something up is said only by an owner that
   * proves, with an append, that it still is one: 1. we are replaced and do not know; 2. a device whose lane the new
   * owner gave says Hello here; 3. we say lane-unknown; 4. it resends on a new lane what was accepted on the old one.
   */
  refuse(link: InLink, k: number, refusal: RefusalName, ref: number, n: number, expected = 0): void {
    if (isGivenUp(refusal)) this.loop.prove()
    const answers = this.answers()
    writeRefusal(answers.bytes, refusal, { ref, n, expected, retryAfterMs: retryAfterMs(refusal) })
    this.parts.events.refused(refusal, 1)
    answers.add(link, k, ref, n)
    this.leave(answers)
  }

  /** Why nothing may be appended now, without asking the log again. */
  get refusal(): RefusalName | undefined {
    if (this.loop.refusal !== undefined) return this.loop.refusal
    if (this.parts.isStoreBehind()) return 'store-behind'
    if (this.outbox.isFull) return 'mailbox-full'
    const { usedBytes, limitBytes } = this.parts.log.usage()
    return usedBytes > limitBytes * LIMITS.logReserveFraction ? 'log-full' : undefined
  }

  /** The batch was sealed: what waited goes into the next one, as far as it fits. */
  #drainWaiting(): void {
    for (let left = this.#waitingForRoom.size; left > 0; left--) {
      const next = this.#waitingForRoom.peek()!
      if (!this.hasRoom(next.frame.size)) return
      this.#waitingForRoom.take()
      const activation = this.activations.get(next.target.key)
      if (activation === undefined) this.activations.park(next)
      else this.#decide(activation, next.link, next.k, next.session, next.frame, 0)
    }
  }

  /** For what rests on no state, and so need not wait. */
  #refuseNow(link: InLink, k: number, frame: Bytes, start: number, refusal: RefusalName): void {
    this.frame.readRequest(frame, start)
    const { ref, n } = this.frame
    writeRefusal(this.#immediate.bytes, refusal, { ref, n, expected: 0, retryAfterMs: retryAfterMs(refusal) })
    this.parts.events.refused(refusal, 1)
    this.#immediate.add(link, k, ref, n)
    this.#immediate.send()
  }

  // ── Fold: what the commit loop drives ──────────────────────────────────────────────────────────────────────────

  /** When gateway workers have registered their sessions, on the monotonic clock; infinity while nothing is served. */
  get settlesAt(): number {
    return this.loop.isServing ? this.#servedAt + REGISTERING_MS : Number.POSITIVE_INFINITY
  }

  served(place: LogPlace): void {
    this.#servedAt = this.parts.clock.monotonic()
    this.parts.events.served({ shard: this.parts.id, epoch: place.epoch })
    this.checkpoints.want() // the log before our serve frame may go
    this.rebuilt()
  }

  /** What was read for a replay owes what its row says, like any other. */
  rebuilt(): void {
    for (const activation of this.activations.all()) this.#loaded(activation)
  }

  #loaded(activation: Activation): void {
    if (activation.kind === 'inbox') this.outbox.markers.oweAll(activation)
  }

  sealing(batch: Batch): void {
    this.checkpoints.sealing(batch)
    this.#drainWaiting()
  }

  release(batch: Batch, place: LogPlace): void {
    this.parts.events.committed({ events: batch.eventCount, answers: batch.answers.count })
    batch.answers.send()
    this.parts.fanOut.release(batch, batch.frame.bytes)
    this.checkpoints.released(batch, place)
    for (const run of batch.whenDurable) run()
  }

  giveBack(batch: Batch, refusal: RefusalName): void {
    this.parts.events.appendRefused({ shard: this.parts.id, refusal })
    this.parts.events.refused(refusal, batch.answers.count)
    batch.answers.refuse(refusal)
  }

  forget(batches: readonly Batch[]): void {
    for (const batch of batches) batch.answers.sendUnknown()
    this.parts.sessions.forgetShard(this.parts.id)
    this.#reset()
    this.links.breakAll()
  }

  steppedDown(): void {
    this.parts.events.steppedDown({ shard: this.parts.id })
    this.parts.onSteppedDown(this.parts.id)
  }

  #reset(): void {
    this.activations.reset()
    this.outbox.reset()
    this.steps.reset()
    this.beacons.reset()
    this.headTeller.reset()
    this.largeHeads.reset()
    this.firstEvents.reset()
    this.joinChecks.reset()
    this.headsIn.markers.reset()
    this.checkpoints.reset()
    for (let parked = this.#waitingForRoom.take(); parked !== undefined; parked = this.#waitingForRoom.take()) {
      parked.link.unknown(parked.k)
    }
  }

  // ── Housekeeping ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells what is due; whether more waits. */
  tick(now: number): boolean {
    this.outbox.tick(now)
    this.steps.tick(now)
    this.beacons.tick(now)
    this.headTeller.tick(now)
    this.largeHeads.tick(now)
    this.firstEvents.tick(now)
    this.joinChecks.tick(now)
    this.headsIn.markers.tick()
    const isTelling = this.outbox.isWaiting || this.steps.isWaiting || this.beacons.isWaiting
    const isAsking = this.largeHeads.isWaiting || this.firstEvents.isWaiting || this.joinChecks.isWaiting
    return isTelling || isAsking || this.headTeller.isWaiting
  }

  /** One of its followers has something to tell. */
  stir(): void {
    this.parts.onStirring(this)
  }

  /** Lets the log go further than the newest frame: see ShardLog.onCarryWanted. */
  carry(): void {
    if (!this.loop.isServing) return
    this.checkpoints.want()
    this.loop.force()
  }
}
