/**
 * Subprotocol `parley.v1.json` in front of a gateway that only knows FlatBuffers: what comes in as JSON, one frame a line,
 * goes on as the frame that it means, and what goes out is written as JSON once for all sockets that get it.
 *
 * Sockets of the other wires pass through untouched: they are the adapter's own, and the gateway never sees a wrapper
 * around them.
 *
 * Elsewhere: what a frame looks like (protocol/json-frames.ts), what is shared (json-messages.ts).
 */
import type { Arrival } from '../access/entrance.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import { newerFrame } from '../protocol/encode.js'
import { frameFromJson } from '../protocol/json-frames.js'
import { MalformedJson } from '../protocol/json-values.js'
import { Bytes } from '../std/bytes.js'
import { JsonMessages } from './json-messages.js'
import type { Socket, SocketListener } from './socket-server.js'

/** What bad-frame is said to. */
const NO_FRAME = Bytes.ofSize(8)
/** What a frame of a type that is newer than this build means: nothing, but it counts as one. */
const NEWER = newerFrame()
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

const utf8 = new TextDecoder('utf-8', { fatal: true })

export class JsonWire implements SocketListener {
  readonly #inner: SocketListener
  readonly #messages: JsonMessages

  constructor(inner: SocketListener, messages = new JsonMessages()) {
    this.#inner = inner
    this.#messages = messages
  }

  refuses(arrival: Arrival): RefusalName | undefined {
    return this.#inner.refuses(arrival)
  }

  opened(socket: Socket): void {
    if (socket.wire !== 'json') return this.#inner.opened(socket)
    const json = new JsonSocket(socket, this.#messages)
    socket.attachment = json
    this.#inner.opened(json)
  }

  received(socket: Socket, message: Bytes): void {
    if (socket.wire !== 'json') return this.#inner.received(socket, message)
    const json = socket.attachment as JsonSocket
    // The gateway refuses it by its size.
    if (message.size > LIMITS.messageBytesMax) return this.#inner.received(json, message)
    const { u8, size } = message
    for (let start = 0; start < size && !json.isClosed; ) {
      const feed = u8.indexOf(LINE_FEED, start)
      const end = feed < 0 ? size : feed
      if (!isEmpty(u8, start, end)) this.#inner.received(json, frameIn(u8.subarray(start, end)))
      start = end + 1
    }
  }

  drained(socket: Socket): void {
    this.#inner.drained(ownOf(socket))
  }

  closed(socket: Socket, code: number): void {
    const own = ownOf(socket)
    if (own instanceof JsonSocket) own.isClosed = true
    this.#inner.closed(own, code)
  }
}

function isEmpty(bytes: Uint8Array, start: number, end: number): boolean {
  return end === start || (end === start + 1 && bytes[start] === CARRIAGE_RETURN)
}

/** The frame of one line. */
function frameIn(line: Uint8Array): Bytes {
  try {
    const frame = frameFromJson(utf8.decode(line))
    return frame === undefined ? NEWER : Bytes.over(frame)
  } catch (error) {
    if (error instanceof MalformedJson || error instanceof TypeError) return NO_FRAME // TypeError: no UTF-8
    throw error
  }
}

function ownOf(socket: Socket): Socket {
  return socket.wire === 'json' ? (socket.attachment as JsonSocket) : socket
}

/** What the gateway sees of a socket that speaks JSON. */
class JsonSocket implements Socket {
  readonly wire = 'fb'
  readonly remoteAddress: string
  attachment: unknown = undefined
  isClosed = false
  readonly #socket: Socket
  readonly #messages: JsonMessages

  constructor(socket: Socket, messages: JsonMessages) {
    this.#socket = socket
    this.#messages = messages
    this.remoteAddress = socket.remoteAddress
  }

  send(message: Uint8Array): boolean {
    let isTaken = true
    for (const text of this.#messages.of(message)) isTaken = this.#socket.send(text)
    return isTaken
  }

  unsentBytes(): number {
    return this.#socket.unsentBytes()
  }

  close(code: number, reason: string): void {
    this.isClosed = true
    this.#socket.close(code, reason)
  }

  abort(): void {
    this.isClosed = true
    this.#socket.abort()
  }
}
