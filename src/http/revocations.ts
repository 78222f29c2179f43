/**
 * `POST /v1/revocations {user?, issuedBefore?}`: takes back what tokens of a user, or of all users, of the caller's app were
 * issued before a time. Answered once that is durable; living connections of those tokens are closed.
 */
import type { RevokeOutcome } from '../access/access-change.js'
import type { Revocation } from '../access/revocations.js'
import type { Grant } from '../access/token.js'
import { ID_BYTES_MAX, isId, type UserId } from '../domain/ids.js'
import type { EpochMs } from '../std/clock.js'
import { type HttpAnswer, json } from './message.js'
import { problem } from './problem.js'

export type Revoke = (revocation: Revocation) => Promise<RevokeOutcome>

export async function answerRevocation(
  body: Uint8Array,
  caller: Grant,
  now: EpochMs,
  revoke: Revoke,
): Promise<HttpAnswer> {
  if (caller.role === 'member') return problem('role-needed')
  const asked = readRevocation(body, caller, now)
  if (typeof asked === 'string') return problem('bad-frame', asked)
  const outcome = await revoke(asked)
  if (outcome === 'full') return problem('revocations-full')
  if (outcome === 'busy') return problem('overloaded')
  if (outcome === 'failed') return problem('unknown-outcome')
  return json(200, asked)
}

/** The app is the caller's, whatever the body says. A text tells what is wrong. */
function readRevocation(body: Uint8Array, { app }: Grant, now: EpochMs): Revocation | string {
  let fields: unknown
  try {
    fields = JSON.parse(Buffer.from(body).toString('utf8') || '{}')
  } catch {
    return 'the body is JSON'
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return 'the body is a JSON object'
  const { user, issuedBefore = now, ...rest } = fields as Record<string, unknown>
  if (Object.keys(rest).length > 0) return 'the body has user and issuedBefore, and nothing else'
  if (typeof issuedBefore !== 'number' || !(issuedBefore >= 0 && issuedBefore <= now)) {
    return 'issuedBefore is a time in milliseconds since 1970, not in the future'
  }
  if (user === undefined) return { app, issuedBefore }
  if (typeof user !== 'string' || !isId(user, ID_BYTES_MAX)) return 'user is an id of 1 to 64 bytes'
  return { app, user: user as UserId, issuedBefore }
}
