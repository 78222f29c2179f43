/**
 * What answers on the port beside WebSockets: health and figures for operators, `/v1` for applications, and the demo page.
 */
import type { Arrival, Entrance } from '../access/entrance.js'
import type { VerifyToken } from '../access/token.js'
import type { RefusalName } from '../domain/refusal.js'
import { isForwarded } from '../std/proxy-headers.js'
import type { ApiParts } from './api/api-parts.js'
import { answerDevelopment, type Development } from './development.js'
import { answerHealth } from './health.js'
import type { HttpAnswer, HttpRequest } from './message.js'
import { METRICS_TYPE } from './metrics-page.js'
import { problem } from './problem.js'
import type { WebPage } from './web-page.js'

export interface RoutesParts extends ApiParts {
  readonly isReady: () => boolean
  /** The text of /metrics. */
  readonly metrics: () => string
  readonly entrance: Pick<Entrance, 'refuses'>
  readonly verifyToken: VerifyToken
  /** Undefined outside development. */
  readonly development: Omit<Development, 'now'> | undefined
  /** Undefined where it is not to be served, or was not built. */
  readonly page: WebPage | undefined
  /** A token was not good. What the entrance and commands refuse is counted there. */
  refused(refusal: RefusalName): void
  /** A request failed of our own doing, and was answered with 500. */
  failed(path: string, cause: unknown): void
}

/** Neither throws nor rejects. */
export function httpRoutes(parts: RoutesParts): (request: HttpRequest) => Promise<HttpAnswer> {
  return async (request) => {
    try {
      const answered = await answer(request, parts)
      if ((answered.status === 401 || answered.refusal === 'bad-token-rate') && answered.refusal !== undefined)
        parts.refused(answered.refusal)
      return answered
    } catch (cause) {
      parts.failed(request.path, cause)
      return { ...problem('unknown-outcome', 'the server failed, and cannot say how far it came'), status: 500 }
    }
  }
}

async function answer(request: HttpRequest, parts: RoutesParts): Promise<HttpAnswer> {
  const { method, path } = request
  const isRead = method === 'GET' || method === 'HEAD'
  if (!path.startsWith('/v1/') && path !== '/metrics') {
    return isRead ? (parts.page?.(request) ?? answerHealth(path, parts.isReady)) : problem('no-such-address')
  }
  const refused = parts.entrance.refuses(arrivalOf(request))
  if (refused !== undefined) return problem(refused)
  if (path === '/metrics' && isRead) return { status: 200, contentType: METRICS_TYPE, body: parts.metrics() }
  const { development, now } = parts
  const answered = development && answerDevelopment(request, { ...development, now })
  if (answered !== undefined) return answered
  const { answerApi } = await import('./api/api.js')
  return (await answerApi(request, parts)) ?? problem('no-such-address')
}

function arrivalOf({ headers, remoteAddress }: HttpRequest): Arrival {
  const about = { host: headers.get('host') ?? '', origin: headers.get('origin') }
  return { remoteAddress, ...about, isForwarded: isForwarded([...headers.keys()]) }
}
