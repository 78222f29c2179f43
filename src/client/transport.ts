/**
 * How a client reaches a server: one WebSocket per dial. Adapters: web/web-socket.ts. The server's addresses are tried
 * in random order, each once before any again, so that devices which lose a server spread over the others.
 */
import { LIMITS } from '../domain/limits.js'
import type { Clock } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'
import type { Connection, ConnectionEvents, Dialer } from './link.js'

/**
 * Opens a connection to `url`. Events come later, never within the call; `closed` at most once, `received` with whole
 * messages. After `close()` none comes.
 */
export type Transport = (url: string, events: ConnectionEvents) => Connection

/** The part of the platform's WebSocket that is used here. */
export interface PlatformSocket {
  binaryType: string
  readonly readyState: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(message: Uint8Array<ArrayBuffer>): void
  close(): void
}

export type PlatformWebSocket = new (url: string, protocol: string) => PlatformSocket

/** A server that does not answer the dial in this time is passed over. */
const DIAL_MS_MAX = LIMITS.helloMs / 2

export interface AddressParts {
  /** At least one. */
  readonly servers: readonly string[]
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

export function dialerOf(parts: AddressParts): Dialer {
  const { servers, transport, clock, random } = parts
  let round: string[] = []
  return (events) => {
    if (round.length === 0) round = shuffled(servers, random)
    const url = round.pop()!
    const patience = clock.after(DIAL_MS_MAX, () => {
      connection.close()
      events.closed()
    })
    const connection = transport(url, {
      opened() {
        patience.cancel()
        events.opened()
      },
      received: (message) => events.received(message),
      closed() {
        patience.cancel()
        events.closed()
      },
    })
    return {
      send: (message) => connection.send(message),
      close() {
        patience.cancel()
        connection.close()
      },
    }
  }
}

function shuffled(servers: readonly string[], random: Random): string[] {
  const order = [...servers]
  for (let last = order.length - 1; last > 0; last--) {
    const at = Math.floor(fraction(random) * (last + 1))
    ;[order[last], order[at]] = [order[at]!, order[last]!]
  }
  return order
}
