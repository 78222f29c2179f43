/**
 * Where timelines and actor rows live once the log has let go of them; always behind the log, never ahead of it.
 *
 * Adapters: embedded/message-store.ts (LMDB), cassandra/message-store.ts. Contract: test/conformance/message-store.ts.
 * Writes carry positions and are applied by max, so that a replay changes nothing.
 */
import type { ActorKey, Seq, ShardId } from '../domain/ids.js'
import type { Position } from '../domain/position.js'

/** The highest position at or below which every touched actor's row is stored, and what is needed to go on from there. */
export interface Snapshot {
  readonly position: Position
  readonly epoch: number
  /** The chain after that frame. */
  readonly chain: number
  /** The log's tail of that frame; purge goes up to it. */
  readonly tail: number
}

export interface TimelineBlock {
  readonly firstSeq: Seq
  readonly lastSeq: Seq
  /** Consecutive events as size-prefixed wire frames, one after another. Must not change until `store` resolves. */
  readonly events: Uint8Array
}

/** One actor's part of a checkpoint. `pages` are the parts of its state that changed, by number; each replaces the
 *  page of that number. */
export interface ActorWrite {
  readonly key: ActorKey
  readonly row: Uint8Array
  readonly pages: ReadonlyMap<number, Uint8Array>
  readonly blocks: readonly TimelineBlock[]
}

/** A consistent cut of one shard: everything its actors changed since the cut before, as of `snapshot.position`. */
export interface Checkpoint {
  readonly shard: ShardId
  readonly snapshot: Snapshot
  readonly writes: readonly ActorWrite[]
}

export interface ActorRow {
  /** The position of the checkpoint that wrote it last. */
  readonly position: Position
  readonly row: Uint8Array
  readonly pages: ReadonlyMap<number, Uint8Array>
}

export interface TimelineRange {
  /** Inclusive, from 1. */
  readonly from: Seq
  /** Inclusive. */
  readonly to: Seq
  /** Stop before more than this many bytes, but return at least one event. */
  readonly bytesMax: number
}

export interface MessageStore extends AsyncDisposable {
  /**
   * Stores checkpoints. An actor's row and pages become readable together and no earlier than its blocks; a snapshot no
   * earlier than all of its writes. What failed halfway may leave blocks above the rows: readers ask up to a head they know.
   * Resolves once everything survives a power failure: only then may the log be purged. Throws UnavailableError,
   * after which the same checkpoints may be stored again. Checkpoints of one shard arrive in order.
   */
  store(checkpoints: readonly Checkpoint[]): Promise<void>

  /** The last stored snapshot of a shard, or undefined for a new one. Throws UnavailableError. */
  snapshot(shard: ShardId): Promise<Snapshot | undefined>

  /** An actor's row with all its pages, or undefined where it has none. Throws UnavailableError, CorruptionError. */
  readActor(key: ActorKey): Promise<ActorRow | undefined>

  /**
   * Events of a conversation with from ≤ seq ≤ to as size-prefixed wire frames, consecutive, oldest first, one buffer
   * each; ends where the store ends. A hole is an error (CorruptionError), never the end. Throws UnavailableError.
   */
  readTimeline(key: ActorKey, range: TimelineRange): Promise<Uint8Array[]>

  /** Facts fixed when the data was created (shardCount, hash); see `claim`. */
  readMeta(): Promise<StoreMeta | undefined>
  writeMeta(meta: StoreMeta): Promise<void>
}

export interface StoreMeta {
  readonly shardCount: number
  readonly shardHash: string
  readonly formatVersion: number
  /** Raised by each restore of a backup: every shard's log is of this incarnation at least. */
  readonly incarnationMin?: number
}
