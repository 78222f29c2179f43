/**
 * The actors' side of one worker, put together: owner of its shards, links to all shards, and the bus between workers.
 * Which adapters lie under the ports is not known here; node.ts chooses.
 */
import type { ShardId } from '../domain/ids.js'
import type { Address, Bus } from '../log/bus.js'
import type { ShardLog } from '../log/shard-log.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { MessageStore } from '../storage/message-store.js'
import { ActorsHost } from './actors-host.js'
import type { DeliveryModeLimits } from './delivery-mode.js'
import type { ActorsEvents } from './events.js'
import { GatewayLinks } from './gateway-links.js'
import type { ListLimits } from './join-limits.js'
import { PeerWire } from './peer-wire.js'
import { PlacementRouter } from './placement-router.js'

export interface ActorsParts {
  readonly bus: Bus
  readonly log: ShardLog
  readonly store: MessageStore
  readonly clock: Clock
  readonly random: Random
  readonly events: ActorsEvents
  readonly shardCount: number
  readonly activationsMax?: number
  readonly deliveryMode?: DeliveryModeLimits
  readonly listLimits?: ListLimits
  readonly listedMin?: number
  readonly ownerSilenceMs?: number
  readonly incarnationMin?: number
}

export interface ActorsSide {
  readonly host: ActorsHost
  readonly links: GatewayLinks
  readonly router: PlacementRouter
  /** Says who owns a shard; where it is this worker, it takes the shard over. */
  place(shard: ShardId, owner: Address | undefined, rank?: number): void
  /** A worker's life is over for good. */
  forget(address: Address): void
  close(): void
}

export function composeActors(parts: ActorsParts): ActorsSide {
  const { bus, clock, shardCount } = parts
  const address = bus.self
  const router: PlacementRouter = new PlacementRouter({
    shardCount,
    handleOf: (owner) => (owner === address ? host : wire.ownerAt(owner)),
  })
  const host = new ActorsHost({ ...parts, address, router })
  const links = new GatewayLinks({ address, router, clock })
  const wire = new PeerWire(bus, clock, { owner: host, gateway: links })
  return {
    host,
    links,
    router,
    place(shard, owner, rank = 0) {
      if (owner === address) host.own(shard, rank)
      else host.disown(shard)
      router.assign(shard, owner)
    },
    forget(gone) {
      host.forgetGateway(gone)
      wire.forget(gone)
    },
    close() {
      links.close()
      host.close()
    },
  }
}
