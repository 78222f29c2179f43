/**
 * The measure: what the same sockets, frames and machine give when a server does nothing but pass messages on.
 *
 * A bare uWebSockets relay: no tokens, no log, no store, no membership. It speaks just enough of the protocol for the
 * same clients, and its frames have the sizes of the server's. What arrives in one turn of the event loop leaves as one
 * WebSocket message per socket; a group's bytes of a turn are built once. `--no-batch` sends each frame by itself.
 */
import * as uWS from 'uWebSockets.js'
import { LIMITS } from '../src/domain/limits.js'
import { writeAck, writeWelcome } from '../src/protocol/answer-frames.js'
import { ClientFrame } from '../src/protocol/client-frame.js'
import { EVENT, EventTemplate } from '../src/protocol/event-frame.js'
import { BodyType, EventKind } from '../src/protocol/wire-numbers.js'
import { Bytes, GrowingBytes, writeU53 } from '../src/std/bytes.js'

interface Peer {
  readonly socket: uWS.WebSocket<Place>
  readonly user: string
  readonly laneRandom: bigint
  /** What leaves at the end of this turn. */
  readonly out: GrowingBytes
  isDirty: boolean
  room: Room | undefined
  /** An Event of this peer in its room, all but its numbers and content; made with the first message. */
  event: Uint8Array | undefined
  contentAt: number
}

/** A conversation: two peers, or a group with its own bytes of the turn. */
interface Room {
  readonly isGroup: boolean
  readonly peers: Peer[]
  readonly out: GrowingBytes
  isDirty: boolean
  head: number
}

interface Place {
  peer: Peer | undefined
}

const isBatching = !process.argv.includes('--no-batch')
const APP = 'bench'
const GROUP = 2
const rooms = new Map<string, Room>()
const peersByUser = new Map<string, Peer>()
const dirtyPeers: Peer[] = []
const dirtyRooms: Room[] = []
let isFlushDue = false
const request = new ClientFrame()

uWS
  .App()
  .ws<Place>('/v1/ws', {
    maxPayloadLength: LIMITS.messageBytesMax,
    maxBackpressure: 256 * 1024 * 1024,
    idleTimeout: 0,
    upgrade(response, upgrade, context) {
      const key = upgrade.getHeader('sec-websocket-key')
      response.upgrade({ peer: undefined }, key, upgrade.getHeader('sec-websocket-protocol'), '', context)
    },
    message(socket, message) {
      const bytes = Bytes.over(new Uint8Array(message))
      for (let start = 0; start < bytes.size; start += 4 + bytes.view.getUint32(start, true))
        received(socket, bytes, start)
    },
    close(socket) {
      const { peer } = socket.getUserData()
      if (peer !== undefined) peersByUser.delete(peer.user)
    },
  })
  .listen('127.0.0.1', 0, (listening) => {
    if (!listening) throw new Error('Cannot listen on 127.0.0.1')
    process.stdout.write(`relay on 127.0.0.1:${uWS.us_socket_local_port(listening)}\n`)
  })

function received(socket: uWS.WebSocket<Place>, bytes: Bytes, start: number): void {
  request.read(bytes, start)
  if (request.type === BodyType.send) sent(socket.getUserData().peer!, bytes)
  else if (request.type === BodyType.hello) socket.getUserData().peer = greeted(socket, bytes)
  else if (request.type === BodyType.change) changed(socket.getUserData().peer!, bytes)
}

function greeted(socket: uWS.WebSocket<Place>, bytes: Bytes): Peer {
  const claims = JSON.parse(Buffer.from(request.token(bytes).split('.')[1]!, 'base64url').toString()) as { sub: string }
  const { laneRandom } = request
  const out = new GrowingBytes()
  const about = { room: undefined, event: undefined, contentAt: 0 }
  const peer: Peer = { socket, user: claims.sub, laneRandom, out, isDirty: false, ...about }
  peersByUser.set(peer.user, peer)
  const lane = { number: 1, random: laneRandom }
  const who = { app: APP, user: peer.user, device: request.device(bytes) }
  writeWelcome(out, { ref: request.ref, ...who, lane, serverTime: Date.now() })
  touch(peer)
  return peer
}

function changed(peer: Peer, bytes: Bytes): void {
  const room = roomOf(request.conversation(bytes), true)
  for (const user of [peer.user, ...request.users(bytes)]) {
    const member = peersByUser.get(user)
    if (member === undefined || member.room === room) continue
    member.room = room
    room.peers.push(member)
  }
  writeAck(peer.out, { ref: request.ref, n: request.n, seq: ++room.head, time: Date.now(), flags: 0 })
  touch(peer)
}

function sent(peer: Peer, bytes: Bytes): void {
  const room = peer.room ?? join(request.conversation(bytes))
  const event = peer.event ?? eventOf(peer, bytes)
  const seq = ++room.head
  const to = room.isGroup ? room : room.peers[0] === peer ? room.peers[1]! : room.peers[0]!
  const at = to.out.reserve(event.length)
  const { u8, view } = to.out.bytes
  u8.set(event, at)
  u8.set(bytes.u8.subarray(request.contentStart, request.contentEnd), at + peer.contentAt)
  writeU53(view, at + EVENT.seq, seq)
  writeU53(view, at + EVENT.n, request.n)
  if (room.isGroup) touchRoom(room)
  else touch(to as Peer)
  writeAck(peer.out, { ref: request.ref, n: request.n, seq, time: 0, flags: 0 })
  touch(peer)
}

function join(conversation: string): Room {
  const room = roomOf(conversation, request.conversationKind === GROUP)
  for (const user of conversation.split('\u001f')) {
    const member = peersByUser.get(user)!
    member.room = room
    room.peers.push(member)
  }
  return room
}

function roomOf(conversation: string, isGroup: boolean): Room {
  const room = rooms.get(conversation) ?? { isGroup, peers: [], out: new GrowingBytes(), isDirty: false, head: 0 }
  rooms.set(conversation, room)
  return room
}

/** All messages of one peer have one size, so its events do, too. */
function eventOf(peer: Peer, bytes: Bytes): Uint8Array {
  const conversation = request.conversation(bytes)
  const who = {
    app: APP,
    conversation,
    conversationKind: request.conversationKind,
    from: peer.user,
    device: 'bench',
  }
  const numbers = { seq: 0, time: 0, ordinal: 0, memberSeq: 0, n: 0, lane: 1, incarnation: 1, hash: 0 }
  const stamp = { ...numbers, laneRandom: peer.laneRandom, eventKind: EventKind.message }
  const out = new GrowingBytes()
  new EventTemplate(who).write(out, stamp, bytes, request.contentStart, request.contentEnd)
  peer.event = out.written().slice()
  const content = Buffer.from(bytes.u8.subarray(request.contentStart, request.contentEnd))
  peer.contentAt = Buffer.from(peer.event).indexOf(content)
  return peer.event
}

function touch(peer: Peer): void {
  if (!peer.isDirty) dirtyPeers.push(peer)
  peer.isDirty = true
  flushLater()
}

function touchRoom(room: Room): void {
  if (!room.isDirty) dirtyRooms.push(room)
  room.isDirty = true
  flushLater()
}

function flushLater(): void {
  if (!isBatching) {
    flush()
    return
  }
  if (!isFlushDue) setImmediate(flush)
  isFlushDue = true
}

function flush(): void {
  isFlushDue = false
  for (const room of dirtyRooms) {
    room.isDirty = false
    const bytes = room.out.written()
    for (const peer of room.peers) peer.socket.send(bytes, true)
    room.out.clear()
  }
  dirtyRooms.length = 0
  for (const peer of dirtyPeers) {
    peer.isDirty = false
    peer.socket.send(peer.out.written(), true)
    peer.out.clear()
  }
  dirtyPeers.length = 0
}
