import { deepEqual, equal, ok } from 'node:assert/strict'
import { afterEach, test } from 'vitest'
import { answerPlainly, frameOf, Recorder, socketServerConformance } from '../../../test/conformance/socket-server.js'
import { RawTcp } from '../../../test/support/raw-tcp.js'
import { canSharePorts } from '../../std/port-sharing.js'
import { TcpSocketServer } from './socket-server.js'

socketServerConformance('tcp', {
  open: (options) => new TcpSocketServer(options),
  async dial(port) {
    const peer = await RawTcp.open({ port })
    return Object.assign(peer, { closed: peer.closed.then(() => undefined) })
  },
  hasCloseCodes: false,
  canShare: canSharePorts(),
})

const servers: TcpSocketServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.closeNow()
})

async function serve() {
  const [server, recorder] = [new TcpSocketServer({ sharesPort: false }), new Recorder()]
  servers.push(server)
  return { recorder, port: await server.listen({ host: '127.0.0.1', port: 0 }, recorder, answerPlainly) }
}

test('a stranger to the protocol is told apart at its first bytes', async () => {
  const { recorder, port } = await serve()
  const browser = await RawTcp.open({ port, preface: Buffer.from('GET / HTTP/1.1\r\n\r\n') })
  await recorder.until(() => recorder.bytes.length > 0)
  ok(recorder.bytes.every((byte) => byte === 0))
  browser.send(frameOf(40, 1))
  const device = await RawTcp.open({ port })
  device.send(frameOf(40, 2))
  await recorder.until(() => recorder.bytes.length > 16)
  deepEqual(new Uint8Array(recorder.bytes.subarray(16)), new Uint8Array(frameOf(40, 2)))
})

test('a peer that neither reads its goodbye nor leaves is cut', async () => {
  const { recorder, port } = await serve()
  const peer = await RawTcp.open({ port })
  peer.pause()
  await recorder.until(() => recorder.sockets.length === 1)
  const socket = recorder.sockets[0]!
  while (socket.unsentBytes() === 0) socket.send(new Uint8Array(256 * 1024))
  socket.close(4301, 'draining')
  peer.send(frameOf(40, 1))
  await recorder.until(() => recorder.closed_.length === 1)
  equal(recorder.bytes.length, 0)
  peer.destroy()
})
