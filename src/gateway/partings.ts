/**
 * How a gateway says no, and how a connection ends: the refusal that says why, what is left in its queue, then the close
 * code; and everything that knew of it forgets it.
 */
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { writeRefusal } from '../protocol/answer-frames.js'
import type { Admission } from './admission.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { GatewayEvents } from './events.js'
import type { Hellos } from './hello.js'
import { CLOSE_CODE_BASE, type GatewayLimits } from './limits.js'
import type { SendQueues } from './send-queues.js'
import type { Watches } from './watches.js'

export interface PartingsParts {
  readonly limits: GatewayLimits
  readonly events: GatewayEvents
  readonly admission: Admission
  readonly connections: Connections
  readonly queues: SendQueues
  readonly hellos: Hellos
  readonly watches: Watches
}

export class Partings {
  readonly #parts: PartingsParts

  constructor(parts: PartingsParts) {
    this.#parts = parts
  }

  refuse(connection: Connection, name: RefusalName, ref: number, n: number, retryAfterMs: number, expected = 0): void {
    const { events, queues } = this.#parts
    events.refused(name)
    writeRefusal(queues.frames(connection), name, { ref, n, retryAfterMs, expected })
  }

  /** Says why, then ends the connection. `expected`: see Refusal in schemas/wire.fbs. */
  close(connection: Connection, why: RefusalName, retryAfterMs = 0, expected = 0): void {
    this.refuse(connection, why, 0, 0, retryAfterMs, expected)
    this.end(connection, why)
  }

  /** Whoever calls has said why. */
  end(connection: Connection, why: RefusalName): void {
    if (connection.isClosed) return
    connection.phase = 'leaving'
    this.#parts.queues.flushOne(connection)
    const { socket, unsentBytes } = connection
    this.forget(connection)
    // A peer that does not read will not read a goodbye either, and its bytes would be kept for it.
    const isDeaf = unsentBytes > this.#parts.limits.sendQueueBytesMax || (unsentBytes > 0 && why === 'idle-timeout')
    if (isDeaf) socket.abort()
    else socket.close(CLOSE_CODE_BASE + REFUSALS[why].wire, why)
  }

  forget(connection: Connection): void {
    if (connection.phase === 'closed') return
    const { admission, connections, queues, hellos, watches } = this.#parts
    connection.phase = 'closed'
    admission.forget(connection.number, connection.inFlight)
    connection.lag = undefined
    connections.remove(connection)
    queues.forget(connection)
    watches.forget(connection)
    hellos.endSession(connection)
  }
}
