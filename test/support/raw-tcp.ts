/**
 * A client of plain TCP with nothing hidden: bytes as they come. For tests.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { TCP_PREFACE } from '../../src/domain/tcp-preface.js'

export class RawTcp {
  /** Resolves once the stream has ended, however it did. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  #input = Buffer.alloc(0)
  #isEnded = false
  #changed: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#input = Buffer.concat([this.#input, chunk])
      this.#changed()
    })
    socket.on('error', () => {}) // 'close' follows
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isEnded = true
        this.#changed()
        resolve()
      })
    })
  }

  /** Connects and says the preface, or something else. Throws the socket's error. */
  static async open({
    port,
    preface = TCP_PREFACE,
    localAddress = '127.0.0.1',
  }: {
    readonly port: number
    readonly preface?: Uint8Array
    readonly localAddress?: string
  }): Promise<RawTcp> {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    await once(socket, 'connect')
    socket.write(preface)
    return new RawTcp(socket)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Exactly that many bytes; undefined where the stream ends before. */
  async receive(size: number): Promise<Uint8Array | undefined> {
    while (this.#input.length < size && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
    if (this.#input.length < size) return undefined
    const bytes = Uint8Array.from(this.#input.subarray(0, size))
    this.#input = this.#input.subarray(size)
    return bytes
  }

  /** The next frame with its size prefix. */
  async receiveFrame(): Promise<Uint8Array | undefined> {
    const prefix = await this.receive(4)
    if (prefix === undefined) return undefined
    const rest = await this.receive(new DataView(prefix.buffer).getUint32(0, true))
    return rest === undefined ? undefined : Uint8Array.from([...prefix, ...rest])
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
