/** Keeps what the actors of a worker hold in memory within its limits. */
import { LIMITS } from '../domain/limits.js'
import type { Projector } from './projector.js'
import type { Shard } from './shard.js'

/** Of the limit on recent bytes, once it is passed. */
const TRIMMED_TO = 0.75

export interface MemoryRoomParts {
  readonly shards: ReadonlyMap<number, Shard>
  readonly projector: Projector
  /** Actors kept in memory; defaults to LIMITS.activationsMax. */
  readonly activationsMax: number | undefined
}

export class MemoryRoom {
  readonly #parts: MemoryRoomParts
  /** More is held for the store than memory has room for. */
  isStoreBehind = false

  constructor(parts: MemoryRoomParts) {
    this.#parts = parts
  }

  /** Once a second. */
  sweep(): void {
    const { shards, activationsMax } = this.#parts
    let actors = 0
    let tailBytes = 0
    for (const shard of shards.values()) {
      actors += shard.activations.count
      tailBytes += shard.activations.tailBytes()
    }
    this.isStoreBehind = tailBytes > LIMITS.unstoredBytesMax
    if (tailBytes > LIMITS.recentTailBytesMax) this.#makeRoom(TRIMMED_TO * (LIMITS.recentTailBytesMax / actors))
    let left = actors - (activationsMax ?? LIMITS.activationsMax)
    for (const shard of shards.values()) {
      if (left <= 0) return
      left -= shard.activations.retire(left)
    }
  }

  /** What the store has may go; what it does not have is to be stored without a pause. */
  #makeRoom(keepBytes: number): void {
    this.#parts.projector.hurry()
    for (const shard of this.#parts.shards.values()) shard.activations.trimTails(keepBytes)
  }
}
