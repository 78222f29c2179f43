/**
 * What the gateway tells an operator: one method per event, so that each is worded in one place. Connections that come
 * and go are counted, not logged: a reconnect storm must not be a log storm.
 */
export interface GatewayEvents {
  /** A connection reads too slowly; it is served from history when its socket has drained. */
  lagging(facts: { connection: number; unsentBytes: number }): void
  /** The worker holds as many connections as it may. At most one event a second. */
  full(facts: { connections: number; refused: number }): void
  /** A drain has ended; `unanswered` requests were still in flight. */
  drained(facts: { connections: number; unanswered: number }): void
}

/** The part of a pino logger that is used. */
interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
}

export function logGatewayEvents(log: Log): GatewayEvents {
  return {
    lagging: (facts) => log.warn({ event: 'lagging', ...facts }, 'a connection reads too slowly'),
    full: (facts) => log.warn({ event: 'full', ...facts }, 'the worker holds as many connections as it may'),
    drained: (facts) => log.info({ event: 'gateway-drained', ...facts }, 'closed all connections'),
  }
}
