/**
 * One user's network, which a visitor can cut: real connections of whatever transport is given, but while it is cut none
 * opens, and those that were open end at once. What was on its way then is gone, in both directions, without a word to the
 * server beyond the closing of its socket.
 */
import type { Connection, ConnectionEvents } from '../../src/client/link.js'
import type { Transport } from '../../src/client/transport.js'
import type { Clock } from '../../src/std/clock.js'

/** Which way bytes went: seen from the user. */
export type Direction = 'out' | 'in'

export class CutNetwork {
  readonly #dial: Transport
  readonly #clock: Clock
  readonly #traffic: (direction: Direction) => void
  readonly #open = new Set<CutConnection>()
  #isCut = false

  constructor(dial: Transport, clock: Clock, traffic: (direction: Direction) => void) {
    this.#dial = dial
    this.#clock = clock
    this.#traffic = traffic
  }

  readonly transport: Transport = (url, events) => {
    const connection = new CutConnection(events, this.#clock, {
      dial: (inner) => (this.#isCut ? undefined : this.#dial(url, inner)),
      traffic: this.#traffic,
      over: () => this.#open.delete(connection),
    })
    this.#open.add(connection)
    connection.open()
    return connection
  }

  get isCut(): boolean {
    return this.#isCut
  }

  cut(): void {
    this.#isCut = true
    for (const connection of [...this.#open]) connection.sever()
  }

  restore(): void {
    this.#isCut = false
  }
}

interface CutConnectionParts {
  /** Undefined: there is no network. */
  dial(events: ConnectionEvents): Connection | undefined
  traffic(direction: Direction): void
  over(): void
}

class CutConnection implements Connection {
  readonly #events: ConnectionEvents
  readonly #clock: Clock
  readonly #parts: CutConnectionParts
  #inner: Connection | undefined
  #isOver = false

  constructor(events: ConnectionEvents, clock: Clock, parts: CutConnectionParts) {
    this.#events = events
    this.#clock = clock
    this.#parts = parts
  }

  open(): void {
    this.#inner = this.#parts.dial({
      opened: () => {
        if (!this.#isOver) this.#events.opened()
      },
      received: (message) => {
        if (this.#isOver) return
        this.#parts.traffic('in')
        this.#events.received(message)
      },
      closed: () => this.#end(),
    })
    if (this.#inner === undefined) this.sever()
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return
    this.#parts.traffic('out')
    this.#inner?.send(message)
  }

  close(): void {
    this.#isOver = true
    this.#parts.over()
    this.#inner?.close()
  }

  /** As a pulled plug: whoever dialled hears that it closed, later, as of any connection that broke. */
  sever(): void {
    this.close()
    this.#clock.soon(() => this.#events.closed())
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.over()
    this.#events.closed()
  }
}
