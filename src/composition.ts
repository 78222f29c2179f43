/**
 * One worker, put together from whatever adapters it is given: the gateway of its sockets and the actors of its shards.
 * node.ts gives it the real ones, the simulator simulated ones; there is no other composition.
 */
import type { Entrance } from './access/entrance.js'
import type { SharedCounts } from './access/shared-counts.js'
import type { VerifyToken } from './access/token.js'
import { type ActorsParts, type ActorsSide, composeActors } from './actors/composition.js'
import type { GatewayEvents } from './gateway/events.js'
import { Gateway } from './gateway/gateway.js'
import type { GatewayLimits } from './gateway/limits.js'

export interface CompositionParts extends ActorsParts {
  readonly verifyToken: VerifyToken
  readonly entrance: Pick<Entrance, 'refuses'>
  readonly counts: SharedCounts
  readonly gatewayEvents: GatewayEvents
  readonly gatewayLimits?: GatewayLimits
}

export interface Composition extends ActorsSide {
  readonly gateway: Gateway
}

export function compose(parts: CompositionParts): Composition {
  const actors = composeActors(parts)
  const {
    clock,
    random,
    verifyToken,
    entrance,
    counts,
    shardCount,
    gatewayEvents: events,
    gatewayLimits: limits,
  } = parts
  const gateway = new Gateway({
    commands: actors.links,
    clock,
    random,
    verifyToken,
    entrance,
    counts,
    shardCount,
    events,
    ...(limits !== undefined && { limits }),
  })
  actors.links.attach(gateway)
  return { ...actors, gateway }
}
