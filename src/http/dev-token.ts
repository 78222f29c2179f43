/**
 * `GET /v1/dev/token?user=alice`: a token for whoever asks on this machine, in development only. Pages of other origins
 * cannot get one: what comes under another host name than loopback's, or says that a foreign page asks, is refused
 * (access/entrance.ts asks first), and a page that hides its origin cannot read the answer.
 */
import { isLoopback, plainAddress } from '../access/entrance.js'
import { signToken } from '../access/token.js'
import { ID_BYTES_MAX, isId } from '../domain/ids.js'
import type { EpochMs } from '../std/clock.js'
import { type HttpAnswer, type HttpRequest, json } from './message.js'
import { problem } from './problem.js'

const APP_DEFAULT = 'demo'
const TOKEN_MS = 60 * 60_000

export function answerDevToken(request: HttpRequest, secret: string, now: EpochMs): HttpAnswer {
  const { query, headers } = request
  if (!isLoopback(plainAddress(request.remoteAddress))) return problem('address-denied')
  const origin = headers.get('origin')
  if (origin === undefined && headers.get('sec-fetch-site') === 'cross-site') return problem('origin-denied')
  const app = query.get('app') ?? APP_DEFAULT
  const user = query.get('user') ?? ''
  const device = query.get('device') ?? undefined
  for (const id of [app, user, device ?? app]) if (!isId(id, ID_BYTES_MAX)) return problem('bad-id')
  const expiresAt = now + TOKEN_MS
  const token = signToken(secret, { app, user, ...(device !== undefined && { device }), issuedAt: now, expiresAt })
  // A page of this machine on another port, such as one under development, may read it.
  const readable = origin === undefined ? {} : { 'access-control-allow-origin': origin, vary: 'origin' }
  return json(200, { token, app, user, expiresAt }, readable)
}
