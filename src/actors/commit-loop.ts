/**
 * One shard's way to its log: takes the shard over, appends one batch at a time, finds out what became of appends
 * whose outcome is unknown, and lets go when somebody else has taken over (rules §1–§4).
 *
 * There is one state and no rollback: a batch that is lost and cannot be written again makes the fold start over from
 * rows and log. Nothing that waits for a batch leaves before its append was confirmed.
 */
import type { ShardId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import { FrameKind, type LogPlace, nextChain, sealFrame } from '../log/frame.js'
import type { ShardLog, Tail } from '../log/shard-log.js'
import { assert, unreachable } from '../std/assert.js'
import { type Clock, sleep } from '../std/clock.js'
import { fraction, type Random, random64 } from '../std/random.js'
import { Batch } from './batch.js'
import type { CommitScheduler } from './commit-scheduler.js'
import { type OwnLog, type Replayed, replayTo, takeOver } from './takeover.js'
import { resolveUnknown } from './unknown-outcome.js'

/** The state that the log decides: actors and what waits for them. */
export interface Fold {
  readonly replayed: Replayed
  /** Last chance to add to the batch what must describe exactly its end: the checkpoint. */
  sealing(batch: Batch): void
  /** The batch is durable: answers, deliveries and the checkpoint may leave. */
  release(batch: Batch, place: LogPlace): void
  /** The log does not take writes; nothing was stored. Waiters hear `refusal`; the state is rebuilt next. */
  giveBack(batch: Batch, refusal: RefusalName): void
  /** The whole state is void. Waiters of both batches hear that the outcome is unknown. */
  forget(batches: readonly Batch[]): void
  served(place: LogPlace): void
  /** The log refused, and the state was built again up to its durable end; we serve on in the same epoch. */
  rebuilt(): void
  /** Somebody else took over, or we cannot tell; whether to try again is for placement to say. */
  steppedDown(): void
}

export interface CommitLoopParts {
  readonly shard: ShardId
  readonly log: ShardLog
  readonly clock: Clock
  readonly random: Random
  readonly scheduler: CommitScheduler
  readonly fold: Fold
  /** Our place among those who would take the shard over, from 0. */
  readonly rank: number
  /** Without an accepted append for so long we prove ourselves before we answer; Infinity where nobody else can own. */
  readonly ownerSilenceMs: number
  /** See OwnLog; absent: any. */
  readonly incarnationMin?: number
}

type Status = 'stopped' | 'taking-over' | 'serving' | 'resolving' | 'rebuilding'

const NOWHERE: LogPlace = { tail: 0, batchNo: 0, epoch: 0, chain: 0, logIncarnation: 0 }
const REFUSED_PAUSE_MS = 200

export class CommitLoop {
  /** Waits for its turn: the scheduler's mark. */
  isQueued = false
  /** When the log refused an append last, on the monotonic clock. */
  refusedAt = Number.NEGATIVE_INFINITY
  readonly #parts: CommitLoopParts
  #status: Status = 'stopped'
  #place = NOWHERE
  #owner = 0n
  #life = 0
  #filling = new Batch()
  readonly #free: Batch[] = []
  #inFlight: Batch | undefined
  #acceptedAt = 0
  /** Why the log takes nothing now; sends are refused meanwhile, without asking it again. */
  #refusal: RefusalName | undefined

  constructor(parts: CommitLoopParts) {
    this.#parts = parts
  }

  get isServing(): boolean {
    return this.#status === 'serving' || this.#status === 'resolving'
  }

  get isStopped(): boolean {
    return this.#status === 'stopped'
  }

  get epoch(): number {
    return this.#place.epoch
  }

  get logIncarnation(): number {
    return this.#place.logIncarnation
  }

  get place(): LogPlace {
    return this.#place
  }

  get filling(): Batch {
    return this.#filling
  }

  get refusal(): RefusalName | undefined {
    return this.#refusal
  }

  get waitingBytes(): number {
    return this.#filling.frame.size
  }

  get isIdle(): boolean {
    return this.#inFlight === undefined && !this.#filling.isWanted
  }

  /** Takes the shard over; `served` or `steppedDown` follows. */
  async start(): Promise<void> {
    assert(this.#status === 'stopped', `shard ${this.#parts.shard} is already ${this.#status}`)
    const life = ++this.#life
    this.#status = 'taking-over'
    this.#owner = random64(this.#parts.random)
    const place = await takeOver(this.#ownLog(life))
    if (life !== this.#life) return
    if (place === undefined) return this.#stepDown()
    this.#serve(place)
  }

  /** Stops at once, as a crash would, without a word to the log. */
  stop(): void {
    if (this.#status !== 'stopped') this.#forget()
  }

  /**
   * The batch that an answer must wait for, given everything decided so far; undefined: nothing undurable was seen.
   * An owner that has not proved itself for `ownerSilenceMs` does so first.
   */
  horizon(): Batch | undefined {
    if (this.#filling.isWanted) return this.#filling
    if (this.#inFlight !== undefined) return this.#inFlight
    if (this.#parts.clock.monotonic() - this.#acceptedAt <= this.#parts.ownerSilenceMs) return undefined
    this.force()
    return this.#filling
  }

  /** Runs once the present state is durable; never, where it is lost. */
  whenDurable(run: () => void): void {
    const batch = this.horizon()
    if (batch === undefined) run()
    else batch.whenDurable.push(run)
  }

  /** What is answered next waits for an append, which shows that nobody else owns the shard. */
  prove(): void {
    if (this.#parts.ownerSilenceMs !== Number.POSITIVE_INFINITY) this.force()
  }

  /** Appends a frame even without records. */
  force(): void {
    this.#filling.isForced = true
    this.wanted()
  }

  /** The filling batch has something to append. */
  wanted(): void {
    if (this.#status === 'serving' && this.#inFlight === undefined) this.#parts.scheduler.ready(this)
  }

  /** Appends what has filled. Resolves with what to run once other appends were started; never rejects. */
  appendNext(): Promise<(() => void) | undefined> | undefined {
    if (this.#status !== 'serving' || this.#inFlight !== undefined || !this.#filling.isWanted) return undefined
    const batch = this.#filling
    this.#filling = this.#free.pop() ?? new Batch()
    this.#inFlight = batch
    batch.attemptOf = random64(this.#parts.random)
    this.#parts.fold.sealing(batch)
    return this.#append(batch, this.#life)
  }

  async #append(batch: Batch, life: number): Promise<(() => void) | undefined> {
    const frame = this.#seal(batch)
    const outcome = await this.#parts.log.append(this.#parts.shard, frame, this.#place.tail)
    if (life !== this.#life) return undefined
    switch (outcome.kind) {
      case 'appended':
        return this.#confirmed(batch, this.#after(outcome.tail, frame))
      case 'fenced':
        this.#stepDown()
        return undefined
      case 'refused':
        void this.#giveBack(batch, outcome.why, life)
        return undefined
      case 'unknown':
        void this.#resolve(batch, life)
        return undefined
      default:
        return unreachable(outcome)
    }
  }

  #seal(batch: Batch): Uint8Array {
    const { tail, batchNo, epoch, chain, logIncarnation } = this.#place
    return sealFrame(batch.frame.bytes, batch.frame.size, {
      kind: batch.count > 0 ? FrameKind.events : FrameKind.carry,
      shard: this.#parts.shard,
      owner: this.#owner,
      attemptOf: batch.attemptOf,
      after: tail,
      batchNo: batchNo + 1,
      logIncarnation,
      epoch,
      chain,
      count: batch.count,
    })
  }

  #after(tail: Tail, frame: Uint8Array): LogPlace {
    const { batchNo, chain, epoch, logIncarnation } = this.#place
    return { tail, batchNo: batchNo + 1, chain: nextChain(chain, frame), epoch, logIncarnation }
  }

  /** The batch is in the log at `place`; the returned call releases what waited for it. */
  #confirmed(batch: Batch, place: LogPlace): () => void {
    this.#place = place
    this.#acceptedAt = this.#parts.clock.monotonic()
    this.#inFlight = undefined
    this.#refusal = undefined
    if (this.#filling.isWanted) this.#parts.scheduler.ready(this)
    return () => {
      this.#parts.fold.release(batch, place)
      batch.clear()
      this.#free.push(batch)
    }
  }

  /** Rules §4: a barrier at the same expectation decides what became of the batch. */
  async #resolve(batch: Batch, life: number): Promise<void> {
    this.#status = 'resolving'
    const resolved = await resolveUnknown(this.#ownLog(life), this.#place, batch.attemptOf)
    if (life !== this.#life) return
    if (resolved.kind === 'foreign') return this.#stepDown()
    this.#status = 'serving'
    this.#place = resolved.place
    if (resolved.kind === 'committed') return this.#confirmed(batch, resolved.place)()
    const release = await this.#append(batch, life)
    release?.()
  }

  /** Full or read-only is no fence: rebuild to the durable tail and go on answering reads. */
  async #giveBack(batch: Batch, why: 'full' | 'too-large' | 'read-only', life: number): Promise<void> {
    const refusal = why === 'read-only' ? 'log-read-only' : 'log-full'
    this.#status = 'rebuilding'
    this.#refusal = refusal
    this.refusedAt = this.#parts.clock.monotonic()
    for (const each of [batch, this.#filling]) {
      this.#parts.fold.giveBack(each, refusal)
      each.clear()
    }
    this.#inFlight = undefined
    let isReplaced = false // the store is ahead of us: another owner has taken over, appended and stored meanwhile
    const place = await replayTo(this.#ownLog(life), this.#place.tail, () => {
      isReplaced = true
    })
    if (life !== this.#life) return
    if (place === undefined || isReplaced) return this.#stepDown()
    this.#status = 'serving'
    this.#parts.fold.rebuilt()
    await sleep(this.#parts.clock, REFUSED_PAUSE_MS)
    if (life === this.#life) this.#refusal = undefined
  }

  #serve(place: LogPlace): void {
    this.#place = place
    this.#status = 'serving'
    this.#acceptedAt = this.#parts.clock.monotonic()
    this.#parts.fold.served(place)
  }

  #stepDown(): void {
    this.#forget()
    this.#parts.fold.steppedDown()
  }

  #forget(): void {
    this.#life++
    this.#status = 'stopped'
    const batches = this.#inFlight === undefined ? [this.#filling] : [this.#inFlight, this.#filling]
    this.#inFlight = undefined
    this.#parts.fold.forget(batches)
    this.#filling = new Batch()
  }

  #ownLog(life: number): OwnLog {
    const { shard, log, clock, random, rank, fold, incarnationMin = 1 } = this.#parts
    return {
      shard,
      log,
      incarnationMin,
      owner: this.#owner,
      replayed: fold.replayed,
      isCurrent: () => life === this.#life,
      newId: () => random64(random),
      pause: (ms) => sleep(clock, ms),
      contentionPause: () => sleep(clock, 1_000 + fraction(random) * 500 * (rank + 1)),
    }
  }
}
