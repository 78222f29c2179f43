/**
 * What the gateway tells an operator: one method per event, so that each is worded in one place. Connections that come
 * and go are counted, not logged: a reconnect storm must not be a log storm.
 */
import type { Metrics } from '../domain/metrics.js'
import type { RefusalName } from '../domain/refusal.js'

export interface GatewayEvents {
  /** A connection reads too slowly; it is served from history when its socket has drained. */
  lagging(facts: { connection: number; unsentBytes: number }): void
  /** The worker, or an address, has as many connections as it may. At most one event a second. */
  full(facts: { connections: number; refused: number }): void
  /** A drain has ended; `unanswered` requests were still in flight. */
  drained(facts: { connections: number; unanswered: number }): void
  /** A whole frame of so many bytes was read. Counted only, as are those below. */
  received(bytes: number): void
  /** A frame went out to say no. */
  refused(refusal: RefusalName): void
  /** An event or a skip was handed to so many connections. */
  delivered(connections: number): void
  /** A WebSocket message left. */
  sent(bytes: number): void
}

/** The part of a pino logger that is used. */
interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
}

export function logGatewayEvents(log: Log, metrics: Metrics): GatewayEvents {
  const [frames, bytes] = [metrics.counter('received_frames_total'), metrics.counter('received_bytes_total')]
  const [messages, sentBytes] = [metrics.counter('sent_messages_total'), metrics.counter('sent_bytes_total')]
  const deliveries = metrics.counter('deliveries_total')
  const fanOut = metrics.histogram('fan_out_connections')
  return {
    lagging: (facts) => {
      metrics.add('lagging_total', 1)
      log.warn({ event: 'lagging', ...facts }, 'a connection reads too slowly')
    },
    full: (facts) =>
      log.warn({ event: 'full', ...facts }, 'the worker, or an address, has as many connections as it may'),
    drained: (facts) => log.info({ event: 'gateway-drained', ...facts }, 'closed all connections'),
    received: (frameBytes) => {
      frames.add(1)
      bytes.add(frameBytes)
    },
    refused: (refusal) => metrics.refused(refusal, 1),
    delivered: (connections) => {
      deliveries.add(connections)
      fanOut.observe(connections)
    },
    sent: (messageBytes) => {
      messages.add(1)
      sentBytes.add(messageBytes)
    },
  }
}
