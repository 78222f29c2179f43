/**
 * Decides who speaks on a connection, from its Hello: the token says app and user, the frame says device and lane.
 */
import type { Session } from '../actors/peers.js'
import { ActorKind, actorKey, type DeviceId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { Bytes } from '../std/bytes.js'
import type { EpochMs } from '../std/clock.js'
import type { VerifyToken } from './token.js'

export type Greeting =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly code: Extract<RefusalName, 'bad-token' | 'token-expired'> }

/** `frame` has read a verified Hello from `bytes`. */
export function greet(
  connection: number,
  frame: ClientFrame,
  bytes: Bytes,
  verifyToken: VerifyToken,
  now: EpochMs,
): Greeting {
  const checked = verifyToken(frame.token(bytes), now)
  if (!checked.ok) return checked
  const { app, user } = checked
  const device = frame.device(bytes) as DeviceId
  // A token bound to a device is of no use to another, even of the same user.
  if (checked.device !== undefined && checked.device !== device) return { ok: false, code: 'bad-token' }
  const inbox = actorKey(app, ActorKind.inbox, user)
  return { ok: true, session: { connection, app, user, device, inbox, laneNumber: 0, laneRandom: 0n } }
}
