/**
 * The bus between the worker threads of one process: a message channel per pair of workers, what is published in one turn
 * of the event loop in one transferred buffer per destination.
 *
 * Bounded: a receiver reports what it has taken, and what is published to one that lags more than `UNTAKEN_BYTES_MAX`
 * behind is dropped, as the port allows. So is what goes to an address that is not, or not any more, connected.
 *
 *   batch   for each message: bytes u32, 0 u32, the message, zeroes up to a multiple of 8
 */
import type { MessagePort } from 'node:worker_threads'
import { align8 } from '../../std/bytes.js'
import { type Clock, SYSTEM_CLOCK } from '../../std/clock.js'
import type { Address, Bus } from '../bus.js'

const HEAD_BYTES = 8
/** Tens of milliseconds of the busiest link measured. */
const UNTAKEN_BYTES_MAX = 16 * 1024 * 1024
/** A receiver reports this much at a time, so that reports are rare. */
const REPORT_BYTES = 1024 * 1024

type Listener = (from: Address, bytes: Uint8Array) => void

/** A worker's end. Whoever starts the workers makes a channel for each pair and gives each its port. */
export class PortBus implements Bus {
  readonly self: Address
  readonly #clock: Clock
  readonly #links = new Map<Address, Link>()
  /** Links with something to send at the end of this turn. */
  #waiting: Link[] = []
  #toSelf: Uint8Array[] = []
  #isScheduled = false
  #listener: Listener | undefined

  constructor(self: Address, clock: Clock = SYSTEM_CLOCK) {
    this.self = self
    this.#clock = clock
  }

  /** From here on `peer` is reached through `port`, which is the bus's. */
  connect(peer: Address, port: MessagePort): void {
    this.disconnect(peer)
    const link = new Link(peer, port)
    this.#links.set(peer, link)
    port.once('close', () => {
      if (this.#links.get(peer) === link) this.#links.delete(peer)
    })
    if (this.#listener !== undefined) link.listen(this.#listener)
  }

  /** The worker at `peer` has exited, or is about to. */
  disconnect(peer: Address): void {
    this.#links.get(peer)?.close()
    this.#links.delete(peer)
  }

  publish(to: Address, bytes: Uint8Array): void {
    if (to === this.self) this.#toSelf.push(bytes)
    else {
      const link = this.#links.get(to)
      if (link === undefined) return
      if (link.isEmpty) this.#waiting.push(link)
      link.add(bytes)
    }
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.soon(() => this.#flush())
  }

  onMessage(listener: Listener): void {
    this.#listener = listener
    for (const link of this.#links.values()) link.listen(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener = undefined
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }

  #flush(): void {
    this.#isScheduled = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const link of waiting) link.flush()
    const toSelf = this.#toSelf
    this.#toSelf = []
    for (const bytes of toSelf) this.#listener?.(this.self, bytes)
  }
}

/** One end of a channel to one other worker. Carries batches one way and, as numbers, reports of bytes taken the other. */
class Link {
  readonly #peer: Address
  readonly #port: MessagePort
  #messages: Uint8Array[] = []
  #batchBytes = 0
  /** Bytes sent that the peer has not reported as taken. */
  #untakenBytes = 0
  /** Bytes taken and not yet reported. */
  #unreportedBytes = 0

  constructor(peer: Address, port: MessagePort) {
    this.#peer = peer
    this.#port = port
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  add(bytes: Uint8Array): void {
    this.#messages.push(bytes)
    this.#batchBytes += HEAD_BYTES + align8(bytes.byteLength)
  }

  flush(): void {
    const batch = new Uint8Array(this.#batchBytes)
    const messages = this.#messages
    this.#messages = []
    this.#batchBytes = 0
    if (this.#untakenBytes + batch.byteLength > UNTAKEN_BYTES_MAX) return
    this.#untakenBytes += batch.byteLength
    const view = new DataView(batch.buffer)
    let at = 0
    for (const message of messages) {
      view.setUint32(at, message.byteLength, true)
      batch.set(message, at + HEAD_BYTES)
      at += HEAD_BYTES + align8(message.byteLength)
    }
    this.#port.postMessage(batch.buffer, [batch.buffer])
  }

  /** Until somebody listens, batches wait in the port. */
  listen(listener: Listener): void {
    this.#port.removeAllListeners('message')
    this.#port.on('message', (message: ArrayBuffer | number) => {
      if (typeof message === 'number') this.#untakenBytes -= message
      else this.#take(message, listener)
    })
  }

  close(): void {
    this.#port.close()
  }

  #take(batch: ArrayBuffer, listener: Listener): void {
    const view = new DataView(batch)
    for (let at = 0; at < batch.byteLength; ) {
      const size = view.getUint32(at, true)
      listener(this.#peer, new Uint8Array(batch, at + HEAD_BYTES, size))
      at += HEAD_BYTES + align8(size)
    }
    this.#unreportedBytes += batch.byteLength
    if (this.#unreportedBytes < REPORT_BYTES) return
    this.#port.postMessage(this.#unreportedBytes)
    this.#unreportedBytes = 0
  }
}
