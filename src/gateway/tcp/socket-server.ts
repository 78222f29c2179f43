/**
 * The sockets of one worker over plain TCP, for devices without WebSocket: a preface, then the same size-prefixed frames,
 * one after another, both ways.
 *
 * Who may not connect is cut without a word.
 *
 * TCP has no close codes: the Refusal that the gateway sends before it closes says why, and behind it the stream ends.
 * What is sent is copied, since Node keeps it until the kernel has it. There is no TLS here: end it in a proxy.
 */
import { createServer, type Server, type Socket as TcpConnection } from 'node:net'
import { listenOn } from '../../std/port-sharing.js'
import type { PlainHandler, Socket, SocketListener, SocketServer, SocketServerOptions } from '../socket-server.js'
import { FrameStream } from './frame-stream.js'

/** How long a peer that we have said goodbye to may take to read it, and go on sending. */
const LINGER_MS = 2_000

const CLOSED_BY_PEER = 1000
const CLOSED_ABNORMALLY = 1006

export class TcpSocketServer implements SocketServer {
  readonly #options: SocketServerOptions
  readonly #open = new Set<TcpSocket>()
  #server: Server | undefined

  constructor(options: SocketServerOptions) {
    this.#options = options
  }

  /** `_plain` is of no use here: nobody speaks HTTP. */
  listen(
    { host, port }: { readonly host: string; readonly port: number },
    listener: SocketListener,
    _plain: PlainHandler,
  ): Promise<number> {
    const server = createServer({ noDelay: true }, (connection) => this.#accept(connection, listener))
    this.#server = server
    return listenOn(server, { host, port, sharesPort: this.#options.sharesPort })
  }

  stopListening(): void {
    this.#server?.close()
    this.#server = undefined
  }

  closeNow(): void {
    this.stopListening()
    for (const socket of this.#open) socket.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeNow()
  }

  #accept(connection: TcpConnection, listener: SocketListener): void {
    const remoteAddress = connection.remoteAddress ?? ''
    // There is no word for it before the first frame.
    if (listener.refuses({ remoteAddress, host: undefined, origin: undefined, isForwarded: false }) !== undefined) {
      connection.on('error', () => {}).destroy()
      return
    }
    const socket = new TcpSocket(connection, listener, () => this.#open.delete(socket))
    this.#open.add(socket)
    listener.opened(socket)
  }
}

class TcpSocket implements Socket {
  readonly wire = 'fb'
  readonly remoteAddress: string
  attachment: unknown = undefined
  readonly #connection: TcpConnection
  readonly #listener: SocketListener
  #mustDrain = false
  /** Of our own closing. */
  #closeCode: number | undefined
  #isPeerDone = false
  #linger: NodeJS.Timeout | undefined

  constructor(connection: TcpConnection, listener: SocketListener, gone: () => void) {
    const stream = new FrameStream()
    this.#connection = connection
    this.#listener = listener
    this.remoteAddress = connection.remoteAddress ?? ''
    connection.on('data', (chunk) => {
      // Of a connection that we have closed the rest is read and dropped: unread bytes would turn our goodbye into a reset.
      if (this.#closeCode === undefined) stream.take(chunk, (frames) => listener.received(this, frames))
    })
    connection.on('end', () => {
      this.#isPeerDone = true
    })
    connection.on('error', () => {}) // 'close' follows
    connection.on('close', () => {
      clearTimeout(this.#linger)
      gone()
      listener.closed(this, this.#closeCode ?? (this.#isPeerDone ? CLOSED_BY_PEER : CLOSED_ABNORMALLY))
    })
  }

  send(message: Uint8Array): boolean {
    const connection = this.#connection
    if (!connection.writable) return true
    connection.write(Buffer.from(message), this.#written)
    const isTaken = connection.writableLength === 0
    if (!isTaken) this.#mustDrain = true
    return isTaken
  }

  unsentBytes(): number {
    return this.#connection.writable ? this.#connection.writableLength : 0
  }

  close(code: number, _reason: string): void {
    if (this.#closeCode !== undefined || this.#connection.destroyed) return
    this.#closeCode = code
    this.#connection.end()
    this.#linger = setTimeout(() => this.#connection.destroy(), LINGER_MS)
    this.#linger.unref()
  }

  abort(): void {
    this.#connection.destroy()
  }

  /** The kernel has taken one more message. */
  readonly #written = (): void => {
    const connection = this.#connection
    if (!this.#mustDrain || !connection.writable) return
    this.#mustDrain = connection.writableLength > 0
    this.#listener.drained(this)
  }
}
