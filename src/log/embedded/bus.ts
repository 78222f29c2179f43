/**
 * The bus between the worker threads of one process: a message channel per pair of workers, what is published in one turn
 * of the event loop in one transferred buffer per destination.
 *
 * Bounded: a receiver reports what it has taken, and what is published to one that lags more than `UNTAKEN_BYTES_MAX`
 * behind is dropped, as the port allows. So is what goes to an address that is not, or not any more, connected.
 *
 *   batch   for each message: bytes u32, 0 u32, the message, zeroes up to a multiple of 8
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { assert } from '../../std/assert.js'
import { align8 } from '../../std/bytes.js'
import { type Clock, SYSTEM_CLOCK } from '../../std/clock.js'
import type { Address, Bus } from '../bus.js'

const HEAD_BYTES = 8
/** Tens of milliseconds of the busiest link measured. */
const UNTAKEN_BYTES_MAX = 16 * 1024 * 1024
/** A receiver reports this much at a time, so that reports are rare. */
const REPORT_BYTES = 1024 * 1024

type Listener = (from: Address, bytes: Uint8Array) => void

/** What the broker tells a worker. */
type Introduction =
  | { readonly kind: 'met'; readonly peer: Address; readonly port: MessagePort }
  | { readonly kind: 'gone'; readonly peer: Address }

/** A worker's end. `control` is what the broker's `join` returned for it, in the main thread. */
export class MessagePortBus implements Bus {
  readonly self: Address
  readonly #control: MessagePort
  readonly #clock: Clock
  readonly #links = new Map<Address, Link>()
  /** Links with something to send at the end of this turn. */
  #waiting: Link[] = []
  #toSelf: Uint8Array[] = []
  #isScheduled = false
  #listener: Listener | undefined

  constructor(self: Address, control: MessagePort, clock: Clock = SYSTEM_CLOCK) {
    this.self = self
    this.#control = control
    this.#clock = clock
    control.on('message', (introduction: Introduction) => this.#introduced(introduction))
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
    this.#control.close()
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }

  #introduced(introduction: Introduction): void {
    const { peer } = introduction
    this.#links.get(peer)?.close()
    this.#links.delete(peer)
    if (introduction.kind === 'gone') return
    const link = new Link(peer, introduction.port)
    this.#links.set(peer, link)
    introduction.port.once('close', () => {
      if (this.#links.get(peer) === link) this.#links.delete(peer)
    })
    if (this.#listener !== undefined) link.listen(this.#listener)
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

/** The main thread's part: introduces the workers to each other. */
export class MessagePortBroker {
  readonly #controls = new Map<Address, MessagePort>()

  /** A new worker, or a worker's new life. The port returned goes to the worker, transferred, and into its bus. */
  join(address: Address): MessagePort {
    assert(!this.#controls.has(address), `${address} has joined already`)
    const { port1: control, port2: forWorker } = new MessageChannel()
    for (const [peer, peerControl] of this.#controls) {
      const { port1, port2 } = new MessageChannel()
      introduce(peerControl, { kind: 'met', peer: address, port: port1 })
      introduce(control, { kind: 'met', peer, port: port2 })
    }
    this.#controls.set(address, control)
    return forWorker
  }

  /** The worker has exited, or is about to. */
  leave(address: Address): void {
    this.#controls.get(address)?.close()
    this.#controls.delete(address)
    for (const control of this.#controls.values()) introduce(control, { kind: 'gone', peer: address })
  }
}

function introduce(control: MessagePort, introduction: Introduction): void {
  control.postMessage(introduction, introduction.kind === 'met' ? [introduction.port] : [])
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
