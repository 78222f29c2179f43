/**
 * From Hello to Welcome: who speaks on a connection, and in which lane. The token says app and user, the frame says
 * device and lane; the user's shard confirms the lane, because it must be logged before anything is sent in it.
 *
 * Commands that a client sends right behind its Hello are held until then, so that resuming costs one round trip.
 */
import type { VerifyToken } from '../access/token.js'
import type { Commands, Session } from '../actors/peers.js'
import { ActorKind, actorKey, type DeviceId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import { readWelcome } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { bodyTypeOf } from '../protocol/table.js'
import { BodyType } from '../protocol/wire-numbers.js'
import { type Bytes, GrowingBytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { GatewayLimits } from './limits.js'
import type { Rates } from './rates.js'
import { isForDevice, restOn } from './token-refresh.js'

export interface HellosParts {
  readonly commands: Commands
  readonly clock: Clock
  readonly verifyToken: VerifyToken
  readonly limits: GatewayLimits
  readonly connections: Connections
  readonly rates: Rates
}

export class Hellos {
  readonly #parts: HellosParts

  constructor(parts: HellosParts) {
    this.#parts = parts
  }

  /** `frame` has read a verified Hello from `bytes`. Gives the connection its session, or says why not. */
  begin(connection: Connection, frame: ClientFrame, bytes: Bytes): Session | RefusalName {
    const { clock, verifyToken, connections, rates } = this.#parts
    const checked = verifyToken(frame.token(bytes), clock.now(), connection.socket.remoteAddress)
    if (!checked.ok) return checked.code
    const { app, user } = checked
    const device = frame.device(bytes) as DeviceId
    if (!isForDevice(checked, device)) return 'bad-token'
    const inbox = actorKey(app, ActorKind.inbox, user)
    const session = {
      connection: connection.number,
      app,
      user,
      device,
      inbox,
      laneNumber: 0,
      laneRandom: 0n,
      startedAt: 0,
      isHeard: false,
    }
    if (!connections.addSession(session)) return 'user-connections'
    connection.rates = rates.enter(session)
    connection.session = session
    connection.phase = 'greeting'
    restOn(connection, checked)
    return session
  }

  /** The user's shard has answered: the connection is open, or may say Hello again. */
  answered(connection: Connection, bytes: Bytes, start: number): void {
    if (bodyTypeOf(bytes, start) !== BodyType.welcome) return this.endSession(connection)
    const { lane, serverTime } = readWelcome(bytes, start)
    const session = connection.session!
    session.laneNumber = lane.number
    session.laneRandom = lane.random
    session.startedAt = serverTime
    connection.phase = 'open'
  }

  /** It has said something since Welcome. */
  heard(session: Session): void {
    session.isHeard = true
    this.#parts.commands.heard(session)
  }

  /** Keeps a frame until Welcome; false where too much is kept already. */
  hold(connection: Connection, bytes: Bytes, start: number, end: number): boolean {
    connection.held ??= new GrowingBytes()
    if (connection.held.size + end - start > this.#parts.limits.messageBytesMax) return false
    connection.held.appendFrom(bytes, start, end)
    return true
  }

  /** Tells the user's shard, wherever the connection stands. */
  endSession(connection: Connection): void {
    const { session } = connection
    if (session === undefined) return
    connection.session = undefined
    if (!connection.isClosed) connection.phase = 'new'
    connection.rates = undefined
    this.#parts.rates.leave(session)
    this.#parts.connections.removeSession(session)
    this.#parts.commands.ended(session)
  }
}
