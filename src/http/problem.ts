/**
 * A refusal as HTTP says it (RFC 9457): the code and name are those of the catalogue, the status what proxies understand.
 */
import { isFinal, REFUSALS, type RefusalName } from '../domain/refusal.js'
import type { HttpAnswer } from './message.js'

const STATUS_BY_HUNDREDS = [400, 503, 503, 403]
const STATUS: Partial<Record<RefusalName, number>> = {
  'bad-token': 401,
  'token-expired': 401,
  'token-revoked': 401,
  'token-not-yet': 401,
  'body-too-large': 413,
  'message-too-large': 413,
  'no-such-conversation': 404,
  'no-such-address': 404,
  'already-exists': 409,
  'nothing-to-change': 409,
  'key-reused': 422,
  'too-many-requests': 429,
  'app-rate': 429,
  'bad-token-rate': 429,
}

/** `detail` says what in this request was wrong, and quotes no secret. What will never be accepted has no time to come again. */
export function problem(
  name: RefusalName,
  detail: string = REFUSALS[name].advice,
  retryAfterMs: number = 0,
): HttpAnswer {
  const { wire: code } = REFUSALS[name]
  const status = STATUS[name] ?? STATUS_BY_HUNDREDS[Math.floor(code / 100) - 11]!
  const comeAgain = retryAfterMs > 0 && !isFinal(name)
  const again = comeAgain ? { retry_after_ms: retryAfterMs } : {}
  const body = { type: `urn:parley:refusal:${code}`, title: name, status, code, detail, ...again }
  return {
    status,
    refusal: name,
    contentType: 'application/problem+json',
    body: `${JSON.stringify(body)}\n`,
    headers: {
      'cache-control': 'no-store',
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(comeAgain && { 'retry-after': `${Math.ceil(retryAfterMs / 1000)}` }),
    },
  }
}
