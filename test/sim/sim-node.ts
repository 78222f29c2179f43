/**
 * One life of a simulated node: the product's own composition, over simulated adapters. A crash ends it; the next life has
 * another address.
 */
import { type ActorsSide, composeActors } from '../../src/actors/composition.js'
import type { ActorsEvents } from '../../src/actors/events.js'
import type { ShardId } from '../../src/domain/ids.js'
import type { Address } from '../../src/log/bus.js'
import type { Random } from '../../src/std/random.js'
import type { Host } from './host.js'
import type { SimBusNetwork } from './sim-bus.js'
import { SimLog, type SimLogServer } from './sim-log.js'
import { SimSocketServer } from './sim-sockets.js'
import { SimStore, type SimStoreServer } from './sim-store.js'
import { StandInGateway } from './stand-in-gateway.js'
import type { VirtualTime } from './virtual-time.js'

export interface SimNodeParts {
  readonly address: Address
  readonly host: Host
  readonly time: VirtualTime
  readonly random: Random
  readonly network: SimBusNetwork
  readonly log: SimLogServer
  readonly store: SimStoreServer
  readonly events: ActorsEvents
  onCrash(): void
  readonly shardCount: number
  readonly activationsMax: number
}

export class SimNode {
  readonly address: Address
  readonly host: Host
  readonly sockets: SimSocketServer
  readonly #side: ActorsSide

  constructor(parts: SimNodeParts) {
    const { address, host, time, random, network, log, store, events, shardCount, activationsMax } = parts
    this.address = address
    this.host = host
    this.sockets = new SimSocketServer(host, time, random)
    const simLog = new SimLog(log, host)
    host.onCrash = () => {
      this.sockets.reset()
      network.detach(address)
      void simLog[Symbol.asyncDispose]()
      parts.onCrash()
    }
    this.#side = composeActors({
      bus: network.attach(address, host),
      log: simLog,
      store: new SimStore(store, host),
      clock: host.clock,
      random,
      events,
      shardCount,
      activationsMax,
    })
    const gateway = new StandInGateway(this.#side.links, shardCount)
    this.#side.links.attach(gateway)
    void this.sockets.listen({ host: '', port: 0 }, gateway, () => ({ status: 404, contentType: '', body: '' }))
  }

  place(shard: ShardId, owner: Address | undefined, rank: number): void {
    this.#side.place(shard, owner, rank)
  }

  forget(address: Address): void {
    this.#side.forget(address)
  }
}
