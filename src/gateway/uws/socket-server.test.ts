import { deepEqual, equal, rejects } from 'node:assert/strict'
import { afterEach, test } from 'vitest'
import { RawWebSocket } from '../../../test/support/raw-websocket.js'
import { KiB, LIMITS, MiB } from '../../domain/limits.js'
import type { Bytes } from '../../std/bytes.js'
import type { Socket, SocketListener } from '../socket-server.js'
import { UwsSocketServer } from './socket-server.js'

const servers: UwsSocketServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.closeNow()
})

/** Remembers what it was told; echoes nothing. */
class Recorder implements SocketListener {
  readonly sockets: Socket[] = []
  readonly received_: Uint8Array[] = []
  readonly closed_: number[] = []
  drains = 0
  #changed = () => {}

  opened(socket: Socket): void {
    this.sockets.push(socket)
    this.#changed()
  }
  received(_: Socket, message: Bytes): void {
    this.received_.push(message.u8.slice())
    this.#changed()
  }
  drained(): void {
    this.drains++
    this.#changed()
  }
  closed(_: Socket, code: number): void {
    this.closed_.push(code)
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

async function serve(recorder = new Recorder(), sharesPort = false, port = 0) {
  const server = new UwsSocketServer({ sharesPort })
  servers.push(server)
  const plain = (path: string) => ({ status: path === '/healthz' ? 200 : 404, contentType: 'text/plain', body: path })
  return { server, recorder, port: await server.listen({ host: '127.0.0.1', port }, recorder, plain) }
}

test('messages pass both ways as they are', async () => {
  const { recorder, port } = await serve()
  const client = await RawWebSocket.open({ port })
  equal(client.protocol, 'parley.v1.fb')
  client.send(new Uint8Array([1, 2, 3]))
  await recorder.until(() => recorder.received_.length === 1)
  deepEqual(recorder.received_[0], new Uint8Array([1, 2, 3]))
  equal(recorder.sockets[0]!.remoteAddress, '127.0.0.1')

  const all = new Uint8Array(100).map((_, index) => index)
  equal(recorder.sockets[0]!.send(all.subarray(10, 20)), true)
  deepEqual(await client.receive(), all.slice(10, 20))
})

test('only the path and subprotocol of this version are upgraded', async () => {
  const { port } = await serve()
  await rejects(RawWebSocket.open({ port, protocol: 'parley.v9.fb' }), { name: 'UpgradeRefused', status: 400 })
  await rejects(RawWebSocket.open({ port, protocol: '' }), { name: 'UpgradeRefused', status: 400 })
  await rejects(RawWebSocket.open({ port, path: '/v2/ws' }), { name: 'UpgradeRefused', status: 404 })
  equal((await RawWebSocket.open({ port, protocol: 'other, parley.v1.fb' })).protocol, 'parley.v1.fb')
})

test('plain GETs are answered on the same port', async () => {
  const { port } = await serve()
  const healthz = await fetch(`http://127.0.0.1:${port}/healthz`)
  deepEqual([healthz.status, await healthz.text()], [200, '/healthz'])
  equal((await fetch(`http://127.0.0.1:${port}/nothing`)).status, 404)
})

test('what the kernel does not take is said, counted, kept whole, and followed by drained', async () => {
  const { recorder, port } = await serve()
  const client = await RawWebSocket.open({ port })
  client.pause()
  await recorder.until(() => recorder.sockets.length === 1)
  const socket = recorder.sockets[0]!
  const message = new Uint8Array(256 * KiB).fill(7)
  let sent = 0
  while (socket.unsentBytes() < 8 * MiB) {
    const isTaken = socket.send(message)
    equal(isTaken, socket.unsentBytes() === 0)
    sent++
  }
  client.resume()
  for (let at = 0; at < sent; at++) deepEqual(await client.receive(), message)
  await recorder.until(() => recorder.drains > 0 && socket.unsentBytes() === 0)
  equal(socket.send(message), true)
})

test('a message above the limit arrives, so that it can be refused; far above it the connection ends', async () => {
  const { recorder, port } = await serve()
  const client = await RawWebSocket.open({ port })
  client.send(new Uint8Array(LIMITS.messageBytesMax + 1))
  await recorder.until(() => recorder.received_.length === 1)
  equal(recorder.received_[0]!.length, LIMITS.messageBytesMax + 1)
  client.send(new Uint8Array(2 * LIMITS.messageBytesMax + 1))
  await client.closed
  equal(recorder.received_.length, 1)
})

test('close() says why, after what was sent; a closed socket ignores calls', async () => {
  const { recorder, port } = await serve()
  const client = await RawWebSocket.open({ port })
  await recorder.until(() => recorder.sockets.length === 1)
  const socket = recorder.sockets[0]!
  socket.send(new Uint8Array([9]))
  socket.close(4301, 'draining')
  deepEqual(await client.receive(), new Uint8Array([9]))
  deepEqual(await client.closed, { code: 4301, reason: 'draining' })
  deepEqual(recorder.closed_.length, 1)
  socket.close(4301, 'again')
  socket.abort()
  deepEqual([socket.send(new Uint8Array(1)), socket.unsentBytes()], [true, 0])
})

test('one port: shared on purpose, an error otherwise', async () => {
  const alone = await serve()
  await rejects(serve(new Recorder(), false, alone.port), /taken or forbidden/)
  await rejects(serve(new Recorder(), true, alone.port), /taken or forbidden/)
  alone.server.closeNow()
  const first = await serve(new Recorder(), true, alone.port)
  const second = await serve(new Recorder(), true, alone.port)
  equal(first.port, second.port)
})

test('stopListening() keeps open sockets and frees the port', async () => {
  const { server, recorder, port } = await serve()
  const client = await RawWebSocket.open({ port })
  await recorder.until(() => recorder.sockets.length === 1)
  server.stopListening()
  await rejects(RawWebSocket.open({ port }))
  recorder.sockets[0]!.send(new Uint8Array([5]))
  deepEqual(await client.receive(), new Uint8Array([5]))
})
