/**
 * One shard's checkpoints: cut at the end of a batch, or at once where nothing is under way, handed to the projector one
 * at a time; once one is stored, the log below it may go.
 */
import type { LogPlace } from '../log/frame.js'
import type { Batch } from './batch.js'
import { checkpointAt, markStored, type PendingCheckpoint } from './checkpoint.js'
import type { Shard } from './shard.js'

export class Checkpoints {
  readonly #shard: Shard
  #state: 'none' | 'wanted' | 'storing' = 'none'

  constructor(shard: Shard) {
    this.#shard = shard
  }

  reset(): void {
    this.#state = 'none'
  }

  /** The next batch is sealed with one, whether anything has changed or not. */
  want(): void {
    if (this.#state === 'none') this.#state = 'wanted'
  }

  /** Called every LIMITS.projectorFlushMs. */
  due(): void {
    const { activations, loop } = this.#shard
    if (!loop.isServing || this.#state === 'storing') return
    if (!activations.hasChanges && this.#state === 'none') return
    this.#state = 'wanted'
    if (!loop.isIdle) return // the next batch is sealed with it
    this.#state = 'storing'
    this.#hand(activations.cut(), loop.place)
  }

  sealing(batch: Batch): void {
    if (this.#state !== 'wanted') return
    batch.checkpoint = this.#shard.activations.cut()
    this.#state = 'storing'
  }

  released(batch: Batch, place: LogPlace): void {
    if (batch.checkpoint !== undefined) this.#hand(batch.checkpoint, place)
  }

  #hand(pending: PendingCheckpoint, place: LogPlace): void {
    const { activations, parts } = this.#shard
    const isCurrent = activations.lifeCheck()
    parts.projector.submit({
      checkpoint: checkpointAt(parts.id, pending, place),
      stored: () => {
        pending.hold.release()
        if (!isCurrent()) return
        markStored(pending)
        this.#state = 'none'
        parts.log.purge(parts.id, place.tail)
      },
    })
  }
}
