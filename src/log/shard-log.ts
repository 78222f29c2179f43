/**
 * The source of truth: one append-only sequence of frames per shard.
 *
 * Adapters: embedded/shard-log.ts (WAL), nats/shard-log.ts (JetStream). Contract:
 * test/conformance/shard-log.ts, which the simulator's log passes too.
 */
import type { ShardId } from '../domain/ids.js'

/**
 * The log's own sequence of a shard's newest frame, opaque but ordered; 0 is "nothing yet". Sparse in JetStream
 * (the stream's sequence), dense in the WAL. Never compared across incarnations of a log.
 */
export type Tail = number
export const TAIL_START: Tail = 0

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly tail: Tail }
  /** Someone appended first; nothing of ours was written. `tail` is what the log said, where it said a number. */
  | { readonly kind: 'fenced'; readonly tail?: Tail }
  /** Not stored, and nobody else wrote: the log itself said no. */
  | { readonly kind: 'refused'; readonly why: 'full' | 'too-large' | 'read-only' }
  /** We cannot know. The frame may be in the log already, may arrive later, or may be lost. `busy`: the log was still
   *  working on an earlier append to this shard (10164). */
  | { readonly kind: 'unknown'; readonly cause: unknown; readonly busy?: boolean }

export interface LoggedFrame {
  readonly tail: Tail
  readonly bytes: Uint8Array
}

/** How many appends of different shards the log takes at once: `grouped`, every ready shard in one write when the last
 *  one has settled (embedded), or up to `inFlightMax` side by side (JetStream, rules §13; a
 *  log over several streams is several ShardLogs, or its limit is that of one). */
export type LogPacing = { readonly kind: 'grouped' } | { readonly kind: 'streams'; readonly inFlightMax: number }

export interface ShardLog extends AsyncDisposable {
  readonly pacing: LogPacing

  /**
   * Appends one frame directly after `expected`. Resolves `appended` only once the frame survives the loss of any one
   * node (embedded: of power), so an ack sent afterwards is never a lie.
   *
   * At most one append per shard and caller may be in flight. Never retries and never rejects: the caller owns the
   * unknown outcome. `frame` is 1 … LIMITS.logFrameBytesMax bytes and must not change until the promise settles.
   */
  append(shard: ShardId, frame: Uint8Array, expected: Tail): Promise<AppendOutcome>

  /**
   * Frames of the shard with a tail above `after`, oldest first, to the end that the log knows of now. May end early
   * (a stale reader): a caller that needs a certain frame reads again until it has seen it. Throws UnavailableError.
   * The yielded bytes are the caller's.
   */
  read(shard: ShardId, after: Tail): AsyncIterable<LoggedFrame>

  /** A guess at the tail of the shard, possibly stale; safe only as the expectation of a barrier. Throws UnavailableError. */
  tail(shard: ShardId): Promise<Tail>

  /**
   * The caller no longer needs frames of `shard` with a tail below `below`. The log may keep them longer; it never
   * drops a frame at or above what every shard sharing its storage has allowed, nor the newest frame of a shard. Where
   * other processes own some of those shards, the adapter keeps the marks where all of them can be seen (ADR 2).
   */
  purge(shard: ShardId, below: Tail): void

  /** Shards whose newest frame is all that holds old storage back: their owner should append `carry` (rules §6). */
  onCarryWanted(listener: (shards: readonly ShardId[]) => void): void

  /** Bytes held and the limit, as last seen where others append too; sends are refused at LIMITS.logReserveFraction of it. */
  usage(): { readonly usedBytes: number; readonly limitBytes: number }
}
