/**
 * Carries checkpoints of all shards of a worker to the store, together and in order, every LIMITS.projectorFlushMs.
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
  /** Asks every shard for a checkpoint; runs after the last round was handed to the store. */
  onTick(): void
}

const RETRY_MS = 500

export class Projector {
  readonly #parts: ProjectorParts
  #waiting: Submitted[] = []
  #timer: Timer | undefined
  #isStoring = false
  #isClosed = false

  constructor(parts: ProjectorParts) {
    this.#parts = parts
    this.#tickLater()
  }

  submit(submitted: Submitted): void {
    this.#waiting.push(submitted)
  }

  /** Checkpoints that the store does not have yet. */
  get lag(): number {
    return this.#waiting.length
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #tickLater(): void {
    if (this.#isClosed) return
    this.#timer = this.#parts.clock.after(LIMITS.projectorFlushMs, () => {
      if (!this.#isStoring && this.#waiting.length > 0) void this.#store()
      this.#parts.onTick()
      this.#tickLater()
    })
  }

  async #store(): Promise<void> {
    this.#isStoring = true
    const round = this.#waiting
    this.#waiting = []
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
    this.#isStoring = false
    for (const submitted of round) submitted.stored()
  }
}
