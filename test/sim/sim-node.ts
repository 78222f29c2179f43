/**
 * One life of a simulated node: the product's own composition, over simulated adapters. A crash ends it; the next life has
 * another address.
 */

import type { KeyOrigin } from '../../src/access/key-ring.js'
import { SharedCounts } from '../../src/access/shared-counts.js'
import { SharedRates } from '../../src/access/shared-rates.js'
import type { VerifyToken } from '../../src/access/token.js'
import type { DeliveryModeLimits } from '../../src/actors/delivery-mode.js'
import type { ActorsEvents } from '../../src/actors/events.js'
import type { ListLimits } from '../../src/actors/join-limits.js'
import { type Composition, compose } from '../../src/composition.js'
import type { AppId, ShardId, UserId } from '../../src/domain/ids.js'
import { GATEWAY_LIMITS } from '../../src/gateway/limits.js'
import type { Address } from '../../src/log/bus.js'
import type { Random } from '../../src/std/random.js'
import type { Host } from './host.js'
import type { SimBusNetwork } from './sim-bus.js'
import { SimLog } from './sim-log.js'
import type { SimLogServer } from './sim-log-server.js'
import { SimSocketServer, type WireOptions } from './sim-sockets.js'
import { SimStore, type SimStoreServer } from './sim-store.js'
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
  onLagging(): void
  readonly shardCount: number
  readonly activationsMax: number
  readonly deliveryMode: DeliveryModeLimits
  readonly listLimits: ListLimits
  readonly wire: WireOptions
  readonly sendQueueBytesMax: number
}

/** Worlds have few users. */
const COUNT_CELLS = 256

/** Signatures are tested elsewhere: here a token is the user's name. */
const verifyToken: VerifyToken = (token) => ({
  ok: true,
  app: 'app' as AppId,
  user: token as UserId,
  device: undefined,
  role: 'member',
  issuedAt: 0,
  expiresAt: Number.POSITIVE_INFINITY,
  keyOrigin: 'of tests' as KeyOrigin,
})

export class SimNode {
  readonly address: Address
  readonly host: Host
  readonly sockets: SimSocketServer
  readonly #side: Composition

  constructor(parts: SimNodeParts) {
    const { address, host, time, random, network, log, store } = parts
    this.address = address
    this.host = host
    this.sockets = new SimSocketServer(host, time, random, parts.wire)
    const simLog = new SimLog(log, host)
    host.onCrash = () => {
      this.sockets.reset()
      network.detach(address)
      void simLog[Symbol.asyncDispose]()
      parts.onCrash()
    }
    this.#side = compose({
      listedMin: 2, // so that small groups are told as large ones are
      ...parts,
      bus: network.attach(address, host),
      log: simLog,
      store: new SimStore(store, host),
      clock: host.clock,
      verifyToken,
      entrance: { refuses: () => undefined },
      counts: new SharedCounts(SharedCounts.memory(1, 0, COUNT_CELLS), 0),
      rates: new SharedRates(SharedRates.memory(0)),
      gatewayEvents: {
        lagging: () => parts.onLagging(),
        full() {},
        drained() {},
        received() {},
        refused() {},
        delivered() {},
        sent() {},
      },
      gatewayLimits: { ...GATEWAY_LIMITS, connectionsPerWorkerMax: 64, sendQueueBytesMax: parts.sendQueueBytesMax },
    })
    void this.sockets.listen({ host: '', port: 0 }, this.#side.gateway, () => ({
      status: 404,
      contentType: '',
      body: '',
    }))
  }

  place(shard: ShardId, owner: Address | undefined, rank: number): void {
    this.#side.place(shard, owner, rank)
  }

  forget(address: Address): void {
    this.#side.forget(address)
  }
}
