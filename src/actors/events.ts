/**
 * What actors tell an operator: one method per event, so that each is worded and counted in one place.
 */
import type { ActorName } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Snapshot } from '../storage/message-store.js'

export interface TakeOverTrouble {
  readonly shard: number
  /** Of attempts in a row. */
  readonly times: number
  readonly cause: unknown
}

export interface ActorsEvents {
  /** A shard is ours and answers. */
  served(facts: { shard: number; epoch: number }): void
  /** A newer owner took the shard, or the log could not be asked. Normal during a rebalance. */
  steppedDown(facts: { shard: number }): void
  /** A batch is durable: `events` of it are acked, `answers` leave. Counted only, as are refusals. */
  committed(facts: { events: number; answers: number }): void
  refused(refusal: RefusalName, commands: number): void
  /** The log said no: disk full, or read-only. Someone should get up. */
  appendRefused(facts: { shard: number; refusal: RefusalName }): void
  /** The log is behind the store: acked events may be gone from it (rules §14). Someone should get up. */
  logLostTail(facts: { shard: number; snapshot: Snapshot }): void
  /** A shard is not taken over, and we go on trying. Nobody is answered for it meanwhile: someone should get up. */
  takeOverTroubled(facts: TakeOverTrouble): void
  /** A row could not be read; its commands are refused. */
  rowUnreadable(facts: { actor: ActorName; cause: unknown }): void
  /** The store does not take checkpoints; the log is kept meanwhile. */
  storeFailed(facts: { checkpoints: number; cause: unknown }): void
}
