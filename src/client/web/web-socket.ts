/** A `Transport` over any WebSocket of the kind that browsers have: theirs, React Native's, Node 22's, or that of `ws`. */
import type { Connection, ConnectionEvents } from '../link.js'
import type { PlatformSocket, PlatformWebSocket, Transport } from '../transport.js'

const SUBPROTOCOL = 'parley.v1.fb'
const OPEN = 1

/** `find` is asked at each dial; it may load what it finds. */
export function webSocketTransport(find: () => PlatformWebSocket | Promise<PlatformWebSocket>): Transport {
  return (url, events) => new WebSocketConnection(url, events, find)
}

class WebSocketConnection implements Connection {
  readonly #events: ConnectionEvents
  #socket: PlatformSocket | undefined
  #isOver = false

  constructor(url: string, events: ConnectionEvents, find: () => PlatformWebSocket | Promise<PlatformWebSocket>) {
    this.#events = events
    void this.#open(url, find)
  }

  send(message: Uint8Array): void {
    // A socket that closes between two events takes nothing more; its close event says the rest.
    if (this.#socket?.readyState === OPEN) this.#socket.send(message as Uint8Array<ArrayBuffer>)
  }

  close(): void {
    this.#isOver = true
    this.#socket?.close()
  }

  async #open(url: string, find: () => PlatformWebSocket | Promise<PlatformWebSocket>): Promise<void> {
    try {
      const WebSocket = await find()
      if (this.#isOver) return
      this.#listen(new WebSocket(url, SUBPROTOCOL))
    } catch {
      this.#ended() // no WebSocket here, or a URL it will not have: nothing to say but that it did not open
    }
  }

  #listen(socket: PlatformSocket): void {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (!this.#isOver) this.#events.opened()
    }
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (!this.#isOver && data instanceof ArrayBuffer) this.#events.received(new Uint8Array(data))
    }
    socket.onerror = () => {} // `ws` throws where nobody listens; the close event follows
    socket.onclose = () => this.#ended()
  }

  #ended(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.closed()
  }
}
