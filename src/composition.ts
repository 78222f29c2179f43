/**
 * One worker, put together from whatever adapters it is given: the gateway of its sockets and the actors of its shards.
 * node.ts gives it the real ones, the simulator simulated ones; there is no other composition.
 */
import type { Entrance } from './access/entrance.js'
import type { SharedCounts } from './access/shared-counts.js'
import type { SharedRates } from './access/shared-rates.js'
import type { VerifyToken } from './access/token.js'
import { type ActorsParts, type ActorsSide, composeActors } from './actors/composition.js'
import { type Delivered, FIRST_REQUEST, type GatewayEnd, type Session } from './actors/peers.js'
import { Admission } from './gateway/admission.js'
import type { GatewayEvents } from './gateway/events.js'
import { Gateway } from './gateway/gateway.js'
import type { GatewayLimits } from './gateway/limits.js'
import { ServerCommands } from './http/server-commands.js'
import type { Bytes } from './std/bytes.js'

export interface CompositionParts extends ActorsParts {
  readonly verifyToken: VerifyToken
  readonly entrance: Pick<Entrance, 'refuses'>
  readonly counts: SharedCounts
  readonly rates: SharedRates
  readonly gatewayEvents: GatewayEvents
  readonly gatewayLimits?: GatewayLimits
}

export interface Composition extends ActorsSide {
  readonly gateway: Gateway
  readonly serverCommands: ServerCommands
}

export function compose(parts: CompositionParts): Composition {
  const actors = composeActors(parts)
  const {
    clock,
    random,
    verifyToken,
    entrance,
    counts,
    rates,
    shardCount,
    gatewayEvents: events,
    gatewayLimits: limits,
  } = parts
  const commands = actors.links
  const admission = new Admission(clock, random)
  const serverCommands = new ServerCommands({ commands, admission })
  const gateway = new Gateway({
    commands,
    admission,
    clock,
    random,
    verifyToken,
    entrance,
    counts,
    rates,
    shardCount,
    events,
    ...(limits !== undefined && { limits }),
  })
  actors.links.attach(new WorkerEnd(gateway, serverCommands))
  return { ...actors, gateway, serverCommands }
}

/** Where answers of owners go: to connections, or to requests of servers. */
class WorkerEnd implements GatewayEnd {
  readonly #gateway: Gateway
  readonly #servers: ServerCommands

  constructor(gateway: Gateway, servers: ServerCommands) {
    this.#gateway = gateway
    this.#servers = servers
  }

  answer(number: number, ref: number, bytes: Bytes, start: number, end: number): void {
    if (number < FIRST_REQUEST) this.#gateway.answer(number, ref, bytes, start, end)
    else this.#servers.answer(number, ref, bytes, start, end)
  }

  unknown(number: number, ref: number): void {
    if (number < FIRST_REQUEST) this.#gateway.unknown(number, ref)
    else this.#servers.unknown(number)
  }

  deliver(numbers: ArrayLike<number>, count: number, what: Delivered, bytes: Bytes, start: number, end: number): void {
    this.#gateway.deliver(numbers, count, what, bytes, start, end)
  }

  endSession(...ending: Parameters<GatewayEnd['endSession']>): void {
    this.#gateway.endSession(...ending)
  }

  presence(...states: Parameters<GatewayEnd['presence']>): void {
    this.#gateway.presence(...states)
  }

  sessionsOf(shard: number): Iterable<Session> {
    return this.#gateway.sessionsOf(shard)
  }
}
