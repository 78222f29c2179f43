/**
 * What a SocketServer over WebSocket promises beside socket-server.ts: path, subprotocols, plain GETs on the same port,
 * text for JSON.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, test } from 'vitest'
import { WebSocket } from 'ws'
import { LIMITS } from '../../src/domain/limits.js'
import type { SocketServer, SocketServerOptions } from '../../src/gateway/socket-server.js'
import { RawWebSocket } from '../support/raw-websocket.js'
import { answerPlainly, type Peer, Recorder } from './socket-server.js'

/** Dials as clients with FlatBuffers do. */
export async function dialWebSocket(port: number): Promise<Peer> {
  const socket = await RawWebSocket.open({ port })
  let input = Buffer.alloc(0)
  return {
    send: (frames) => socket.send(frames),
    async receive(size) {
      while (input.length < size) {
        const message = await socket.receive()
        if (message === undefined) return undefined
        input = Buffer.concat([input, message])
      }
      const bytes = Uint8Array.from(input.subarray(0, size))
      input = input.subarray(size)
      return bytes
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.destroy(),
    closed: socket.closed.then(({ code }) => code),
  }
}

/** Until the server has heard of what happened here. */
async function soon<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt()
    } catch (cause) {
      if (tries === 100) throw cause
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

export function webSocketServerConformance(
  adapter: string,
  open: (options?: Pick<SocketServerOptions, 'plainConnectionsMax'>) => SocketServer,
): void {
  const servers: SocketServer[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeNow()
  })

  async function serve(plainConnectionsMax?: number) {
    const [server, recorder] = [open(plainConnectionsMax ? { plainConnectionsMax } : {}), new Recorder()]
    servers.push(server)
    return { server, recorder, port: await server.listen({ host: '127.0.0.1', port: 0 }, recorder, answerPlainly) }
  }

  describe(`${adapter} speaks WebSocket`, () => {
    test('only the path and the subprotocols of this version are upgraded; the first that is known is taken', async () => {
      const { port } = await serve()
      await rejects(RawWebSocket.open({ port, protocol: 'parley.v9.fb' }), { name: 'UpgradeRefused', status: 400 })
      await rejects(RawWebSocket.open({ port, protocol: '' }), { name: 'UpgradeRefused', status: 400 })
      await rejects(RawWebSocket.open({ port, path: '/v2/ws' }), { name: 'UpgradeRefused', status: 404 })
      equal((await RawWebSocket.open({ port, protocol: 'other, parley.v1.fb' })).protocol, 'parley.v1.fb')
      const both = await RawWebSocket.open({ port, protocol: 'parley.v1.json, parley.v1.fb' })
      equal(both.protocol, 'parley.v1.json')
    })

    test('a web page, the name it used and a proxy are known before it is let in', async () => {
      const { recorder, port } = await serve()
      const headers = { host: 'evil.example', origin: 'https://evil.example' }
      recorder.refusal = 'origin-denied'
      await rejects(RawWebSocket.open({ port, headers }), { name: 'UpgradeRefused', status: 403 })
      for (const name of ['X-Forwarded-For', 'Forwarded', 'Via', 'X-Real-IP']) {
        await rejects(RawWebSocket.open({ port, headers: { ...headers, [name]: '10.0.0.1' } }), { status: 403 })
      }
      const arrival = { remoteAddress: '127.0.0.1', ...headers }
      deepEqual(
        recorder.arrivals,
        [false, true, true, true, true].map((isForwarded) => ({ ...arrival, isForwarded })),
      )
    })

    test('HTTP is answered on the same port: the whole request goes in, the answer may come later', async () => {
      const { port } = await serve()
      const url = `http://127.0.0.1:${port}`
      const got = await fetch(`${url}/healthz?a=b%20c`, { headers: { origin: 'http://page.example' } })
      const asked = {
        method: 'GET',
        query: 'a=b+c',
        origin: 'http://page.example',
        size: 0,
        remoteAddress: '127.0.0.1',
      }
      deepEqual([got.status, got.headers.get('x-path'), await got.json()], [200, '/healthz', asked])
      equal((await fetch(`${url}/nothing`)).status, 404)
      const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
      deepEqual([head.status, await head.text(), Number(head.headers.get('content-length')) > 0], [200, '', true])
      const posted = await fetch(`${url}/x`, { method: 'POST', body: 'b'.repeat(LIMITS.httpBodyBytesMax) })
      equal(((await posted.json()) as { size: number }).size, LIMITS.httpBodyBytesMax)
    })

    test('a body of one byte too many is refused, and a peer that leaves harms nobody', async () => {
      const { port } = await serve()
      const url = `http://127.0.0.1:${port}/healthz`
      equal((await fetch(url, { method: 'POST', body: 'b'.repeat(LIMITS.httpBodyBytesMax + 1) })).status, 413)
      const leaving = new AbortController()
      const left = fetch(url, { method: 'POST', body: 'b', signal: leaving.signal })
      leaving.abort()
      await rejects(left)
      await new Promise((resolve) => setTimeout(resolve, 10))
      equal((await fetch(url)).status, 200)
    })

    test('a GET of the path without an upgrade is told what it is', async () => {
      const { port } = await serve()
      const answer = await fetch(`http://127.0.0.1:${port}/v1/ws?from=browser`)
      deepEqual([answer.status, answer.headers.get('upgrade')], [426, 'websocket'])
      equal((await answer.text()).includes('parley.v1.fb or parley.v1.json'), true)
    })

    test('a body without an end is cut off, and who sends it has heard why', async () => {
      const { port } = await serve()
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', () => {}) // that is the end of it
      let heard = ''
      socket.on('data', (text) => {
        heard += text
      })
      socket.write('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n')
      const chunk = Buffer.alloc(16 * 1024)
      let sent = 0
      for (; !socket.destroyed && sent < 64 * LIMITS.httpBodyBytesMax; sent += chunk.length) {
        await new Promise((resolve) => socket.write(chunk, resolve))
        await new Promise((resolve) => setImmediate(resolve))
      }
      equal(socket.destroyed, true, `${sent} bytes were taken`)
      equal(heard.split(' ')[1] ?? 'reset', heard === '' ? 'reset' : '413')
    })

    test('a peer that stays after our goodbye is not waited for, and is told of as closed', async () => {
      const { recorder, port } = await serve()
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => {}).resume() // it hears the goodbye, and says nothing
      socket.write(
        'GET /v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parley.v1.fb\r\n\r\n',
      )
      await recorder.until(() => recorder.sockets.length === 1)
      recorder.sockets[0]!.close(4402, 'bad-token')
      await recorder.until(() => recorder.closed_.length === 1)
      socket.destroy()
    })

    test('connections that are no WebSocket have a limit of their own, and one more is cut', async () => {
      const { recorder, port } = await serve(2)
      const held: Socket[] = []
      const isCut = async () => {
        const socket = connect({ port, host: '127.0.0.1' })
        const cut = new Promise((resolve) => socket.on('error', () => {}).on('close', () => resolve(true)))
        await once(socket, 'connect')
        socket.write('GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n')
        const answered = new Promise((resolve) => socket.once('data', () => resolve(false)))
        held.push(socket)
        return await Promise.race([cut, answered])
      }
      deepEqual([await isCut(), await isCut(), await isCut()], [false, false, true])
      held[0]!.destroy()
      const client = await soon(() => RawWebSocket.open({ port }))
      // What has become a WebSocket is none of them.
      deepEqual([await isCut(), await isCut()], [false, true])
      client.destroy()
      await recorder.until(() => recorder.closed_.length === 1)
      equal(await isCut(), true)
      for (const socket of held) socket.destroy()
      await soon(async () => equal(await isCut(), false))
    })

    test('a JSON socket says so, takes text and is sent text', async () => {
      const { recorder, port } = await serve()
      const client = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'parley.v1.json')
      await once(client, 'open')
      client.send('{"type":"ping"}')
      await recorder.until(() => recorder.bytes.length > 0)
      deepEqual([recorder.bytes.toString(), recorder.sockets[0]!.wire], ['{"type":"ping"}', 'json'])
      const heard = once(client, 'message')
      equal(recorder.sockets[0]!.send(new TextEncoder().encode('{"type":"pong"}\n')), true)
      const [message, isBinary] = await heard
      deepEqual([`${message}`, isBinary], ['{"type":"pong"}\n', false])
      client.terminate()
    })

    test('a goodbye has a code and a reason; far above the limit a message ends the connection', async () => {
      const { recorder, port } = await serve()
      const [first, second] = [await RawWebSocket.open({ port }), await RawWebSocket.open({ port })]
      await recorder.until(() => recorder.sockets.length === 2)
      recorder.sockets[0]!.close(4402, 'bad-token')
      deepEqual(await first.closed, { code: 4402, reason: 'bad-token' })
      second.send(new Uint8Array(2 * LIMITS.messageBytesMax + 1))
      await second.closed
      equal(recorder.largest, 0)
    })
  })
}
