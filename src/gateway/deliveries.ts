/**
 * From owners to the sockets of those who hear: bytes for one connection are copied to it, bytes for many once for all
 * (send-queues.ts). A lagging connection notes what it misses instead.
 */
import type { Delivered } from '../actors/peers.js'
import type { Bytes } from '../std/bytes.js'
import type { CatchUp } from './catch-up.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { GatewayEvents } from './events.js'
import type { GatewayLimits } from './limits.js'
import type { Partings } from './partings.js'
import type { SendQueues } from './send-queues.js'

export interface DeliveriesParts {
  readonly limits: GatewayLimits
  readonly events: GatewayEvents
  readonly connections: Connections
  readonly queues: SendQueues
  readonly partings: Partings
  readonly catchUp: CatchUp
}

export class Deliveries {
  readonly #limits: GatewayLimits
  readonly #events: GatewayEvents
  readonly #connections: Connections
  readonly #queues: SendQueues
  readonly #partings: Partings
  readonly #catchUp: CatchUp

  constructor({ limits, events, connections, queues, partings, catchUp }: DeliveriesParts) {
    this.#limits = limits
    this.#events = events
    this.#connections = connections
    this.#queues = queues
    this.#partings = partings
    this.#catchUp = catchUp
  }

  /** See GatewayEnd. */
  deliver(numbers: ArrayLike<number>, count: number, what: Delivered, bytes: Bytes, start: number, end: number): void {
    this.#events.delivered(count)
    if (count === 1) {
      const connection = this.#connections.get(numbers[0]!)
      if (connection === undefined) return
      if (this.#takes(connection, what)) this.#queues.append(connection, bytes, start, end)
      else this.#missed(connection, what, bytes, start, end)
      return
    }
    const block = this.#queues.share(bytes, start, end)
    const blockEnd = block + end - start
    for (let at = 0; at < count; at++) {
      const connection = this.#connections.get(numbers[at]!)
      if (connection === undefined) continue
      if (this.#takes(connection, what)) this.#queues.appendShared(connection, block, blockEnd)
      else this.#missed(connection, what, bytes, start, end)
    }
  }

  #missed({ lag, session }: Connection, what: Delivered, bytes: Bytes, start: number, end: number): void {
    if (lag !== undefined && what.conversation === session?.inbox) this.#catchUp.missedInbox(lag, bytes, start, end)
  }

  /** Whether this connection gets a delivery now; a lagging one notes it instead. */
  #takes(connection: Connection, what: Delivered): boolean {
    const { lag } = connection
    if (lag === undefined) return connection.phase === 'open'
    if (lag.passes(what)) return true
    if (lag.missedCount > this.#limits.laggingConversationsMax) this.#partings.close(connection, 'too-far-behind')
    return false
  }
}
