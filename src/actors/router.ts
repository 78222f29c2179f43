/**
 * Where the owner of a shard is, as far as this worker knows. Possibly wrong: the fence makes that safe, links make it
 * noticed.
 */
import type { OwnerHandle } from './owner-link.js'

export interface Router {
  /** Undefined while nobody is known to own it. */
  ownerOf(shard: number): OwnerHandle | undefined
  readonly shardCount: number
  /** Changes whenever an answer of `ownerOf` does. */
  readonly version: number
  /** Calls back with a shard whose owner changed. */
  onMoved(listener: (shard: number) => void): void
}
