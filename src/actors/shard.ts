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
import { type FrameHead, type LogPlace, RecordKind, recordsOf } from '../log/frame.js'
import type { ShardLog } from '../log/shard-log.js'
import { writeRefusal } from '../protocol/answer-frames.js'
import { ClientFrame } from '../protocol/client-frame.js'
import { BodyType } from '../protocol/wire-numbers.js'
import { Bytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { MessageStore, Snapshot } from '../storage/message-store.js'
import { type Activation, isInRow } from './activation.js'
import { Activations } from './activations.js'
import { type Batch, EVENT_OVERHEAD_MAX, PendingAnswers } from './batch.js'
import { Beacons } from './beacons.js'
import { checkpointAt, markStored, type PendingCheckpoint } from './checkpoint.js'
import { CommitLoop, type Fold } from './commit-loop.js'
import type { CommitScheduler } from './commit-scheduler.js'
import { ConversationCommands } from './conversation-commands.js'
import type { ActorsEvents } from './events.js'
import type { FanOut } from './fan-out.js'
import { HeadsIn } from './heads-in.js'
import { HelloCommand } from './hello-command.js'
import { HistoryCommand } from './history-command.js'
import { InboxSteps } from './inbox-steps.js'
import { Mailbox } from './mailbox.js'
import { MarkCommand } from './mark-command.js'
import { answerMembers } from './members-command.js'
import { Outbox } from './outbox.js'
import { type GatewayHandle, type Generation, InLink, isBelow, type OwnerHandle, type Target } from './owner-link.js'
import type { Session } from './peers.js'
import type { Projector } from './projector.js'
import { isGivenUp, retryAfterMs } from './refusal-terms.js'
import { applyRecord } from './replay.js'
import { ResumeCommand } from './resume-command.js'
import type { Router } from './router.js'
import type { Sessions } from './sessions.js'
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
  readonly events: ActorsEvents
  readonly rank: number
  readonly ownerSilenceMs: number
  readonly incarnationMin?: number
  /** More is held for the store than memory has room for. */
  isStoreBehind(): boolean
  /** Ownership was lost; placement decides what next. */
  onSteppedDown(shard: ShardId): void
}

const PROVE_MS = 1_000

export class Shard implements Fold {
  readonly parts: ShardParts
  readonly loop: CommitLoop
  readonly troubles: Troubles
  readonly frame = new ClientFrame()
  readonly activations: Activations
  readonly #links = new Map<string, InLink>()
  /** Commands that found no room in the filling batch. */
  readonly #waitingForRoom = new Mailbox()
  readonly #immediate = new PendingAnswers()
  readonly #conversations = new ConversationCommands(this)
  readonly #hello = new HelloCommand(this)
  readonly #history = new HistoryCommand(this)
  readonly #resume = new ResumeCommand(this)
  readonly #marks = new MarkCommand(this)
  /** What user shards are told of our conversations, and what our users' inboxes are told by others. */
  readonly outbox: Outbox
  readonly headsIn = new HeadsIn(this)
  /** What the sessions of our users hear of their inboxes. */
  readonly steps = new InboxSteps(this)
  readonly beacons = new Beacons(this)
  #checkpoint: 'none' | 'wanted' | 'storing' = 'none'
  #provedAt = Number.NEGATIVE_INFINITY

  constructor(parts: ShardParts) {
    this.parts = parts
    this.outbox = new Outbox(this)
    this.activations = new Activations({
      ...parts,
      unpark: ({ link, k, session, target, frame }) => this.command(link, k, session, target, frame, 0, frame.size),
      refuse: ({ link, k, frame }, why) => this.#refuseNow(link, k, frame, 0, why),
    })
    this.troubles = new Troubles(parts)
    this.loop = new CommitLoop({ ...parts, shard: parts.id, fold: this })
  }

  // ── Links ──────────────────────────────────────────────────────────────────────────────────────────────────────

  openLink(gateway: GatewayHandle, number: number, known: Generation): void {
    if (!this.loop.isServing) return
    if (isBelow(this.loop, known)) return this.#prove()
    const link = this.#links.get(gateway.address)
    if (link !== undefined && link.number > number) return
    if (link?.number !== number) this.#links.set(gateway.address, new InLink(gateway, this.parts.id, number))
    gateway.linkOpened(this.parts.id, number, this.loop.epoch, this.loop.logIncarnation)
  }

  /** Somebody has seen a newer owner: an append tells us whether we are still one. At most one a second (rules §1). */
  #prove(): void {
    const now = this.parts.clock.monotonic()
    if (now - this.#provedAt < PROVE_MS) return
    this.#provedAt = now
    this.loop.force()
  }

  linkOf(gateway: GatewayHandle, number: number): InLink | undefined {
    const link = this.#links.get(gateway.address)
    return link?.number === number ? link : undefined
  }

  breakLink(link: InLink): void {
    if (this.#links.get(link.gateway.address) === link) this.#links.delete(link.gateway.address)
    link.gateway.linkBroken(this.parts.id, link.number)
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
      else this.#marks.decide(activation, link, k, session, this.frame, bytes)
      return
    }
    if (this.frame.type === BodyType.history) this.#history.answer(activation, link, k, session, this.frame)
    else if (this.frame.type === BodyType.members) answerMembers(this, activation, link, k, session, this.frame)
    else this.#conversations.decide(activation, link, k, session, this.frame, bytes)
  }

  /** Whether a frame of this size and its head fit the batch that fills. Events are a little larger than sends. */
  hasRoom(frameBytes: number): boolean {
    return this.loop.filling.frame.size + frameBytes + EVENT_OVERHEAD_MAX <= LIMITS.logFrameBytesMax
  }

  /** Where answers that rest on the present state are written; call `leave` after adding. */
  answers(): PendingAnswers {
    return this.loop.horizon()?.answers ?? this.#immediate
  }

  /** Runs once the present state is durable; never, where it is lost. */
  whenDurable(run: () => void): void {
    const batch = this.loop.horizon()
    if (batch === undefined) run()
    else batch.whenDurable.push(run)
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

  readonly replayed = {
    begin: async (): Promise<Snapshot | undefined> => {
      this.#reset()
      const snapshot = await this.parts.store.snapshot(this.parts.id)
      await this.outbox.restore()
      return snapshot
    },
    frame: async (place: LogPlace, head: FrameHead, bytes: Uint8Array): Promise<void> => {
      const frame = Bytes.over(bytes)
      let index = 0
      for (const record of recordsOf(frame, head.count)) {
        const position = { logIncarnation: place.logIncarnation, batchNo: place.batchNo, index: index++ }
        await applyRecord(frame, record, async (name) => {
          const activation = await this.activations.forReplay(name)
          const isEvent = record.kind === RecordKind.event
          if (isEvent && activation.kind === 'conversation') this.outbox.replayed(activation, position)
          if (isInRow(activation, position)) return undefined
          this.activations.touched(activation)
          return activation
        })
      }
    },
    lostTail: (snapshot: Snapshot): void => this.parts.events.logLostTail({ shard: this.parts.id, snapshot }),
    troubled: (cause: unknown, times: number): void => this.troubles.add(cause, times),
  }

  served(place: LogPlace): void {
    this.parts.events.served({ shard: this.parts.id, epoch: place.epoch })
    this.#checkpoint = 'wanted' // the log before our serve frame may go
  }

  sealing(batch: Batch): void {
    if (this.#checkpoint === 'wanted') {
      batch.checkpoint = this.activations.cut()
      this.#checkpoint = 'storing'
    }
    this.#drainWaiting()
  }

  release(batch: Batch, place: LogPlace): void {
    this.parts.events.committed({ events: batch.eventCount, answers: batch.answers.count })
    batch.answers.send()
    this.parts.fanOut.release(batch, batch.frame.bytes)
    if (batch.checkpoint !== undefined) this.#hand(batch.checkpoint, place)
    for (const run of batch.whenDurable) run()
  }

  giveBack(batch: Batch, refusal: RefusalName): void {
    this.parts.events.appendRefused({ shard: this.parts.id, refusal })
    this.parts.events.refused(refusal, batch.answers.count)
    batch.answers.refuse(refusal)
  }

  forget(batches: readonly Batch[]): void {
    for (const batch of batches) batch.answers.sendUnknown()
    this.#reset()
    for (const link of [...this.#links.values()]) this.breakLink(link)
    this.parts.sessions.forgetShard(this.parts.id)
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
    this.#checkpoint = 'none'
    for (let parked = this.#waitingForRoom.take(); parked !== undefined; parked = this.#waitingForRoom.take()) {
      parked.link.unknown(parked.k)
    }
  }

  // ── Checkpoints and retirement, driven by the projector ────────────────────────────────────────────────────────

  /** Called every LIMITS.projectorFlushMs. */
  checkpointDue(): void {
    this.activations.expire()
    if (!this.loop.isServing || this.#checkpoint === 'storing') return
    if (!this.activations.hasChanges && this.#checkpoint === 'none') return
    this.#checkpoint = 'wanted'
    if (!this.loop.isIdle) return // the next batch is sealed with it
    this.#checkpoint = 'storing'
    this.#hand(this.activations.cut(), this.loop.place)
  }

  /** Called every LIMITS.outboxFlushMs. */
  tick(): void {
    const now = this.parts.clock.monotonic()
    for (const follower of [this.outbox, this.steps, this.beacons]) follower.tick(now)
  }

  /** Lets the log go further than the newest frame: see ShardLog.onCarryWanted. */
  carry(): void {
    if (!this.loop.isServing) return
    if (this.#checkpoint === 'none') this.#checkpoint = 'wanted'
    this.loop.force()
  }

  #hand(pending: PendingCheckpoint, place: LogPlace): void {
    const isCurrent = this.activations.lifeCheck()
    this.parts.projector.submit({
      checkpoint: checkpointAt(this.parts.id, pending, place),
      stored: () => {
        if (!isCurrent()) return
        markStored(pending)
        this.#checkpoint = 'none'
        this.parts.log.purge(this.parts.id, place.tail)
      },
    })
  }
}
