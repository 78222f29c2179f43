/**
 * The router of a worker: which address owns which shard, as placement said last.
 */
import type { Address } from '../log/bus.js'
import type { OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

export interface PlacementRouterParts {
  readonly shardCount: number
  /** The handle of an owner: this worker's own, or a stub that writes to the bus. */
  handleOf(address: Address): OwnerHandle
}

export class PlacementRouter implements Router {
  readonly shardCount: number
  version = 0
  readonly #handleOf: (address: Address) => OwnerHandle
  readonly #owners: (OwnerHandle | undefined)[] = []
  readonly #listeners: ((shard: number) => void)[] = []

  constructor({ shardCount, handleOf }: PlacementRouterParts) {
    this.shardCount = shardCount
    this.#handleOf = handleOf
  }

  ownerOf(shard: number): OwnerHandle | undefined {
    return this.#owners[shard]
  }

  onMoved(listener: (shard: number) => void): void {
    this.#listeners.push(listener)
  }

  /** Undefined: nobody is known to own the shard. */
  assign(shard: number, owner: Address | undefined): void {
    if (this.#owners[shard]?.address === owner) return
    this.#owners[shard] = owner === undefined ? undefined : this.#handleOf(owner)
    this.version++
    for (const listener of this.#listeners) listener(shard)
  }
}
