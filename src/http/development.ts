/**
 * What only development has, and only for this machine: tokens for whoever asks, and workers that die at a button.
 *
 *   GET  /v1/dev/token?user=alice     a token
 *   POST /v1/dev/kill-workers         every worker of the process dies, and is started again
 *
 * Pages of other origins get neither: what comes under another host name than loopback's, or says that a foreign page
 * asks, is refused (access/entrance.ts asks first), and a page that hides its origin is told nothing it can read.
 */
import { createHash } from 'node:crypto'
import { isLoopback, plainAddress } from '../access/address.js'
import { signToken } from '../access/token.js'
import { ID_BYTES_MAX, isId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { EpochMs } from '../std/clock.js'
import { type HttpAnswer, type HttpRequest, json } from './message.js'
import { problem } from './problem.js'

export interface Development {
  /** Signs the tokens. */
  readonly secret: string
  readonly now: () => EpochMs
  /** They die soon, this one too: not before the answer has left. Returns how many they are. */
  killWorkers(): number
}

const APP_DEFAULT = 'demo'
const TOKEN_MS = 60 * 60_000

/** Undefined where there is nothing under this path. */
export function answerDevelopment(request: HttpRequest, development: Development): HttpAnswer | undefined {
  const { method, path } = request
  const isToken = path === '/v1/dev/token' && method === 'GET'
  const isKill = path === '/v1/dev/kill-workers' && method === 'POST'
  if (!isToken && !isKill) return undefined
  const refused = refusesAsker(request)
  if (refused !== undefined) return problem(refused)
  return isToken ? answerToken(request, development) : json(202, { workers: development.killWorkers() })
}

function refusesAsker({ remoteAddress, headers }: HttpRequest): RefusalName | undefined {
  if (!isLoopback(plainAddress(remoteAddress))) return 'address-denied'
  const isForeign = headers.get('origin') === undefined && headers.get('sec-fetch-site') === 'cross-site'
  return isForeign ? 'origin-denied' : undefined
}

function answerToken({ query, headers }: HttpRequest, { secret, now }: Development): HttpAnswer {
  const app = query.get('app') ?? APP_DEFAULT
  const user = query.get('user') ?? ''
  const device = query.get('device') ?? undefined
  for (const id of [app, user, device ?? app]) if (!isId(id, ID_BYTES_MAX)) return problem('bad-id')
  const issuedAt = now()
  const expiresAt = issuedAt + TOKEN_MS
  const token = signToken(secret, { app, user, ...(device !== undefined && { device }), issuedAt, expiresAt })
  // A page of this machine on another port, such as one under development, may read it.
  const origin = headers.get('origin')
  const readable = origin === undefined ? {} : { 'access-control-allow-origin': origin, vary: 'origin' }
  return json(200, { token, app, user, expiresAt, data: dataName(secret) }, readable)
}

/** The secret was drawn with the data folder, so it tells one from another; nobody finds 256 random bits by their hash. */
function dataName(secret: string): string {
  return createHash('sha256').update(`data of ${secret}`).digest('base64url').slice(0, 16)
}
