/**
 * The sockets of one worker over the `ws` package: the only file that knows the library. It takes the place of
 * uWebSockets.js where that has no binary for this Node or this platform.
 *
 * The same paths, subprotocols and limits; what it costs is CPU and memory: about 11 µs a message instead of 7, 84 MB
 * instead of 55 for a thousand connections (echo of 256 bytes, Node 20). What is sent is copied, since Node keeps it
 * until the kernel has it.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket as NetSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { LIMITS } from '../../domain/limits.js'
import { Bytes } from '../../std/bytes.js'
import { listenOn } from '../../std/port-sharing.js'
import { isForwarded } from '../../std/proxy-headers.js'
import {
  chosenSubprotocol,
  NO_UPGRADE,
  type PlainHandler,
  refusalText,
  type Socket,
  type SocketListener,
  type SocketServer,
  type SocketServerOptions,
  SUBPROTOCOLS,
  type Wire,
  WRONG_SUBPROTOCOL,
} from '../socket-server.js'
import { answerHttp } from './http-exchange.js'

const PATH = '/v1/ws'
/** Until a request must have come, as with uWebSockets.js, which gives it ten seconds. */
const SERVER_OPTIONS = {
  noDelay: true,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
}
/** Until a refusal must have left. */
const REFUSED_MS_MAX = 1_000
/** Until a peer to whom we said goodbye must have left. */
const CLOSE_MS_MAX = 2_000

export class WsSocketServer implements SocketServer {
  readonly #options: SocketServerOptions
  readonly #open = new Set<WsSocket>()
  readonly #upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Room above our own limit, so that a message which is too large can be refused with words.
    maxPayload: 2 * LIMITS.messageBytesMax,
    handleProtocols: (offered) => chosenSubprotocol([...offered].join(',')) ?? false,
  })
  #server: Server | undefined
  #connectionCount = 0

  constructor(options: SocketServerOptions) {
    this.#options = options
  }

  listen(
    { host, port }: { readonly host: string; readonly port: number },
    listener: SocketListener,
    plain: PlainHandler,
  ): Promise<number> {
    const server = this.#create((request, response) => {
      const isOfSocket = request.method === 'GET' && isPath(request)
      answerHttp(request, response, isOfSocket ? () => NO_UPGRADE : plain)
    })
    server.on('connection', (connection: NetSocket) => this.#connected(connection))
    server.on('upgrade', (request, connection, head) => this.#upgrade(request, connection, head, listener))
    this.#server = server
    return listenOn(server, { host, port, sharesPort: this.#options.sharesPort })
  }

  /** Those of WebSockets among them are in `#open`. */
  #connected(connection: NetSocket): void {
    this.#connectionCount++
    connection.once('close', () => this.#connectionCount--)
    const { plainConnectionsMax = LIMITS.plainConnectionsPerWorkerMax } = this.#options
    if (this.#connectionCount - this.#open.size > plainConnectionsMax) connection.destroy()
  }

  #create(answer: RequestListener): Server {
    const { tls } = this.#options
    if (tls === undefined) return createServer(SERVER_OPTIONS, answer)
    return createTlsServer({ ...SERVER_OPTIONS, cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, answer)
  }

  stopListening(): void {
    this.#server?.close()
  }

  closeNow(): void {
    this.stopListening()
    this.#server?.closeAllConnections()
    for (const socket of this.#open) socket.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeNow()
  }

  #upgrade(request: IncomingMessage, connection: Duplex, head: Buffer, listener: SocketListener): void {
    if (!isPath(request)) return refuse(connection, 404, '')
    const { host = '', origin } = request.headers
    const remoteAddress = request.socket.remoteAddress ?? ''
    const names = Object.keys(request.headers)
    const refused = listener.refuses({ remoteAddress, host, origin, isForwarded: isForwarded(names) })
    if (refused !== undefined) return refuse(connection, 403, refusalText(refused))
    const chosen = chosenSubprotocol(request.headers['sec-websocket-protocol'] ?? '')
    if (chosen === undefined) return refuse(connection, 400, WRONG_SUBPROTOCOL)
    const wire = SUBPROTOCOLS.get(chosen)!
    this.#upgrader.handleUpgrade(request, connection, head, (ws) => {
      const socket = new WsSocket(ws, { remoteAddress, wire, listener, gone: () => this.#open.delete(socket) })
      this.#open.add(socket)
      listener.opened(socket)
    })
  }
}

function isPath({ url = '/' }: IncomingMessage): boolean {
  return url.split('?')[0] === PATH
}

/** Node lets go of a socket that asks for an upgrade: whoever is refused and does not leave by itself is cut off here. */
function refuse(connection: Duplex, status: number, body: string): void {
  connection.on('error', () => {}) // it may be gone
  const cutOff = setTimeout(() => connection.destroy(), REFUSED_MS_MAX)
  connection.once('close', () => clearTimeout(cutOff))
  // What it still sends is read: bytes that nobody read would take the refusal back on its way (RST).
  connection.once('end', () => connection.destroy()).resume()
  connection.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

interface WsSocketParts {
  readonly remoteAddress: string
  readonly wire: Wire
  readonly listener: SocketListener
  readonly gone: () => void
}

class WsSocket implements Socket {
  readonly wire: Wire
  readonly remoteAddress: string
  attachment: unknown = undefined
  readonly #ws: WebSocket
  readonly #listener: SocketListener
  readonly #options: { readonly binary: boolean; readonly compress: false }
  #mustDrain = false
  #linger: NodeJS.Timeout | undefined

  constructor(ws: WebSocket, { remoteAddress, wire, listener, gone }: WsSocketParts) {
    this.#ws = ws
    this.#listener = listener
    this.wire = wire
    this.remoteAddress = remoteAddress
    this.#options = { binary: wire !== 'json', compress: false }
    ws.on('message', ({ buffer, byteOffset, byteLength }: Buffer) => {
      // Not a Buffer any more, whose slice() shares memory: readers keep slices.
      listener.received(this, Bytes.over(new Uint8Array(buffer, byteOffset, byteLength)))
    })
    ws.on('error', () => {}) // 'close' follows
    ws.on('close', (code) => {
      clearTimeout(this.#linger)
      gone()
      listener.closed(this, code)
    })
  }

  send(message: Uint8Array): boolean {
    const ws = this.#ws
    if (ws.readyState !== ws.OPEN) return true
    ws.send(Buffer.from(message), this.#options, this.#written)
    const isTaken = ws.bufferedAmount === 0
    if (!isTaken) this.#mustDrain = true
    return isTaken
  }

  unsentBytes(): number {
    return this.#ws.readyState === this.#ws.OPEN ? this.#ws.bufferedAmount : 0
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason)
    this.#linger ??= setTimeout(() => this.#ws.terminate(), CLOSE_MS_MAX).unref()
  }

  abort(): void {
    this.#ws.terminate()
  }

  /** The kernel has taken one more message, or never will. */
  readonly #written = (): void => {
    if (!this.#mustDrain || this.#ws.readyState !== this.#ws.OPEN) return
    this.#mustDrain = this.#ws.bufferedAmount > 0
    this.#listener.drained(this)
  }
}
