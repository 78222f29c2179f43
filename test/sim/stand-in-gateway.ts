/** TODO goes when src/gateway has its own; sockets and the actors' side joined without any limit. */
import type { Commands, Delivered, GatewayEnd, Session } from '../../src/actors/peers.js'
import {
  type ActorKey,
  ActorKind,
  type AppId,
  actorKey,
  type DeviceId,
  shardOf,
  type UserId,
} from '../../src/domain/ids.js'
import { REFUSALS } from '../../src/domain/refusal.js'
import type { Socket, SocketListener } from '../../src/gateway/socket-server.js'
import { decodeFrame } from '../../src/protocol/decode.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import type { Bytes } from '../../src/std/bytes.js'

export class StandInGateway implements GatewayEnd, SocketListener {
  readonly #commands: Commands
  readonly #shardCount: number
  readonly #byConnection = new Map<number, { socket: Socket; session: Session }>()
  readonly #bySocket = new Map<Socket, Session>()
  #next = 1

  constructor(commands: Commands, shardCount: number) {
    this.#commands = commands
    this.#shardCount = shardCount
  }

  opened(): void {}
  drained(): void {}

  received(socket: Socket, message: Bytes): void {
    let at = 0
    while (at < message.size) {
      const end = at + 4 + message.view.getUint32(at, true)
      this.#frame(socket, message, at, end)
      at = end
    }
  }

  #frame(socket: Socket, bytes: Bytes, start: number, end: number): void {
    const frame = decodeFrame(bytes.u8.subarray(start, end))
    if (frame.kind === 'hello') {
      const user = frame.token as UserId
      const inbox = actorKey('app', ActorKind.inbox, user)
      const device = frame.device as DeviceId
      const session: Session = {
        connection: this.#next++,
        app: 'app' as AppId,
        user,
        device,
        inbox,
        laneNumber: 0,
        laneRandom: 0n,
      }
      this.#byConnection.set(session.connection, { socket, session })
      this.#bySocket.set(socket, session)
      return this.#command(socket, session, inbox, frame.ref, bytes, start, end)
    }
    const session = this.#bySocket.get(socket)
    if (session === undefined) return
    if (frame.kind === 'ping') socket.send(encodeFrame({ kind: 'pong', ref: frame.ref, serverTime: 0 }))
    if (frame.kind !== 'send' && frame.kind !== 'change' && frame.kind !== 'void' && frame.kind !== 'history') return
    if (frame.kind === 'send' && frame.content.byteLength > 65_536)
      return this.#refuse(socket, frame.ref, 'body-too-large')
    const target = actorKey('app', frame.conversationKind as ActorKind, frame.conversation)
    this.#command(socket, session, target, frame.ref, bytes, start, end)
  }

  #command(socket: Socket, session: Session, target: ActorKey, ref: number, bytes: Bytes, start: number, end: number) {
    if (!this.#commands.command(session, target, ref, bytes, start, end)) this.#refuse(socket, ref, 'mailbox-full')
  }

  #refuse(socket: Socket, ref: number, name: keyof typeof REFUSALS): void {
    const { wire: code } = REFUSALS[name]
    socket.send(encodeFrame({ kind: 'refusal', ref, n: 0, code, retryAfterMs: 50, expected: 0, name, advice: '' }))
  }

  closed(socket: Socket): void {
    const session = this.#bySocket.get(socket)
    if (session === undefined) return
    this.#bySocket.delete(socket)
    this.#byConnection.delete(session.connection)
    this.#commands.ended(session)
  }

  answer(connection: number, _ref: number, bytes: Bytes, start: number, end: number): void {
    const found = this.#byConnection.get(connection)
    if (found === undefined) return
    const frame = decodeFrame(bytes.u8.slice(start, start + 4 + bytes.view.getUint32(start, true)))
    if (frame.kind === 'welcome') {
      found.session.laneNumber = frame.lane.number
      found.session.laneRandom = frame.lane.random
    }
    found.socket.send(bytes.u8.subarray(start, end))
  }

  unknown(connection: number, ref: number): void {
    const found = this.#byConnection.get(connection)
    if (found !== undefined) this.#refuse(found.socket, ref, 'unknown-outcome')
  }

  deliver(
    connections: ArrayLike<number>,
    count: number,
    _what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    for (let at = 0; at < count; at++)
      this.#byConnection.get(connections[at]!)?.socket.send(bytes.u8.subarray(start, end))
  }

  *sessionsOf(shard: number): Iterable<Session> {
    for (const { session } of this.#byConnection.values())
      if (shardOf(session.inbox, this.#shardCount) === shard) yield session
  }
}
