import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { RawWebSocket } from '../test/support/raw-websocket.js'
import { socketLibrary } from './socket-library.js'

test('uWebSockets.js is taken where it loads, and nothing is said of it', async () => {
  const { name, notice } = await socketLibrary()
  deepEqual([name, notice], ['uWebSockets.js', undefined])
})

test('ws is taken where that has no binary, with a notice that says what it costs', async () => {
  const library = await socketLibrary(() => Promise.reject(new Error('no binary')))
  equal(library.name, 'ws')
  match(library.notice!, /no binary for Node .*CPU.*memory/)
  const server = library.open({ sharesPort: false })
  const listener = {
    refuses: () => undefined,
    opened: () => {},
    received: () => {},
    drained: () => {},
    closed: () => {},
  }
  const plain = () => ({ status: 404, contentType: 'text/plain', body: '' })
  const port = await server.listen({ host: '127.0.0.1', port: 0 }, listener, plain)
  equal((await RawWebSocket.open({ port })).protocol, 'parley.v1.fb')
  server.closeNow()
})
