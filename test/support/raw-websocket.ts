/**
 * A WebSocket client with nothing hidden: what the server sends is seen message by message, and what is sent may be
 * wrong on purpose. For tests; the bench has its own, which is faster and checks less.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

const BINARY = 0x2
const CLOSE = 0x8
const PONG = 0xa
const OPCODES_OF_DATA = [0x0, 0x1, BINARY]

export interface RawWebSocketOptions {
  readonly port: number
  readonly host?: string
  readonly path?: string
  /** The subprotocol offered; '' offers none. */
  readonly protocol?: string
  /** Among them `host` replaces the true one. */
  readonly headers?: Readonly<Record<string, string>>
  readonly localAddress?: string
}

export interface Closed {
  /** 1006 where the connection ended without a close frame. */
  readonly code: number
  readonly reason: string
}

/** The server answered the upgrade with something else than 101. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused'
  readonly status: number

  constructor(status: number, head: string) {
    super(`upgrade refused with ${status}: ${head.split('\r\n')[0]}`)
    this.status = status
  }
}

export class RawWebSocket {
  /** Resolves once the connection has ended, however it did. */
  readonly closed: Promise<Closed>
  readonly protocol: string

  readonly #socket: Socket
  readonly #messages: Uint8Array[] = []
  #input: Buffer
  #waiting: (() => void) | undefined
  #end: Closed | undefined
  #resolveClosed: (closed: Closed) => void = () => {}

  private constructor(socket: Socket, protocol: string, rest: Buffer) {
    this.#socket = socket
    this.protocol = protocol
    this.#input = rest
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    socket.on('data', (chunk) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
      this.#parse()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => this.#ended({ code: 1006, reason: '' }))
    this.#parse()
  }

  /** Connects and upgrades. Throws UpgradeRefused, or the socket's error. */
  static async open(options: RawWebSocketOptions): Promise<RawWebSocket> {
    const { port, host = '127.0.0.1', path = '/v1/ws', protocol = 'parley.v1.fb', localAddress } = options
    const socket = connect({ port, host, noDelay: true, ...(localAddress !== undefined && { localAddress }) })
    const headers = Object.entries({ host: `${host}:${port}`, ...options.headers })
    const offer = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
    socket.write(
      `GET ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`,
    )
    const { head, rest } = await readHead(socket)
    const status = Number(head.split(' ')[1])
    if (status !== 101) {
      socket.destroy()
      throw new UpgradeRefused(status, head)
    }
    const chosen = /^sec-websocket-protocol: *(.*)$/im.exec(head)?.[1]?.trim() ?? ''
    return new RawWebSocket(socket, chosen, rest)
  }

  /** One binary message, masked as clients must. */
  send(payload: Uint8Array): void {
    this.#write(BINARY, payload)
  }

  /** The next binary message; undefined once the connection has ended and all was read. */
  async receive(): Promise<Uint8Array | undefined> {
    while (this.#messages.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    return this.#messages.shift()
  }

  /** Stops reading from the socket, so that the server's sends pile up. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(code = 1000): void {
    this.#write(CLOSE, Buffer.from([code >> 8, code & 0xff]))
  }

  /** Ends the connection without a word, as a lost network does. */
  destroy(): void {
    this.#socket.destroy()
  }

  #write(opcode: number, payload: Uint8Array): void {
    const size = payload.length
    const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10)
    head[0] = 0x80 | opcode
    if (size < 126) head[1] = 0x80 | size
    else if (size < 65_536) head.writeUInt16BE(size, 2)
    else head.writeBigUInt64BE(BigInt(size), 2)
    if (size >= 126) head[1] = 0x80 | (size < 65_536 ? 126 : 127)
    const mask = randomBytes(4)
    const masked = Buffer.from(payload)
    for (let at = 0; at < size; at++) masked[at]! ^= mask[at & 3]!
    this.#socket.write(Buffer.concat([head, mask, masked]))
  }

  #parse(): void {
    for (;;) {
      const frame = frameAt(this.#input)
      if (frame === undefined) return
      const payload = this.#input.subarray(frame.start, frame.end)
      this.#input = this.#input.subarray(frame.end)
      if (OPCODES_OF_DATA.includes(frame.opcode)) this.#messages.push(Uint8Array.from(payload))
      else if (frame.opcode === CLOSE) this.#closing(payload)
      else if (frame.opcode !== PONG) this.#write(PONG, payload)
      this.#wake()
    }
  }

  #closing(payload: Buffer): void {
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
    this.#ended({ code, reason: payload.subarray(2).toString('utf8') })
    this.#socket.end()
  }

  #ended(closed: Closed): void {
    if (this.#end !== undefined) return
    this.#end = closed
    this.#resolveClosed(closed)
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }
}

interface FramePlace {
  readonly opcode: number
  readonly start: number
  readonly end: number
}

/** Where the first WebSocket frame of `input` lies, or undefined while it is incomplete. */
function frameAt(input: Buffer): FramePlace | undefined {
  if (input.length < 2) return undefined
  const short = input[1]! & 0x7f
  const start = short < 126 ? 2 : short === 126 ? 4 : 10
  if (input.length < start) return undefined
  const size = short < 126 ? short : short === 126 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2))
  return input.length < start + size ? undefined : { opcode: input[0]! & 0x0f, start, end: start + size }
}

function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let input = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      input = Buffer.concat([input, chunk])
      const end = input.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData).off('error', reject).off('close', onClose)
      resolve({ head: input.subarray(0, end).toString('latin1'), rest: input.subarray(end + 4) })
    }
    const onClose = () => reject(new Error('the server closed the connection during the upgrade'))
    socket.on('data', onData).once('error', reject).once('close', onClose)
  })
}
