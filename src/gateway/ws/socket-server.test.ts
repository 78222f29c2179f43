import { deepEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { answerPlainly, Recorder, socketServerConformance } from '../../../test/conformance/socket-server.js'
import { tlsSocketServerConformance } from '../../../test/conformance/tls-socket-server.js'
import { dialWebSocket, webSocketServerConformance } from '../../../test/conformance/web-socket-server.js'
import { canSharePorts } from '../../std/port-sharing.js'
import { WsSocketServer } from './socket-server.js'

socketServerConformance('ws', {
  open: (options) => new WsSocketServer(options),
  dial: dialWebSocket,
  hasCloseCodes: true,
  canShare: canSharePorts(),
})
webSocketServerConformance('ws', (options) => new WsSocketServer({ sharesPort: false, ...options }))
tlsSocketServerConformance('ws', (options) => new WsSocketServer(options))

test('who is refused an upgrade and does not leave is cut off', async () => {
  await using server = new WsSocketServer({ sharesPort: false })
  const recorder = new Recorder()
  recorder.refusal = 'address-denied'
  const port = await server.listen({ host: '127.0.0.1', port: 0 }, recorder, answerPlainly)
  const stays = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  stays.on('error', () => {}) // that is the end of it
  let heard = ''
  stays.on('data', (text) => {
    heard += text
  })
  stays.write('GET /v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  await once(stays, 'end')
  const closed = new Promise((resolve) => stays.once('close', () => resolve('cut off')))
  const late = sleep(5_000, 'still there')
  while (!stays.destroyed && stays.writable) {
    stays.write('x')
    if ((await Promise.race([closed, late, sleep(50, 'wait')])) === 'still there') break
  }
  deepEqual([heard.split(' ')[1], await Promise.race([closed, late])], ['403', 'cut off'])
})
