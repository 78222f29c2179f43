/**
 * WebSockets in memory: messages travel in order and take their time; a connection may break anywhere, and then what
 * was under way is lost and each end learns of it by itself.
 */
import type { PlainHandler, Socket, SocketListener, SocketServer } from '../../src/gateway/socket-server.js'
import { Bytes } from '../../src/std/bytes.js'
import type { Random } from '../../src/std/random.js'
import { between, chance } from './draw.js'
import type { Host } from './host.js'
import type { VirtualTime } from './virtual-time.js'

/** The client's end. */
export interface ClientSocket {
  send(message: Uint8Array): void
  /** Breaks the connection at once, without a word to the other end for a while. */
  abort(): void
}

export interface ClientSocketEvents {
  opened(): void
  received(message: Uint8Array): void
  closed(): void
}

export interface WireOptions {
  /** One way, in milliseconds. */
  readonly latencyMsMin: number
  readonly latencyMsMax: number
  /** Bytes under way to a client above which the server's `send` says false. */
  readonly kernelBytesMax: number
}

export const WIRE_DEFAULTS: WireOptions = { latencyMsMin: 0.5, latencyMsMax: 20, kernelBytesMax: 64 * 1024 }

const CLOSED_ABNORMALLY = 1006

export class SimSocketServer implements SocketServer {
  readonly host: Host
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #options: WireOptions
  readonly #open = new Set<Connection>()
  #listener: SocketListener | undefined

  constructor(host: Host, time: VirtualTime, random: Random, options: WireOptions = WIRE_DEFAULTS) {
    this.host = host
    this.#time = time
    this.#random = random
    this.#options = options
  }

  async listen(
    _address: { host: string; port: number },
    listener: SocketListener,
    _plain: PlainHandler,
  ): Promise<number> {
    this.#listener = listener
    return 7700
  }

  stopListening(): void {
    this.#listener = undefined
  }

  closeNow(): void {
    this.reset()
  }

  /** The process is gone: every client finds its connection reset. */
  reset(): void {
    this.#listener = undefined
    for (const connection of this.#open) connection.breakOff()
  }

  /** A client dials in; where nobody listens it hears `closed`. */
  connect(client: Host, events: ClientSocketEvents): ClientSocket {
    const latencyMs = between(this.#random, this.#options.latencyMsMin, this.#options.latencyMsMax)
    const connection = new Connection({
      server: this.host,
      client,
      time: this.#time,
      latencyMs,
      kernelBytesMax: this.#options.kernelBytesMax,
      lingers: chance(this.#random, 0.5),
      events,
      gone: () => this.#open.delete(connection),
    })
    this.#open.add(connection)
    this.#time.after(latencyMs, () => {
      if (this.#listener === undefined || !this.host.isUp) connection.breakOff()
      else connection.accept(this.#listener)
    })
    return connection.clientEnd
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset()
  }
}

interface ConnectionParts {
  readonly server: Host
  readonly client: Host
  readonly time: VirtualTime
  readonly latencyMs: number
  readonly kernelBytesMax: number
  /** What its client had sent arrives, though it hung up meanwhile. */
  readonly lingers: boolean
  readonly events: ClientSocketEvents
  readonly gone: () => void
}

class Connection {
  readonly #parts: ConnectionParts
  #listener: SocketListener | undefined
  /** Nothing more travels once this is true; each end may not know it yet. */
  #isBroken = false
  #hungUp = false
  #serverKnows = false
  #clientKnows = false
  #unsent = 0
  #mustDrain = false

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  readonly clientEnd: ClientSocket = {
    send: (message) => {
      const copy = Bytes.over(new Uint8Array(message))
      this.#toServer(() => this.#listener?.received(this.#serverEnd, copy))
    },
    abort: () => {
      this.#clientKnows = true
      this.#hungUp = !this.#isBroken && this.#parts.lingers
      this.breakOff()
    },
  }

  readonly #serverEnd: Socket = {
    remoteAddress: '127.0.0.1',
    wire: 'fb',
    attachment: undefined,
    send: (message) => this.#sendToClient(new Uint8Array(message)),
    unsentBytes: () => this.#unsent,
    close: () => {
      if (this.#serverKnows || !this.#parts.server.mayAct()) return
      this.#tellServer()
      this.#toClient(() => {
        this.#isBroken = true
        this.#tellClient()
      })
    },
    abort: () => {
      if (this.#parts.server.mayAct()) this.breakOff()
    },
  }

  accept(listener: SocketListener): void {
    if (this.#isBroken) return
    this.#listener = listener
    this.#parts.server.later(0, () => listener.opened(this.#serverEnd))
    this.#toClient(() => this.#parts.events.opened())
  }

  breakOff(): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#parts.gone()
    const { client, server, latencyMs } = this.#parts
    client.later(latencyMs, () => this.#tellClient())
    server.later(latencyMs, () => this.#tellServer())
  }

  #sendToClient(message: Uint8Array): boolean {
    if (this.#serverKnows || !this.#parts.server.mayAct()) return true
    this.#unsent += message.byteLength
    this.#toClient(() => this.#parts.events.received(message))
    this.#parts.time.after(this.#parts.latencyMs, () => this.#taken(message.byteLength))
    if (this.#unsent <= this.#parts.kernelBytesMax) return true
    this.#mustDrain = true
    return false
  }

  #taken(bytes: number): void {
    this.#unsent -= bytes
    if (!this.#mustDrain || this.#unsent > 0) return
    this.#mustDrain = false
    this.#parts.server.later(0, () => {
      if (!this.#serverKnows) this.#listener?.drained(this.#serverEnd)
    })
  }

  #toClient(arrive: () => void): void {
    this.#travel(
      this.#parts.client,
      () => this.#isBroken,
      () => this.#clientKnows,
      arrive,
    )
  }

  #toServer(arrive: () => void): void {
    const isLost = () => this.#isBroken && !this.#hungUp
    this.#travel(this.#parts.server, isLost, () => this.#serverKnows, arrive)
  }

  #travel(to: Host, isLost: () => boolean, isOver: () => boolean, arrive: () => void): void {
    if (this.#isBroken) return
    this.#parts.time.after(this.#parts.latencyMs, () => {
      if (isLost()) return
      to.later(0, () => {
        if (!isOver()) arrive()
      })
    })
  }

  #tellServer(): void {
    if (this.#serverKnows) return
    this.#serverKnows = true
    this.#listener?.closed(this.#serverEnd, CLOSED_ABNORMALLY)
  }

  #tellClient(): void {
    if (this.#clientKnows) return
    this.#clientKnows = true
    this.#parts.events.closed()
  }
}
