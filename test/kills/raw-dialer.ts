/** Real WebSockets for the client session, to wherever the server listens at the moment. */
import type { ConnectionEvents, Dialer } from '../../src/client/link.js'
import { RawWebSocket } from '../support/raw-websocket.js'

export interface Whereabouts {
  /** Undefined while nobody listens. */
  readonly port: number | undefined
}

export function rawDialer(server: Whereabouts): Dialer {
  return (events) => new Dialled(server.port, events)
}

class Dialled {
  readonly #events: ConnectionEvents
  #socket: RawWebSocket | undefined
  #isClosed = false

  constructor(port: number | undefined, events: ConnectionEvents) {
    this.#events = events
    void this.#run(port)
  }

  send(message: Uint8Array): void {
    this.#socket?.send(message)
  }

  close(): void {
    this.#isClosed = true
    this.#socket?.destroy()
  }

  async #run(port: number | undefined): Promise<void> {
    try {
      if (port === undefined) throw new Error('nobody listens')
      this.#socket = await RawWebSocket.open({ port })
    } catch {
      await undefined // not within the call that dials
      if (!this.#isClosed) this.#events.closed()
      return
    }
    if (this.#isClosed) return this.#socket.destroy()
    this.#events.opened()
    for (;;) {
      const message = await this.#socket.receive()
      if (this.#isClosed) return
      if (message === undefined) return this.#events.closed()
      this.#events.received(message)
    }
  }
}
