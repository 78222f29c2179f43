/**
 * Who should own which shard, as nodes are told: late, one after another, sometimes wrongly. It only has to make somebody
 * own every shard in the end; that two never both succeed is what the log's fence is for.
 */
import type { ShardId } from '../../src/domain/ids.js'
import type { Address } from '../../src/log/bus.js'
import type { Random } from '../../src/std/random.js'
import { between, pick } from './draw.js'
import type { SimNode } from './sim-node.js'
import type { WorldPlan } from './world-plan.js'

export class SimPlacement {
  readonly #random: Random
  readonly #owners: (number | undefined)[]
  readonly #gone = new Set<Address>()
  /** Nodes by index; a restart puts another in its place. */
  readonly #nodes: readonly SimNode[]
  readonly #ownersMax: number
  readonly #newsMsMax: number

  constructor(nodes: readonly SimNode[], plan: WorldPlan, random: Random) {
    const { owners, shardCount, newsMsMax } = plan
    this.#nodes = nodes
    this.#ownersMax = owners
    this.#newsMsMax = newsMsMax
    this.#random = random
    this.#owners = Array.from({ length: shardCount }, () => random.uint32() % owners)
  }

  get shardCount(): number {
    return this.#owners.length
  }

  /** Tells every node what is so now, each after a while of its own. */
  announce(delayMsMax = this.#newsMsMax): void {
    for (const node of this.#nodes) this.#tell(node, between(this.#random, 0, delayMsMax))
  }

  #tell(node: SimNode, delayMs: number): void {
    node.host.later(delayMs, () => this.inform(node))
  }

  /** Tells one node all that is so now. */
  inform(node: SimNode): void {
    for (const address of this.#gone) node.forget(address)
    for (const [shard, owner] of this.#owners.entries()) {
      const address = owner === undefined ? undefined : this.#nodes[owner]!.address
      node.place(shard as ShardId, address, this.#rankOf(shard, node))
    }
  }

  #rankOf(shard: number, node: SimNode): number {
    return (this.#nodes.indexOf(node) + shard) % this.#ownersMax
  }

  /** A node's life is over: its shards go to whoever lives. */
  nodeGone(index: number, address: Address): void {
    this.#gone.add(address)
    for (const [shard, owner] of this.#owners.entries()) if (owner === index) this.#owners[shard] = this.#anyLive(index)
    this.announce()
  }

  /** A node is taken for dead, perhaps wrongly. */
  suspect(index: number): void {
    for (const [shard, owner] of this.#owners.entries()) if (owner === index) this.#owners[shard] = this.#anyLive(index)
    this.announce()
  }

  move(shard: number): void {
    this.#owners[shard] = this.#random.uint32() % this.#ownersMax
    this.announce()
  }

  /** Two nodes are told that they own the shard, until the next announcement. */
  contend(shard: number): void {
    for (const node of this.#nodes.slice(0, this.#ownersMax)) {
      if (node.host.isUp)
        node.host.later(0, () => node.place(shard as ShardId, node.address, this.#rankOf(shard, node)))
    }
  }

  #anyLive(but: number): number | undefined {
    const live = this.#nodes
      .slice(0, this.#ownersMax)
      .map((node, index) => ({ node, index }))
      .filter(({ node, index }) => index !== but && node.host.isUp && !node.host.isPaused)
    return live.length === 0 ? but : pick(this.#random, live).index
  }
}
