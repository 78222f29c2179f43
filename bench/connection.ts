/**
 * One WebSocket client on a raw TCP socket, made to cost as little as a client can in Node: one core of these must
 * saturate one core of server.
 *
 * All connections read into one buffer, which stays in the processor's cache; frames are handed on where they lie, and
 * what a frame's size prefix covers is skipped without being touched. Only a frame cut in two by the end of a read is
 * copied. Client frames are masked with zero (RFC 6455 asks for a mask, and XOR with zero changes nothing), so a
 * message is sent from wherever its bytes already are, its header written just in front of them.
 *
 * What a frame means is its listener's business (participant.ts).
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Bytes } from '../src/std/bytes.js'

/** Room that a message needs in front of its payload for the WebSocket header. */
export const HEADER_BYTES_MAX = 14

const OPCODE_BINARY = 2
const OPCODE_CLOSE = 8
const OPCODE_PING = 9
const OPCODE_PONG = 10
const FINAL = 0x80
const MASKED = 0x80

export interface ConnectionListener {
  /** The upgrade is done; what is sent now is answered. */
  opened(): void
  /** A read brought something: the moment that latencies end. */
  readStarted(): void
  /** One size-prefixed frame, whole, at [start, end); the bytes are valid until this returns. */
  frame(bytes: Bytes, start: number, end: number): void
  /** Everything that one read brought has been handed on: the moment to send what it made possible. */
  readEnded(): void
  /** A write that had to wait has been taken by the kernel; its bytes are the caller's again. */
  drained(): void
  closed(cause: Error): void
}

export interface Address {
  readonly host: string
  readonly port: number
  /** The source address; one of them reaches at most about 64,000 connections to a port. */
  readonly from?: string
}

const READ_BYTES = 256 * 1024
const readBuffer = Bytes.over(Buffer.allocUnsafeSlow(READ_BYTES))

export class Connection {
  readonly #socket: Socket
  readonly #listener: ConnectionListener
  #isOpen = false
  #isClosed = false
  /** Bytes of the current WebSocket message that were not parsed yet. */
  #payloadLeft = 0
  /** A header or frame of which the rest has not come yet. */
  #carry: Bytes | undefined
  #carried = 0

  constructor(address: Address, listener: ConnectionListener) {
    this.#listener = listener
    this.#socket = connect({
      host: address.host,
      port: address.port,
      ...(address.from !== undefined && { localAddress: address.from }),
      noDelay: true,
      onread: {
        buffer: readBuffer.u8,
        callback: (size) => {
          this.#read(size)
          return !this.#isClosed
        },
      },
    })
    this.#socket.once('connect', () => this.#socket.write(upgradeRequest(address)))
    this.#socket.on('drain', () => listener.drained())
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.on('close', () => this.#end(new Error('the server closed the connection')))
  }

  /**
   * Sends the payload at [start, end) of `buffer` as one message; the HEADER_BYTES_MAX bytes before `start` are
   * overwritten. False: the kernel is full, and the bytes must not change until `drained`.
   */
  sendInPlace(buffer: Bytes, start: number, end: number): boolean {
    const from = writeHeader(buffer, start, end - start, OPCODE_BINARY)
    this.#socket.write(buffer.u8.subarray(from, end))
    return this.#socket.writableLength === 0
  }

  /** Sends a copy of `frames` as one message. */
  send(frames: Uint8Array, opcode = OPCODE_BINARY): void {
    const buffer = Bytes.ofSize(HEADER_BYTES_MAX + frames.length)
    buffer.u8.set(frames, HEADER_BYTES_MAX)
    this.#socket.write(buffer.u8.subarray(writeHeader(buffer, HEADER_BYTES_MAX, frames.length, opcode)))
  }

  /** Cuts the connection with a reset, which leaves no address busy behind it; `closed` is not called. */
  cut(): void {
    this.#isClosed = true
    this.#socket.resetAndDestroy()
  }

  #end(cause: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.destroy()
    this.#listener.closed(cause)
  }

  #read(size: number): void {
    this.#listener.readStarted()
    let at = 0
    if (!this.#isOpen) at = this.#readUpgrade(size)
    if (this.#carried > 0) at = this.#completeCarried(at, size)
    at = this.#parse(readBuffer, at, size)
    if (at < size) this.#carryOn(at, size)
    this.#listener.readEnded()
  }

  /** The answer to the upgrade is small and comes in one piece; what follows it belongs to the protocol. */
  #readUpgrade(size: number): number {
    const text = Buffer.from(readBuffer.u8.buffer, readBuffer.u8.byteOffset, size).toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end < 0 || !text.startsWith('HTTP/1.1 101')) {
      this.#end(new Error(`Cannot upgrade to a WebSocket: the server answered ${text.slice(0, 120)}`))
      return size
    }
    this.#isOpen = true
    this.#listener.opened()
    return end + 4
  }

  /** Hands on every whole frame in [at, end); returns where it stopped. */
  #parse(bytes: Bytes, at: number, end: number): number {
    const { u8, view } = bytes
    const listener = this.#listener
    for (;;) {
      if (this.#payloadLeft === 0) {
        if (end - at < 2 || end - at < unitBytes(bytes, at)) return at
        const opcode = u8[at]! & 0x0f
        if (opcode !== OPCODE_BINARY) {
          at = this.#control(bytes, at, opcode)
          continue
        }
        const length = u8[at + 1]!
        this.#payloadLeft = length < 126 ? length : length === 126 ? view.getUint16(at + 2) : view.getUint32(at + 6)
        at += headerBytes(length)
      }
      if (end - at < 4) return at
      const size = view.getUint32(at, true) + 4
      if (size > this.#payloadLeft) throw new Error(`A frame of ${size} bytes leaves its message`)
      if (end - at < size) return at
      this.#payloadLeft -= size
      listener.frame(bytes, at, at + size)
      at += size
    }
  }

  /** Takes as much of the read as completes the unit that the read before it cut in two. */
  #completeCarried(at: number, end: number): number {
    while (at < end && this.#carried > 0) {
      const carry = this.#carryOfSize(this.#carried)
      const needed =
        this.#payloadLeft === 0
          ? this.#carried < 2
            ? 2
            : unitBytes(carry, 0)
          : this.#carried < 4
            ? 4
            : carry.view.getUint32(0, true) + 4
      const more = Math.min(needed - this.#carried, end - at)
      const room = this.#carryOfSize(needed)
      room.u8.set(readBuffer.u8.subarray(at, at + more), this.#carried)
      at += more
      this.#carried += more
      const parsed = this.#parse(room, 0, this.#carried)
      if (parsed > 0) this.#carried = 0 // one unit went in, so one came out
    }
    return at
  }

  #carryOn(at: number, end: number): void {
    this.#carryOfSize(end - at).u8.set(readBuffer.u8.subarray(at, end))
    this.#carried = end - at
  }

  #carryOfSize(size: number): Bytes {
    if (this.#carry !== undefined && this.#carry.size >= size) return this.#carry
    const grown = Bytes.ofSize(Math.max(1024, 2 * size))
    if (this.#carry !== undefined) grown.u8.set(this.#carry.u8)
    this.#carry = grown
    return grown
  }

  #control(bytes: Bytes, at: number, opcode: number): number {
    const start = at + 2
    const end = start + bytes.u8[at + 1]!
    if (opcode === OPCODE_PING) this.send(bytes.u8.slice(start, end), OPCODE_PONG)
    if (opcode === OPCODE_CLOSE) {
      const code = end - start >= 2 ? bytes.view.getUint16(start) : 1005
      const reason = Buffer.from(bytes.u8.slice(Math.min(start + 2, end), end)).toString('utf8')
      this.#end(new Error(`the server closed the connection: ${code} ${reason}`))
    }
    if (opcode < OPCODE_CLOSE) throw new Error(`Unexpected WebSocket opcode ${opcode}`)
    return end
  }
}

/** What must be there before the WebSocket header at `at` can be read: control frames are wanted with their payload. */
function unitBytes(bytes: Bytes, at: number): number {
  const length = bytes.u8[at + 1]!
  return (bytes.u8[at]! & 0x0f) >= OPCODE_CLOSE ? 2 + length : headerBytes(length)
}

function headerBytes(length: number): number {
  return length < 126 ? 2 : length === 126 ? 4 : 10
}

/** Writes a client's header so that it ends where the payload starts; returns where it begins. */
function writeHeader({ u8, view }: Bytes, payloadAt: number, size: number, opcode: number): number {
  view.setUint32(payloadAt - 4, 0) // the mask
  let at = payloadAt - 6
  if (size < 126) {
    u8[at + 1] = MASKED | size
  } else if (size < 0x1_0000) {
    at = payloadAt - 8
    u8[at + 1] = MASKED | 126
    view.setUint16(at + 2, size)
  } else {
    at = payloadAt - 14
    u8[at + 1] = MASKED | 127
    view.setUint32(at + 2, 0)
    view.setUint32(at + 6, size)
  }
  u8[at] = FINAL | opcode
  return at
}

function upgradeRequest({ host, port }: Address): string {
  return [
    'GET /v1/ws HTTP/1.1',
    `Host: ${host}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: parley.v1.fb',
    '\r\n',
  ].join('\r\n')
}
