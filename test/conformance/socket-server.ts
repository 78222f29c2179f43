/**
 * What every SocketServer promises, whatever it carries frames over. Bytes are compared, not messages: TCP has none.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { afterEach, describe, test } from 'vitest'
import type { Arrival } from '../../src/access/entrance.js'
import { KiB, LIMITS, MiB } from '../../src/domain/limits.js'
import type { RefusalName } from '../../src/domain/refusal.js'
import type { PlainHandler, Socket, SocketListener, SocketServer } from '../../src/gateway/socket-server.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import type { Bytes } from '../../src/std/bytes.js'

/** A client of the adapter's own transport. */
export interface Peer {
  send(frames: Uint8Array): void
  /** Exactly that many bytes, whatever messages they came in; undefined where the connection ends before. */
  receive(size: number): Promise<Uint8Array | undefined>
  /** Stops reading, so that the server's sends pile up. */
  pause(): void
  resume(): void
  /** Ends without a word. */
  destroy(): void
  /** The close code where the transport has one. */
  readonly closed: Promise<number | undefined>
}

export interface SocketServerUnderTest {
  open(options: { readonly sharesPort: boolean }): SocketServer
  dial(port: number): Promise<Peer>
  /** Whether a goodbye has a code. */
  readonly hasCloseCodes: boolean
  /** Whether two servers of one process may share a port on this Node. */
  readonly canShare: boolean
}

/** Remembers what it was told; answers nothing. */
export class Recorder implements SocketListener {
  /** Said to whoever arrives. */
  refusal: RefusalName | undefined
  readonly arrivals: Arrival[] = []
  readonly sockets: Socket[] = []
  readonly closed_: Socket[] = []
  /** What came, end to end. */
  bytes = Buffer.alloc(0)
  largest = 0
  drains = 0
  #changed = () => {}

  refuses(arrival: Arrival): RefusalName | undefined {
    this.arrivals.push(arrival)
    return this.refusal
  }
  opened(socket: Socket): void {
    this.sockets.push(socket)
    this.#changed()
  }
  received(_: Socket, message: Bytes): void {
    equal(message.u8.constructor, Uint8Array, "a Buffer's slice() shares memory, and readers keep slices")
    this.bytes = Buffer.concat([this.bytes, message.u8])
    this.largest = Math.max(this.largest, message.size)
    this.#changed()
  }
  drained(): void {
    this.drains++
    this.#changed()
  }
  closed(socket: Socket): void {
    this.closed_.push(socket)
    this.#changed()
  }
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }
}

/** Says late what it was asked. */
export const answerPlainly: PlainHandler = async ({ method, path, query, headers, body, remoteAddress }) => {
  await new Promise((resolve) => setTimeout(resolve, 1))
  const asked = { method, query: `${query}`, origin: headers.get('origin'), size: body.length, remoteAddress }
  const status = path === '/healthz' ? 200 : 404
  return { status, contentType: 'text/plain', body: JSON.stringify(asked), headers: { 'x-path': path } }
}

/** A frame of that many bytes; the server's sockets look at its size prefix only. */
export function frameOf(size: number, fill = 7): Uint8Array {
  const frame = new Uint8Array(size).fill(fill)
  new DataView(frame.buffer).setUint32(0, size - 4, true)
  return frame
}

export function socketServerConformance(adapter: string, under: SocketServerUnderTest): void {
  const servers: SocketServer[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeNow()
  })

  async function serve(recorder = new Recorder(), sharesPort = false, port = 0) {
    const server = under.open({ sharesPort })
    servers.push(server)
    return { server, recorder, port: await server.listen({ host: '127.0.0.1', port }, recorder, answerPlainly) }
  }

  async function connected() {
    const served = await serve()
    const peer = await under.dial(served.port)
    await served.recorder.until(() => served.recorder.sockets.length === 1)
    return { ...served, peer, socket: served.recorder.sockets[0]! }
  }

  describe(`${adapter} is a SocketServer`, () => {
    test('frames pass both ways as they are, and the address is known', async () => {
      const { recorder, peer, socket } = await connected()
      const ping = encodeFrame({ kind: 'ping', ref: 1 })
      peer.send(ping)
      await recorder.until(() => recorder.bytes.length >= ping.length)
      deepEqual(new Uint8Array(recorder.bytes), new Uint8Array(ping))
      equal(socket.remoteAddress, '127.0.0.1')
      equal(socket.wire, 'fb')
      equal(socket.attachment, undefined)

      const all = new Uint8Array(100).map((_, index) => index)
      equal(socket.send(all.subarray(10, 26)), true)
      deepEqual(await peer.receive(16), all.slice(10, 26))
    })

    test('whoever arrives is let in by the listener or never becomes a socket', async () => {
      const { recorder, port } = await serve()
      recorder.refusal = 'address-denied'
      const turnedAway = await under.dial(port).then(
        (peer) => peer.receive(1),
        (error: { status?: number }) => error.status,
      )
      ok(turnedAway === undefined || turnedAway === 403, `${turnedAway}`)
      deepEqual([recorder.sockets.length, recorder.arrivals.at(-1)!.remoteAddress], [0, '127.0.0.1'])
      recorder.refusal = undefined
      await under.dial(port)
      await recorder.until(() => recorder.sockets.length === 1)
    })

    test('bytes that were sent may be written over at once', async () => {
      const { peer, socket } = await connected()
      peer.pause()
      const message = new Uint8Array(256 * KiB)
      for (let count = 0; count < 32; count++) socket.send(message.fill(count))
      message.fill(0xee)
      peer.resume()
      for (let count = 0; count < 32; count++) {
        deepEqual(await peer.receive(message.length), new Uint8Array(message.length).fill(count))
      }
    })

    test('many frames at once arrive in order, in messages within the limit', async () => {
      const { recorder, peer } = await connected()
      const frames = Array.from({ length: 3_000 }, (_, index) => frameOf(16 + 8 * (index % 40), index % 256))
      const all = Buffer.concat(frames)
      for (let at = 0; at < frames.length; at += 100) peer.send(Buffer.concat(frames.slice(at, at + 100)))
      await recorder.until(() => recorder.bytes.length >= all.length)
      ok(all.equals(recorder.bytes))
      ok(recorder.largest <= LIMITS.messageBytesMax)
    })

    test('what the kernel does not take is said, counted, kept whole, and followed by drained', async () => {
      const { recorder, peer, socket } = await connected()
      peer.pause()
      const message = new Uint8Array(256 * KiB).fill(7)
      let sent = 0
      while (socket.unsentBytes() < 8 * MiB) {
        const isTaken = socket.send(message)
        equal(isTaken, socket.unsentBytes() === 0)
        sent++
      }
      peer.resume()
      for (let at = 0; at < sent; at++) deepEqual(await peer.receive(message.length), message)
      await recorder.until(() => recorder.drains > 0 && socket.unsentBytes() === 0)
      equal(socket.send(new Uint8Array(16)), true)
    })

    test('a message at the limit arrives, and one above it, so that it can be refused', async () => {
      const { recorder, peer } = await connected()
      peer.send(frameOf(LIMITS.messageBytesMax))
      await recorder.until(() => recorder.bytes.length >= LIMITS.messageBytesMax)
      equal(recorder.largest, LIMITS.messageBytesMax)
      peer.send(frameOf(LIMITS.messageBytesMax + 8))
      await recorder.until(() => recorder.largest > LIMITS.messageBytesMax)
      equal(recorder.closed_.length, 0)
    })

    test('close() comes behind what was sent, with its code; a closed socket ignores calls', async () => {
      const { recorder, peer, socket } = await connected()
      socket.send(new Uint8Array(16).fill(9))
      socket.close(4301, 'draining')
      deepEqual(await peer.receive(16), new Uint8Array(16).fill(9))
      equal(await peer.closed, under.hasCloseCodes ? 4301 : undefined)
      await recorder.until(() => recorder.closed_.length === 1)
      socket.close(4301, 'again')
      socket.abort()
      deepEqual([socket.send(new Uint8Array(16)), socket.unsentBytes()], [true, 0])
      equal(recorder.closed_.length, 1)
    })

    test('abort() cuts a peer that does not read', async () => {
      const { recorder, peer, socket } = await connected()
      peer.pause()
      while (socket.unsentBytes() < 4 * MiB) socket.send(new Uint8Array(256 * KiB))
      socket.abort()
      await recorder.until(() => recorder.closed_.length === 1)
      equal(socket.unsentBytes(), 0)
      peer.resume()
      await peer.closed
    })

    test('a peer that vanishes is told of once, and the others stay', async () => {
      const { recorder, peer, port } = await connected()
      const other = await under.dial(port)
      await recorder.until(() => recorder.sockets.length === 2)
      peer.destroy()
      await recorder.until(() => recorder.closed_.length === 1)
      equal(recorder.closed_[0], recorder.sockets[0])
      recorder.sockets[1]!.send(new Uint8Array(16).fill(1))
      deepEqual(await other.receive(16), new Uint8Array(16).fill(1))
    })

    test('a taken port is an error', async () => {
      const alone = await serve()
      await rejects(serve(new Recorder(), false, alone.port), /taken or forbidden/)
      await rejects(serve(new Recorder(), true, alone.port), /taken or forbidden/)
    })

    test.skipIf(!under.canShare)('two that share a port on purpose both listen', async () => {
      const alone = await serve()
      alone.server.closeNow()
      const first = await serve(new Recorder(), true, alone.port)
      equal((await serve(new Recorder(), true, first.port)).port, first.port)
    })

    test('stopListening() keeps open sockets and frees the port; closeNow() cuts them', async () => {
      const { server, recorder, port, peer, socket } = await connected()
      server.stopListening()
      await rejects(under.dial(port))
      socket.send(new Uint8Array(16).fill(5))
      deepEqual(await peer.receive(16), new Uint8Array(16).fill(5))
      server.closeNow()
      await peer.closed
      await recorder.until(() => recorder.closed_.length === 1)
    })
  })
}
