/**
 * Carries the checkpoints of a worker's shards to the store, in order: each shard's every LIMITS.projectorFlushMs, those
 * of a quarter of the shards together. One transaction for all would hold up the log's syncs by tens of milliseconds.
 * Where many actors change, rounds come in proportion less often: ten thousand conversations that each hear a few
 * messages a second would otherwise have every message rewrite a row (ADR 66).
 *
 * It holds the log: nothing is purged before its checkpoint was stored. While the store is away, shards keep their
 * changes in memory and cut no further checkpoint, so what waits here is at most one per shard.
 */
import { LIMITS } from '../domain/limits.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Checkpoint, MessageStore } from '../storage/message-store.js'
import type { ActorsEvents } from './events.js'

export interface Submitted {
  readonly checkpoint: Checkpoint
  /** Called once it is durable in the store. */
  stored(): void
}

export interface ProjectorParts {
  readonly store: MessageStore
  readonly clock: Clock
  readonly events: ActorsEvents
  /** Asks the shards of a slice, below LIMITS.projectorSlices, for a checkpoint; the last round was handed on before. */
  onTick(slice: number): void
}

const RETRY_MS = 500
/** Rows, pages and blocks that a round may hold for each second until the next: about 50 µs of the store each. */
const WRITES_PER_SECOND = 4_000
const PAUSE_MS_MAX = 2_000

export class Projector {
  readonly #parts: ProjectorParts
  #waiting: Submitted[] = []
  #timer: Timer | undefined
  #slice = 0
  /** Checkpoints in the transaction under way. */
  #storing = 0
  /** On the monotonic clock: when the oldest checkpoint came that the store does not have; each list's is its first's. */
  #storingSince = 0
  #waitingSince = 0
  /** Until then shards gather changes. */
  #pausesUntil = 0
  #isClosed = false

  constructor(parts: ProjectorParts) {
    this.#parts = parts
    this.#tickLater()
  }

  submit(submitted: Submitted): void {
    if (this.#waiting.length === 0) this.#waitingSince = this.#parts.clock.monotonic()
    this.#waiting.push(submitted)
  }

  /** Checkpoints that the store does not have yet. */
  get lag(): number {
    return this.#waiting.length + this.#storing
  }

  /** How old the oldest of them is, in milliseconds. */
  get lagMs(): number {
    if (this.lag === 0) return 0
    return this.#parts.clock.monotonic() - (this.#storing > 0 ? this.#storingSince : this.#waitingSince)
  }

  /** Ends the pause: much waits to be stored. */
  hurry(): void {
    this.#pausesUntil = 0
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #tickLater(): void {
    if (this.#isClosed) return
    this.#timer = this.#parts.clock.after(LIMITS.projectorFlushMs / LIMITS.projectorSlices, () => {
      if (this.#parts.clock.monotonic() >= this.#pausesUntil) {
        if (this.#storing === 0 && this.#waiting.length > 0) void this.#store()
        this.#parts.onTick(this.#slice)
        this.#slice = (this.#slice + 1) % LIMITS.projectorSlices
      }
      this.#tickLater()
    })
  }

  async #store(): Promise<void> {
    const round = this.#waiting
    this.#storing = round.length
    this.#storingSince = this.#waitingSince
    this.#waiting = []
    const startedAt = this.#parts.clock.monotonic()
    const checkpoints = round.map(({ checkpoint }) => checkpoint)
    for (;;) {
      try {
        await this.#parts.store.store(checkpoints)
        break
      } catch (cause) {
        if (this.#isClosed) return
        this.#parts.events.storeFailed({ checkpoints: round.length, cause })
        await new Promise<void>((resolve) => this.#parts.clock.after(RETRY_MS, resolve))
      }
    }
    const pauseMs = (1_000 * writesIn(checkpoints)) / WRITES_PER_SECOND
    this.#pausesUntil = startedAt + Math.min(PAUSE_MS_MAX, pauseMs)
    this.#storing = 0
    for (const submitted of round) submitted.stored()
  }
}

function writesIn(checkpoints: readonly Checkpoint[]): number {
  let count = 0
  for (const { writes } of checkpoints) {
    for (const { pages, blocks } of writes) count += 1 + pages.size + blocks.length
  }
  return count
}
