/**
 * Checkpoints: how the store follows the log (rules §6). Every few batches a shard's changed actors are cut at exactly
 * the end of a batch; when that batch is durable, rows, pages, timeline blocks and the snapshot position go to the
 * store together. Only then may actors retire and the log be purged.
 */
import type { ShardId } from '../domain/ids.js'
import type { LogPlace } from '../log/frame.js'
import type { ActorWrite, Checkpoint } from '../storage/message-store.js'
import { holdRows, type RowHold } from './row-memory.js'

/** What has a row: an actor in memory, or a shard's outbox. */
export interface Checkpointed {
  isDirty: boolean
  /** What changed since the last cut, as of now. */
  cut(): ActorWrite
  /** The last cut is in the store. */
  stored(write: ActorWrite): void
}

/** A cut whose position is not known yet: nothing holds a position before it is durable. */
export interface PendingCheckpoint {
  readonly writes: readonly ActorWrite[]
  readonly activations: readonly Checkpointed[]
  /** Of the memory of its rows: to be released when the store has them. */
  readonly hold: RowHold
}

/** Cuts every dirty activation; records index 0 … of the batch at `place` are all below the next batch. */
export function cutCheckpoint(dirty: Set<Checkpointed>): PendingCheckpoint {
  const activations = [...dirty]
  dirty.clear()
  const { result: writes, hold } = holdRows(() => activations.map((activation) => activation.cut()))
  return { writes, activations, hold }
}

const LAST_INDEX = 0xffff_ffff

export function checkpointAt(shard: ShardId, pending: PendingCheckpoint, place: LogPlace): Checkpoint {
  const { tail, batchNo, epoch, chain, logIncarnation } = place
  return {
    shard,
    snapshot: { position: { logIncarnation, batchNo, index: LAST_INDEX }, epoch, chain, tail },
    writes: pending.writes,
  }
}

export function markStored(pending: PendingCheckpoint): void {
  for (let at = 0; at < pending.activations.length; at++) pending.activations[at]!.stored(pending.writes[at]!)
}
