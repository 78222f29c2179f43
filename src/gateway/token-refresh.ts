/**
 * Hello on an open connection: a fresh token for the same user, device and lane, so that a connection outlives the token
 * it began with. Answered here with a Welcome, without a word to the user's shard; refused, the connection rests on what it
 * had. Bounded in time, since a signature costs far more to check than to send.
 */
import type { Grant, VerifyToken } from '../access/token.js'
import type { DeviceId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import { writeWelcome } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { Bytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { GatewayLimits } from './limits.js'
import type { Partings } from './partings.js'
import type { RetryAfter } from './retry-after.js'
import type { SendQueues } from './send-queues.js'

export interface TokenRefreshParts {
  readonly clock: Clock
  readonly limits: GatewayLimits
  readonly verifyToken: VerifyToken
  readonly queues: SendQueues
  readonly partings: Pick<Partings, 'refuse'>
  readonly retryAfter: RetryAfter
}

export class TokenRefresh {
  readonly #parts: TokenRefreshParts

  constructor(parts: TokenRefreshParts) {
    this.#parts = parts
  }

  /** `frame` has read a verified Hello from `bytes`. False where it is of another device or lane: that is no refresh. */
  take(connection: Connection, frame: ClientFrame, bytes: Bytes): boolean {
    const { clock, limits, partings } = this.#parts
    const { device, laneNumber, laneRandom } = connection.session!
    const isSameLane = frame.laneRandom === laneRandom && (frame.laneNumber === 0 || frame.laneNumber === laneNumber)
    if (frame.device(bytes) !== device || !isSameLane) return false
    const { ref } = frame
    const refuse = (name: RefusalName, retryAfterMs: number) => partings.refuse(connection, name, ref, 0, retryAfterMs)
    const now = clock.monotonic()
    if (now - connection.refreshedAt < limits.tokenRefreshMs) {
      refuse('too-many-requests', limits.tokenRefreshMs)
      return true
    }
    connection.refreshedAt = now
    const refusal = this.#refresh(connection, frame, bytes)
    if (refusal !== undefined) refuse(refusal, this.#parts.retryAfter.ofHelloMs(refusal, clock.now()))
    return true
  }

  #refresh(connection: Connection, frame: ClientFrame, bytes: Bytes): RefusalName | undefined {
    const { clock, verifyToken, queues } = this.#parts
    const { app, user, device, laneNumber: number, laneRandom: random } = connection.session!
    const checked = verifyToken(frame.token(bytes), clock.now(), connection.socket.remoteAddress)
    if (!checked.ok) return checked.code
    if (checked.app !== app || checked.user !== user || !isForDevice(checked, device)) return 'bad-token'
    restOn(connection, checked)
    const serverTime = clock.now()
    writeWelcome(queues.frames(connection), { ref: frame.ref, app, user, device, lane: { number, random }, serverTime })
    return undefined
  }
}

/** A token bound to a device is of no use to another, even of the same user. */
export function isForDevice(grant: Grant, device: DeviceId): boolean {
  return grant.device === undefined || grant.device === device
}

/** From now on the connection lives as long as this token. */
export function restOn(connection: Connection, { issuedAt, expiresAt, keyOrigin }: Grant): void {
  connection.tokenIssuedAt = issuedAt
  connection.tokenExpiresAt = expiresAt
  connection.tokenKeyOrigin = keyOrigin
}
