/**
 * The end of a gateway on purpose: everybody is told to go, answers in flight leave, then all connections are closed.
 */
import type { RefusalName } from '../domain/refusal.js'
import { type Clock, sleep } from '../std/clock.js'
import type { Admission } from './admission.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { GatewayEvents } from './events.js'
import type { SendQueues } from './send-queues.js'

const DRAIN_LOOK_MS = 10
/** How long a drain waits for sockets to take the last answers. */
const LAST_BYTES_MS = 1_000

export interface DrainParts {
  readonly clock: Clock
  readonly connections: Connections
  readonly queues: SendQueues
  readonly admission: Admission
  readonly events: GatewayEvents
  readonly tell: (connection: Connection) => void
  readonly end: (connection: Connection, why: RefusalName) => void
}

/** The caller takes nothing new by now. Resolves once all are closed, after `withinMs` at the latest. */
export async function drain(parts: DrainParts, withinMs: number): Promise<void> {
  const { clock, connections, queues, admission, events, tell, end } = parts
  const count = connections.count
  for (const connection of connections.all()) tell(connection)
  const until = clock.monotonic() + withinMs
  while (admission.inFlight > 0 && clock.monotonic() < until) await sleep(clock, DRAIN_LOOK_MS)
  events.drained({ connections: count, unanswered: admission.inFlight })
  queues.flush()
  const flushedBy = Math.min(until, clock.monotonic() + LAST_BYTES_MS)
  while (queues.unsentBytes > 0 && clock.monotonic() < flushedBy) await sleep(clock, DRAIN_LOOK_MS)
  for (const connection of connections.all()) end(connection, 'draining')
}
