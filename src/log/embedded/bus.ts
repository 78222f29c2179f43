/**
 * The bus between the worker threads of one process: a message port to each, batches transferred and not copied.
 *
 * The main thread brings the ports, and new ones when a worker starts another life. What is published to an address
 * without a port is lost, as the bus may lose anything.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Address, Bus } from '../bus.js'

export class PortBus implements Bus {
  readonly self: Address
  readonly #ports = new Map<Address, MessagePort>()
  #listener: (from: Address, bytes: Uint8Array) => void = () => {}

  constructor(self: Address) {
    this.self = self
  }

  /** `port` leads to the worker that lives under `address`. */
  connect(address: Address, port: MessagePort): void {
    this.disconnect(address)
    this.#ports.set(address, port)
    port.on('message', (bytes: Uint8Array) => this.#listener(address, bytes))
    port.unref() // a worker that has nothing else to do may end
  }

  disconnect(address: Address): void {
    this.#ports.get(address)?.close()
    this.#ports.delete(address)
  }

  publish(to: Address, bytes: Uint8Array): void {
    const port = this.#ports.get(to)
    if (port === undefined) return
    // Only the whole buffer can be transferred, so what is shorter than its buffer is copied first.
    const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
    port.postMessage(whole, [whole.buffer as ArrayBuffer])
  }

  onMessage(listener: (from: Address, bytes: Uint8Array) => void): void {
    this.#listener = listener
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const address of [...this.#ports.keys()]) this.disconnect(address)
  }
}
