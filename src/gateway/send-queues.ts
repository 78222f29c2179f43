/**
 * What a worker has to say to its sockets: collected over a tick, then one WebSocket message per socket (more where
 * LIMITS.messageBytesMax is exceeded), because a send costs 5 µs whatever it carries.
 *
 * Bytes for one connection are copied once, into a buffer it has for the tick. Bytes for many are copied once for all:
 * while a connection has nothing else in the tick it only refers to them, so that ten thousand sockets send the very
 * same view. Whatever else comes for such a connection turns the reference into a copy; order is kept.
 */
import { assert } from '../std/assert.js'
import { type Bytes, GrowingBytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { GatewayEvents } from './events.js'
import type { GatewayLimits } from './limits.js'

const SHARED_BYTES = 256 * 1024
/** Blocks of a tick are sent early where they come to more. */
const SHARED_BYTES_MAX = 8 * 1024 * 1024
/** A busy connection's buffer grows once and is kept; of idle ones each needs a tick's few bytes. */
const OWN_BYTES = 1024
/** Buffers that grew beyond this are not kept for another tick. */
const OWN_BYTES_KEPT = 32 * 1024
const OWN_BUFFERS_KEPT = 1024
/** Room that `frames` promises its caller: no frame that the gateway writes itself is longer. */
const WRITTEN_FRAME_BYTES_MAX = 1024

export interface SendQueuesParts {
  readonly clock: Clock
  readonly limits: GatewayLimits
  readonly events: GatewayEvents
  /** Its queue is longer than one may be, or is among the largest while all together are. May be called again. */
  readonly onBehind: (connection: Connection) => void
}

export class SendQueues {
  readonly #clock: Clock
  readonly #limits: GatewayLimits
  readonly #events: GatewayEvents
  readonly #onBehind: (connection: Connection) => void
  readonly #dirty: Connection[] = []
  readonly #spare: GrowingBytes[] = []
  readonly #waiting = new Set<Connection>()
  #shared = new GrowingBytes(SHARED_BYTES)
  #lastView: Uint8Array = new Uint8Array(0)
  #lastStart = -1
  #lastEnd = -1
  #isScheduled = false
  #unsentBytes = 0

  constructor({ clock, limits, events, onBehind }: SendQueuesParts) {
    this.#clock = clock
    this.#limits = limits
    this.#events = events
    this.#onBehind = onBehind
  }

  /** Bytes that sockets of this worker have taken and the kernel has not. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** Where to append frames of at most 1 KiB for one connection, until the next call of anything here. */
  frames(connection: Connection): GrowingBytes {
    return this.#ownOf(connection, WRITTEN_FRAME_BYTES_MAX)
  }

  /** Whole frames for one connection. */
  append(connection: Connection, bytes: Bytes, start: number, end: number): void {
    this.#ownOf(connection, end - start).appendFrom(bytes, start, end)
  }

  /** Copies whole frames for many connections; returns what `appendShared` wants. */
  share(bytes: Bytes, start: number, end: number): number {
    if (this.#shared.size + end - start > SHARED_BYTES_MAX) this.flush()
    const at = this.#shared.size
    this.#shared.appendFrom(bytes, start, end)
    return at
  }

  /** [start, end) is of the block that `share` copied last. */
  appendShared(connection: Connection, start: number, end: number): void {
    const { own, sharedStart, sharedEnd } = connection
    if (own === undefined && sharedEnd === 0) {
      connection.sharedStart = start
      connection.sharedEnd = end
      return this.#mark(connection)
    }
    if (own === undefined && sharedEnd === start && end - sharedStart <= this.#limits.messageBytesMax) {
      connection.sharedEnd = end // right behind what it has
      return
    }
    this.#ownOf(connection, end - start).appendFrom(this.#shared.bytes, start, end)
  }

  /** Sends everything now; otherwise it leaves at the end of the tick. */
  flush(): void {
    for (let at = 0; at < this.#dirty.length; at++) this.#send(this.#dirty[at]!) // what `onBehind` says is added behind
    this.#dirty.length = 0
    if (this.#shared.bytes.size > SHARED_BYTES_MAX) this.#shared = new GrowingBytes(SHARED_BYTES)
    this.#shared.clear()
    this.#lastStart = -1
    if (this.#unsentBytes > this.#limits.sendQueuesBytesMax) this.#relieve()
  }

  /** Sends what this connection has now. */
  flushOne(connection: Connection): void {
    const wasDirty = connection.isDirty
    this.#send(connection)
    connection.isDirty = wasDirty // it is still in the list
  }

  /** The socket's `drained`: learns how much still waits. */
  drained(connection: Connection): void {
    this.#noteUnsent(connection, connection.socket.unsentBytes())
  }

  /** The connection is gone; what it had is dropped. */
  forget(connection: Connection): void {
    this.#noteUnsent(connection, 0)
    this.#release(connection)
  }

  #ownOf(connection: Connection, room: number): GrowingBytes {
    if (connection.own === undefined) {
      const { sharedStart, sharedEnd } = connection
      const own = this.#spare.pop() ?? new GrowingBytes(OWN_BYTES)
      connection.own = own
      connection.sharedEnd = 0
      if (sharedEnd > 0) own.appendFrom(this.#shared.bytes, sharedStart, sharedEnd)
      this.#mark(connection)
    }
    if (connection.own.size + room <= this.#limits.messageBytesMax || connection.own.size === 0) return connection.own
    this.#sendBytes(connection, connection.own.written())
    connection.own.clear()
    return connection.own
  }

  #mark(connection: Connection): void {
    if (connection.isDirty) return
    connection.isDirty = true
    this.#dirty.push(connection)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.soon(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  #send(connection: Connection): void {
    connection.isDirty = false
    const { own } = connection
    if (own !== undefined) {
      // Detached first: what is said on account of this send goes into a buffer of its own, behind it.
      connection.own = undefined
      if (own.size > 0) this.#sendBytes(connection, own.written())
      this.#giveBack(own)
    } else if (connection.sharedEnd > 0) {
      const { sharedStart, sharedEnd } = connection
      connection.sharedEnd = 0
      this.#sendBytes(connection, this.#viewOf(sharedStart, sharedEnd))
    }
  }

  #viewOf(start: number, end: number): Uint8Array {
    if (start !== this.#lastStart || end !== this.#lastEnd) {
      this.#lastView = this.#shared.bytes.u8.subarray(start, end)
      this.#lastStart = start
      this.#lastEnd = end
    }
    return this.#lastView
  }

  #sendBytes(connection: Connection, bytes: Uint8Array): void {
    this.#events.sent(bytes.length)
    if (connection.socket.send(bytes)) {
      if (connection.unsentBytes !== 0) this.#noteUnsent(connection, 0)
      return
    }
    this.#noteUnsent(connection, connection.socket.unsentBytes())
    if (connection.unsentBytes > this.#limits.sendQueueBytesMax) this.#onBehind(connection)
  }

  #noteUnsent(connection: Connection, unsentBytes: number): void {
    this.#unsentBytes += unsentBytes - connection.unsentBytes
    connection.unsentBytes = unsentBytes
    if (unsentBytes > 0) this.#waiting.add(connection)
    else this.#waiting.delete(connection)
    assert(this.#unsentBytes >= 0, () => `unsent bytes fell below zero: ${this.#unsentBytes}`)
  }

  /** All queues together are too long: the largest stop growing first, until what can grow is within the budget. */
  #relieve(): void {
    const largestFirst = [...this.#waiting].sort((a, b) => b.unsentBytes - a.unsentBytes)
    let excess = this.#unsentBytes - this.#limits.sendQueuesBytesMax
    for (const connection of largestFirst) {
      if (excess <= 0) return
      excess -= connection.unsentBytes
      this.#onBehind(connection)
    }
  }

  #release(connection: Connection): void {
    if (connection.own !== undefined) this.#giveBack(connection.own)
    connection.own = undefined
    connection.sharedEnd = 0
  }

  #giveBack(own: GrowingBytes): void {
    own.clear()
    if (own.bytes.size <= OWN_BYTES_KEPT && this.#spare.length < OWN_BUFFERS_KEPT) this.#spare.push(own)
  }
}
