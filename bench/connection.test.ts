import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'vitest'
import { Bytes } from '../src/std/bytes.js'
import { Connection, type ConnectionListener, HEADER_BYTES_MAX } from './connection.js'

const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\n\r\n'

test('frames arrive whole and in order, however the network cuts them', async () => {
  const frames = [frameOf(1, 4), frameOf(2, 300), frameOf(3, 70_000), frameOf(4, 8)]
  const stream = Buffer.concat([
    messageOf([frames[0]!]),
    Buffer.from([0x89, 0]), // a ping between two messages
    messageOf([frames[1]!, frames[2]!]),
    messageOf([frames[3]!]),
  ])
  for (const cut of [1, 2, 3, 7, 333, stream.length]) {
    await using server = await fakeServer()
    const heard: number[] = []
    const done = deferred()
    const connection = new Connection(server.address, {
      ...SILENT,
      frame(bytes: Bytes, start: number, end: number) {
        heard.push(bytes.u8[start + 4]!, end - start)
        if (heard.length === 2 * frames.length) done.resolve()
      },
    })
    const socket = await server.accepted
    socket.setNoDelay(true)
    socket.write(UPGRADED)
    const dribbled = Math.min(cut * 400, stream.length)
    for (let at = 0; at < dribbled; at += cut) {
      socket.write(stream.subarray(at, Math.min(at + cut, dribbled)))
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.write(stream.subarray(dribbled))
    await done.promise
    deepEqual(
      heard,
      frames.flatMap((frame) => [frame[4]!, frame.length]),
    )
    connection.cut()
  }
})

test('what is sent in place is one masked message whose mask changes nothing', async () => {
  for (const size of [8, 125, 126, 65_535, 65_536]) {
    await using server = await fakeServer()
    const opened = deferred()
    const connection = new Connection(server.address, { ...SILENT, opened: opened.resolve })
    const socket = await server.accepted
    await once(socket, 'data') // the upgrade request
    socket.write(UPGRADED)
    await opened.promise
    const buffer = Bytes.ofSize(HEADER_BYTES_MAX + size)
    buffer.u8.fill(7, HEADER_BYTES_MAX)
    connection.sendInPlace(buffer, HEADER_BYTES_MAX, buffer.size)
    const header = size < 126 ? 6 : size < 65_536 ? 8 : 14
    const received = await collect(socket, header + size)
    equal(received[0], 0x82)
    equal(received[1]! & 0x80, 0x80)
    equal(lengthOf(received), size)
    deepEqual([...received.subarray(header - 4, header)], [0, 0, 0, 0])
    deepEqual(received.subarray(header), Buffer.alloc(size, 7))
    connection.cut()
  }
})

const SILENT: ConnectionListener = {
  opened() {},
  readStarted() {},
  frame() {},
  readEnded() {},
  drained() {},
  closed(cause) {
    throw cause
  },
}

function frameOf(mark: number, size: number): Buffer {
  const frame = Buffer.alloc(4 + size, mark)
  frame.writeUInt32LE(size)
  return frame
}

/** As a server sends it: without a mask. */
function messageOf(frames: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(frames)
  const header = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10)
  header[0] = 0x82
  header[1] = header.length === 2 ? payload.length : header.length === 4 ? 126 : 127
  if (header.length === 4) header.writeUInt16BE(payload.length, 2)
  if (header.length === 10) header.writeUInt32BE(payload.length, 6)
  return Buffer.concat([header, payload])
}

function lengthOf(message: Buffer): number {
  const short = message[1]! & 0x7f
  return short < 126 ? short : short === 126 ? message.readUInt16BE(2) : message.readUInt32BE(6)
}

async function fakeServer() {
  const server = createServer().listen(0, '127.0.0.1')
  const accepted = once(server, 'connection').then(([socket]) => socket as Socket)
  await once(server, 'listening')
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    accepted,
    async [Symbol.asyncDispose]() {
      ;(await accepted).destroy()
      server.close()
    },
  }
}

function collect(socket: Socket, size: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= size) resolve(received)
    })
  })
}

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
