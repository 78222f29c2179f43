/**
 * The sockets of one worker over uWebSockets.js: the only file that knows the library.
 *
 * Path `/v1/ws`, subprotocols of SUBPROTOCOLS; everything else on the port is HTTP (http-exchange.ts). Nothing is compressed (deflate
 * costs 70 % of the throughput) and the library neither times out nor drops by itself: the gateway above does the
 * first, and is told by `send` before the second could be needed.
 */

import * as uWS from 'uWebSockets.js'
import { LIMITS, MiB } from '../../domain/limits.js'
import { Bytes } from '../../std/bytes.js'
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
import { answerHttp, type IsProxy, remoteAddressOf } from './http-exchange.js'

// What the library exports and its types do not name.
declare module 'uWebSockets.js' {
  const DISABLED: number
  const LIBUS_LISTEN_EXCLUSIVE_PORT: number
  interface TemplatedApp {
    listen(
      host: string,
      port: number,
      options: number,
      done: (socket: uWS.us_listen_socket | false) => void,
    ): TemplatedApp
  }
}

const PATH = '/v1/ws'
const LISTEN_SHARED_PORT = 0

/** Far above what the gateway lets a socket hold before it stops sending, so that the library never drops. */
const BACKPRESSURE_BYTES_MAX = 1024 * MiB

const SENT = 1
const DROPPED = 2

interface SocketData {
  readonly remoteAddress: string
  readonly wire: Wire
  socket: UwsSocket | undefined
}

export class UwsSocketServer implements SocketServer {
  readonly #app: uWS.TemplatedApp
  readonly #options: SocketServerOptions
  readonly #isProxy: IsProxy
  #listening: uWS.us_listen_socket | undefined
  #isClosed = false
  /** Connections that are no WebSocket, or not yet. */
  #plainCount = 0

  constructor(options: SocketServerOptions) {
    const { tls, isProxy = () => false } = options
    this.#options = options
    this.#isProxy = isProxy
    this.#app = tls === undefined ? uWS.App() : uWS.SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key })
  }

  listen(
    { host, port }: { readonly host: string; readonly port: number },
    listener: SocketListener,
    plain: PlainHandler,
  ): Promise<number> {
    this.#app.filter((response, change) => this.#plainChanged(response, change))
    this.#app.ws<SocketData>(PATH, {
      ...webSocketBehavior(listener, this.#isProxy),
      open: (ws) => {
        this.#plainCount--
        const data = ws.getUserData()
        data.socket = new UwsSocket(ws, data)
        listener.opened(data.socket)
      },
    })
    this.#app.get(PATH, (response, request) => answerHttp(response, request, this.#isProxy, () => NO_UPGRADE))
    this.#app.any('/*', (response, request) => answerHttp(response, request, this.#isProxy, plain))
    const options = this.#options.sharesPort ? LISTEN_SHARED_PORT : uWS.LIBUS_LISTEN_EXCLUSIVE_PORT
    return new Promise((resolve, reject) => {
      this.#app.listen(host, port, options, (socket) => {
        if (socket === false)
          return reject(new Error(`Cannot listen on ${host}:${port}: the address is taken or forbidden`))
        this.#listening = socket
        resolve(uWS.us_socket_local_port(socket))
      })
    })
  }

  /** The library tells of each connection that comes and of each that goes as HTTP, and closes those that idle for ten seconds. */
  #plainChanged(response: uWS.HttpResponse, change: number): void {
    this.#plainCount += change
    const { plainConnectionsMax = LIMITS.plainConnectionsPerWorkerMax } = this.#options
    if (change > 0 && this.#plainCount > plainConnectionsMax) response.close()
  }

  stopListening(): void {
    if (this.#listening !== undefined) uWS.us_listen_socket_close(this.#listening)
    this.#listening = undefined
  }

  closeNow(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listening = undefined
    this.#app.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeNow()
  }
}

function webSocketBehavior(listener: SocketListener, isProxy: IsProxy): uWS.WebSocketBehavior<SocketData> {
  return {
    compression: uWS.DISABLED,
    // Room above our own limit, so that a message which is too large can be refused with words.
    maxPayloadLength: 2 * LIMITS.messageBytesMax,
    maxBackpressure: BACKPRESSURE_BYTES_MAX,
    closeOnBackpressureLimit: false,
    idleTimeout: 0,
    maxLifetime: 0,
    sendPingsAutomatically: false,
    upgrade: (response, request, context) => upgrade(listener, isProxy, response, request, context),
    message(ws, message) {
      const { socket } = ws.getUserData()
      if (socket !== undefined) listener.received(socket, Bytes.over(new Uint8Array(message)))
    },
    drain(ws) {
      const { socket } = ws.getUserData()
      if (socket !== undefined) listener.drained(socket)
    },
    close(ws, code) {
      const data = ws.getUserData()
      const { socket } = data
      if (socket === undefined) return
      data.socket = undefined
      socket.ended()
      listener.closed(socket, code)
    },
  }
}

function upgrade(
  listener: SocketListener,
  isProxy: IsProxy,
  response: uWS.HttpResponse,
  request: uWS.HttpRequest,
  context: uWS.us_socket_context_t,
): void {
  const remoteAddress = remoteAddressOf(response, isProxy)
  const names: string[] = []
  request.forEach((name) => {
    names.push(name)
  })
  const [host, origin] = [request.getHeader('host'), request.getHeader('origin')]
  const refused = listener.refuses({ remoteAddress, host, origin, isForwarded: isForwarded(names) })
  if (refused !== undefined) {
    response.writeStatus('403 Forbidden').end(refusalText(refused))
    return
  }
  const chosen = chosenSubprotocol(request.getHeader('sec-websocket-protocol'))
  if (chosen === undefined) {
    response.writeStatus('400 Bad Request').end(WRONG_SUBPROTOCOL)
    return
  }
  const data: SocketData = { remoteAddress, wire: SUBPROTOCOLS.get(chosen)!, socket: undefined }
  response.upgrade(data, request.getHeader('sec-websocket-key'), chosen, '', context)
}

class UwsSocket implements Socket {
  readonly remoteAddress: string
  readonly wire: Wire
  attachment: unknown = undefined
  #ws: uWS.WebSocket<SocketData> | undefined

  constructor(ws: uWS.WebSocket<SocketData>, { remoteAddress, wire }: SocketData) {
    this.#ws = ws
    this.remoteAddress = remoteAddress
    this.wire = wire
  }

  /** The library throws when it is used after its close event. */
  ended(): void {
    this.#ws = undefined
  }

  send(message: Uint8Array): boolean {
    if (this.#ws === undefined) return true
    // One message per socket and tick needs no cork: measured 5.0 µs with or without, nearly all of it the kernel's.
    const outcome = this.#ws.send(message, this.wire !== 'json', false)
    if (outcome === DROPPED) this.abort() // a gap nobody would notice is worse than a reconnect
    return outcome === SENT
  }

  unsentBytes(): number {
    return this.#ws === undefined ? 0 : this.#ws.getBufferedAmount()
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason)
  }

  abort(): void {
    this.#ws?.close()
  }
}
