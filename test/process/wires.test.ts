/**
 * One server, three wires: devices of FlatBuffers, JSON and plain TCP in one group see the same, and all are told when it
 * stops.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import { signToken } from '../../src/access/token.js'
import { encodeContent } from '../../src/protocol/content.js'
import { decodeFrame } from '../../src/protocol/decode.js'
import type { EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { frameToJson } from '../../src/protocol/json-frames.js'
import { ChatClient } from '../support/chat-client.js'
import { RawTcp } from '../support/raw-tcp.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const text = (value: string) => new TextEncoder().encode(value)
const tokenOf = (user: string) => signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 60_000 })
const team = { conversationKind: 2, conversation: 'team' }

/** What wscat is: lines of text out and in. */
class JsonClient {
  readonly closed: Promise<[number, string]>
  readonly #socket: WebSocket
  readonly #lines: Record<string, unknown>[] = []
  #changed = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (message, isBinary) => {
      equal(isBinary, false)
      for (const line of `${message}`.trim().split('\n')) this.#lines.push(JSON.parse(line))
      this.#changed()
    })
    this.closed = once(socket, 'close').then(([code, reason]) => [code, `${reason}`])
  }

  static async open(port: number, user: string): Promise<JsonClient> {
    const client = new JsonClient(new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'parley.v1.json'))
    await once(client.#socket, 'open')
    client.say({
      type: 'hello',
      ref: 1,
      token: tokenOf(user),
      device: 'shell',
      lane: { random: '18446744073709551615' },
    })
    const welcome = await client.heard('welcome')
    deepEqual(welcome['lane'], { number: 1, random: '18446744073709551615' })
    return client
  }

  say(...lines: readonly object[]): void {
    this.#socket.send(lines.map((line) => JSON.stringify(line)).join('\n'))
  }

  /** The next frame of that type; those before it are dropped. */
  async heard(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.#lines.shift()
      if (line?.['type'] === type) return line
      if (line === undefined)
        await new Promise<void>((resolve) => {
          this.#changed = resolve
        })
    }
  }
}

async function tcpHeard(socket: RawTcp, kind: string): Promise<Record<string, unknown>> {
  for (;;) {
    const frame = decodeFrame((await socket.receiveFrame())!)
    if (frame.kind === kind) return frame as unknown as Record<string, unknown>
  }
}

test('devices of three wires chat in one group', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  const alice = await ChatClient.open({ port: server.port, user: 'alice' })
  const bob = await JsonClient.open(server.port, 'bob')
  const carol = await RawTcp.open({ port: server.tcpPort })
  const say = (frame: EncodableFrame) => carol.send(encodeFrame(frame))
  say({ kind: 'hello', ref: 1, token: tokenOf('carol'), device: 'meter', lane: { number: 0, random: 3n } })
  equal((await tcpHeard(carol, 'welcome'))['user'], 'carol')

  const users = ['bob', 'carol']
  const created = await alice.ask((ref) => ({ kind: 'change', ref, n: 1, ...team, action: 1, users }))
  equal(created.kind, 'ack')
  const place = { kind: 'group', conversation: 'team' }
  bob.say(
    { type: 'send', ref: 2, n: 1, ...place, content: { message_id: '7', text: 'from JSON 🍜' } },
    { type: 'ping', ref: 3 },
  )
  equal((await bob.heard('ack'))['seq'], 2)
  const content = encodeContent({ messageId: 8n, contentType: 'text/plain', body: text('from TCP') })
  say({ kind: 'send', ref: 2, n: 1, ...team, content })
  equal((await tcpHeard(carol, 'ack'))['seq'], 3)

  bob.say({ type: 'history', ref: 4, ...place, mode: 'after', anchor: 1, limit: 10 })
  await bob.heard('event') // seq 1 or 3, delivered
  await alice.until(() => alice.events.length === 2)
  deepEqual(
    alice.events.map((event) => JSON.parse(frameToJson(encodeFrame(event))!).content.text),
    ['from JSON 🍜', 'from TCP'],
  )
  equal((await bob.heard('history_end'))['complete_to'], 3)

  // What is typed again is the same send: a content of JSON becomes the same bytes each time.
  bob.say({ type: 'send', ref: 5, n: 1, ...place, content: { message_id: '7', text: 'from JSON 🍜' } })
  deepEqual([(await bob.heard('ack'))['flags']], [1])

  void server.stop()
  equal((await bob.heard('refusal'))['name'], 'draining')
  deepEqual(await bob.closed, [4301, 'draining'])
  equal((await tcpHeard(carol, 'refusal'))['name'], 'draining')
  equal(await carol.receiveFrame(), undefined)
  deepEqual(await alice.closed, { code: 4301, reason: 'draining' })
})

test('what is no frame is refused with words, on plain TCP too', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  const browser = await RawTcp.open({ port: server.tcpPort, preface: text('GET / HTTP/1.1\r\n\r\n') })
  equal((await tcpHeard(browser, 'refusal'))['name'], 'bad-frame')
  equal(await browser.receiveFrame(), undefined)
  const huge = await RawTcp.open({ port: server.tcpPort })
  huge.send(new Uint8Array(300 * 1024).fill(0x44)) // a size prefix of a gigabyte
  equal((await tcpHeard(huge, 'refusal'))['name'], 'message-too-large')
  const person = await JsonClient.open(server.port, 'bob')
  person.say({ type: 'ping', ref: -1 })
  equal((await person.heard('refusal'))['name'], 'bad-frame')
  deepEqual(await person.closed, [4101, 'bad-frame'])
})

test('the port of plain TCP is 7701 beside the default one, off beside another, and refused where it is taken', async () => {
  await using quiet = await ServerProcess.start()
  equal(/➜ +tcp /.test(quiet.stdout), false)
  await using spoken = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  match(spoken.stdout, /➜ +tcp +127\.0\.0\.1:\d+, the same frames without WebSocket\n/)
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port } = stranger.address() as { port: number }
  await using refused = ServerProcess.begin({ environment: { PARLEY_TCP_PORT: `${port}` } })
  equal((await refused.ended).code, 78)
  match(refused.stderr, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken.*PARLEY_TCP_PORT`))
  stranger.close()
})
