/**
 * The sockets of one worker, and nothing about chat. Adapters: uws/socket-server.ts, ws/socket-server.ts,
 * tcp/socket-server.ts; the simulator's. Contract: test/conformance/socket-server.ts.
 */
import type { Arrival } from '../access/entrance.js'
import { LIMITS } from '../domain/limits.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import type { HttpAnswer, HttpRequest } from '../http/message.js'
import { problem } from '../http/problem.js'
import type { Bytes } from '../std/bytes.js'

/** What a message holds: frames of FlatBuffers, or of JSON, one a line. */
export type Wire = 'fb' | 'json'

/** WebSocket subprotocols: of those offered the first that is here is taken. */
export const SUBPROTOCOLS: ReadonlyMap<string, Wire> = new Map([
  ['parley.v1.fb', 'fb'],
  ['parley.v1.json', 'json'],
])

/** The first of a `Sec-WebSocket-Protocol` header that we speak. */
export function chosenSubprotocol(offered: string): string | undefined {
  return offered
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => SUBPROTOCOLS.has(protocol))
}

export const WRONG_SUBPROTOCOL = `the WebSocket subprotocol must be ${[...SUBPROTOCOLS.keys()].join(' or ')}\n`

/** What HTTP says, with status 403, to whom the listener refuses. */
export function refusalText(name: RefusalName): string {
  return `${REFUSALS[name].wire} ${name}: ${REFUSALS[name].advice}\n`
}

/** To a GET of the WebSocket path that asks for no upgrade: somebody looks with a browser. */
export const NO_UPGRADE: HttpAnswer = {
  status: 426,
  contentType: 'text/plain; charset=utf-8',
  body: `this is a WebSocket: connect with subprotocol ${[...SUBPROTOCOLS.keys()].join(' or ')}\n`,
  headers: { connection: 'upgrade', upgrade: 'websocket' },
}

export const BODY_TOO_LARGE: HttpAnswer = problem(
  'message-too-large',
  `a body of HTTP has at most ${LIMITS.httpBodyBytesMax} bytes`,
)

/**
 * Of a body that is refused so much is read and dropped, and for so long, so that its sender hears why: bytes that nobody reads
 * take the answer back on its way (RST). Then the connection is cut.
 */
export const DROPPED_BYTES_MAX = 4 * LIMITS.httpBodyBytesMax
export const DROPPED_MS_MAX = 250

/** One accepted connection. Methods never throw after close; they do nothing. */
export interface Socket {
  readonly wire: Wire
  /** The peer's address as text, for limits and logs. */
  readonly remoteAddress: string
  /** The listener's own, undefined at first: what it knows of this socket, found without a map on every message. */
  attachment: unknown
  /** Sends one message, which is text where the wire is JSON; `message` may be reused once this returns. False: the bytes wait in our send
   *  queue (see `unsentBytes`) and `drain` will be called; they are never dropped. */
  send(message: Uint8Array): boolean
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  unsentBytes(): number
  /** Closes after what was sent, with a WebSocket close code (4000-4999 are ours) and a short reason. */
  close(code: number, reason: string): void
  /** Cuts the connection at once. */
  abort(): void
}

export interface SocketListener {
  /** Asked before a connection is accepted: why it is not, or undefined. */
  refuses(arrival: Arrival): RefusalName | undefined
  opened(socket: Socket): void
  /** `message`, no Buffer, is valid only until this returns: copy before keeping. */
  received(socket: Socket, message: Bytes): void
  /** What `send` could not hand to the kernel has been taken. */
  drained(socket: Socket): void
  /** Once for each that was opened, as soon as it is known to be gone: after `close`, within seconds. */
  closed(socket: Socket, code: number): void
}

export interface SocketServerOptions {
  /** Whether other workers of this process listen on the same port. Alone, a taken port is an error. */
  readonly sharesPort: boolean
  /** Files in PEM, where the port speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Whether a peer's PROXY protocol is believed; an adapter that does not read it takes no notice. */
  readonly isProxy?: (remoteAddress: string) => boolean
  /** Connections that are no WebSocket, or not yet; one more is cut. By default LIMITS.plainConnectionsPerWorkerMax. */
  readonly plainConnectionsMax?: number
}

/** Answers HTTP on the same port. Must neither throw nor reject. */
export type PlainHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>

export interface SocketServer extends AsyncDisposable {
  /** Starts to accept; resolves with the port. Rejects where the address is taken or forbidden. */
  listen(
    address: { readonly host: string; readonly port: number },
    listener: SocketListener,
    plain: PlainHandler,
  ): Promise<number>
  /** Stops accepting; open sockets stay. */
  stopListening(): void
  /** Cuts every connection and frees the port, before it returns: a dying thread must do this before it exits. */
  closeNow(): void
}
