import { deepEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'vitest'
import { answerPlainly, Recorder, socketServerConformance } from '../../../test/conformance/socket-server.js'
import { tlsSocketServerConformance } from '../../../test/conformance/tls-socket-server.js'
import { dialWebSocket, webSocketServerConformance } from '../../../test/conformance/web-socket-server.js'
import { UwsSocketServer } from './socket-server.js'

socketServerConformance('uws', {
  open: (options) => new UwsSocketServer(options),
  dial: dialWebSocket,
  hasCloseCodes: true,
  canShare: true,
})
webSocketServerConformance('uws', (options) => new UwsSocketServer({ sharesPort: false, ...options }))
tlsSocketServerConformance('uws', (options) => new UwsSocketServer(options))

test('the PROXY protocol is believed of proxies, and of nobody else', async () => {
  const addresses: string[] = []
  for (const isProxy of [() => true, () => false]) {
    const recorder = new Recorder()
    const server = new UwsSocketServer({ sharesPort: false, isProxy })
    const port = await server.listen({ host: '127.0.0.1', port: 0 }, recorder, answerPlainly)
    for (const [path, more] of [
      ['/healthz', ''],
      ['/v1/ws', UPGRADE],
    ]) {
      const socket = connect({ host: '127.0.0.1', port })
      socket.write(Buffer.concat([PROXIED, Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`)]))
      const [answer] = await once(socket, 'data')
      const said = /"remoteAddress":"([^"]+)"/.exec(`${answer}`)?.[1]
      addresses.push(said ?? recorder.arrivals.at(-1)!.remoteAddress)
      socket.destroy()
    }
    server.closeNow()
  }
  deepEqual(addresses, ['203.0.113.9', '203.0.113.9', '127.0.0.1', '127.0.0.1'])
})

const UPGRADE =
  'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: parley.v1.fb\r\n'

/** Version 2: from 203.0.113.9 to 127.0.0.1, over TCP of IPv4. */
const PROXIED = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Buffer.from([0x21, 0x11, 0, 12, 203, 0, 113, 9, 127, 0, 0, 1, 0x30, 0x39, 0x46, 0x50]),
])
