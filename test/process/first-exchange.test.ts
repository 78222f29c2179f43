/** The first exchange of docs/protocol.md, said to a real server as it is printed there, but for the token. */
import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { WebSocket } from 'ws'
import { signToken } from '../../src/access/token.js'
import { decodeFrame } from '../../src/protocol/decode.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { RawTcp } from '../support/raw-tcp.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

const PAGE = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
const PRINTED = /`(\w+)`, \d+ bytes\.\n\n```json\n(.+)\n```\n\n```text\n([\s\S]*?)```/g

const said = new Map(
  [...PAGE.matchAll(PRINTED)].map(([, name, json, dump]) => {
    const hex = dump!.split('\n').map((line) => line.slice(6, 42))
    return [name!, { json: json!, bytes: Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex')) }]
  }),
)
const token = () => signToken(SECRET, { app: 'demo', user: 'alice', expiresAt: Date.now() + 60_000 })

/** Clocks differ. */
function timeless({ serverTime: _, server_time: __, time: ___, ...rest }: Record<string, unknown>): object {
  return rest
}

test('as bytes over plain TCP', async () => {
  await using server = await ServerProcess.start({ environment: { PARLEY_TCP_PORT: '0' } })
  const socket = await RawTcp.open({ port: server.tcpPort })
  const answered = async () => timeless({ ...decodeFrame((await socket.receiveFrame())!) })
  const printed = (name: string) => timeless({ ...decodeFrame(said.get(name)!.bytes) })
  const hello = decodeFrame(said.get('Hello')!.bytes)
  equal(hello.kind, 'hello')
  if (hello.kind === 'hello') socket.send(encodeFrame({ ...hello, token: token() }))
  deepEqual(await answered(), printed('Welcome'))
  socket.send(said.get('Send')!.bytes)
  deepEqual(await answered(), printed('Ack'))
  socket.destroy()
})

test('as JSON over a WebSocket', async () => {
  await using server = await ServerProcess.start()
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/ws`, 'parley.v1.json')
  await once(socket, 'open')
  // A message is one line or several: what the list has to say of the new conversation may stand behind the Ack.
  const answered = async () => timeless(JSON.parse(`${(await once(socket, 'message'))[0]}`.split('\n')[0]!))
  const printed = (name: string) => timeless(JSON.parse(said.get(name)!.json))
  socket.send(said.get('Hello')!.json.replace('TOKEN', token()))
  deepEqual(await answered(), printed('Welcome'))
  socket.send(said.get('Send')!.json)
  deepEqual(await answered(), printed('Ack'))
  socket.terminate()
})
