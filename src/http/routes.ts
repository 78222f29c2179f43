/**
 * What answers on the port beside WebSockets: health for load balancers, `/v1` for applications, and the demo page.
 */
import type { Entrance } from '../access/entrance.js'
import type { VerifyToken } from '../access/token.js'
import type { EpochMs } from '../std/clock.js'
import { answerDevelopment, type Development } from './development.js'
import { answerHealth } from './health.js'
import type { HttpAnswer, HttpRequest } from './message.js'
import { METRICS_TYPE } from './metrics-page.js'
import { problem } from './problem.js'
import { answerRevocation, type Revoke } from './revocations.js'
import type { WebPage } from './web-page.js'

const TEXT = 'text/plain; charset=utf-8'

export interface RoutesParts {
  readonly isReady: () => boolean
  /** The text of /metrics. */
  readonly metrics: () => string
  readonly entrance: Pick<Entrance, 'refuses'>
  readonly verifyToken: VerifyToken
  readonly revoke: Revoke
  readonly now: () => EpochMs
  /** Undefined outside development. */
  readonly development: Omit<Development, 'now'> | undefined
  /** Undefined where it is not to be served, or was not built. */
  readonly page: WebPage | undefined
  /** A request failed of our own doing, and was answered with 500. */
  failed(path: string, cause: unknown): void
}

/** Neither throws nor rejects. */
export function httpRoutes(parts: RoutesParts): (request: HttpRequest) => Promise<HttpAnswer> {
  return async (request) => {
    try {
      return await answer(request, parts)
    } catch (cause) {
      parts.failed(request.path, cause)
      return { status: 500, contentType: TEXT, body: 'the server failed\n' }
    }
  }
}

function answer(request: HttpRequest, parts: RoutesParts): HttpAnswer | Promise<HttpAnswer> {
  const { method, path, headers, remoteAddress } = request
  if (!path.startsWith('/v1/')) {
    if (method !== 'GET' && method !== 'HEAD') return notFound()
    if (path === '/metrics') return { status: 200, contentType: METRICS_TYPE, body: parts.metrics() }
    return parts.page?.(request) ?? answerHealth(path, parts.isReady)
  }
  const arrival = { remoteAddress, host: headers.get('host') ?? '', origin: headers.get('origin') }
  const refused = parts.entrance.refuses(arrival)
  if (refused !== undefined) return problem(refused)
  const { development, now } = parts
  const answered = development && answerDevelopment(request, { ...development, now })
  if (answered !== undefined) return answered
  if (path === '/v1/revocations' && method === 'POST') return revocation(request, parts)
  return notFound()
}

function revocation({ headers, body }: HttpRequest, parts: RoutesParts): HttpAnswer | Promise<HttpAnswer> {
  const bearer = /^Bearer +([\w.-]+)$/i.exec(headers.get('authorization') ?? '')
  const now = parts.now()
  const caller = parts.verifyToken(bearer?.[1] ?? '', now)
  return caller.ok ? answerRevocation(body, caller, now, parts.revoke) : problem(caller.code)
}

function notFound(): HttpAnswer {
  return { status: 404, contentType: TEXT, body: 'not found\n' }
}
