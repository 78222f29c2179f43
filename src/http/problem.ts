/**
 * A refusal as HTTP says it (RFC 9457): the code and name are those of the catalogue, the status what proxies understand.
 */
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import type { HttpAnswer } from './message.js'

const STATUS_BY_HUNDREDS = [400, 503, 503, 403]
const STATUS: Partial<Record<RefusalName, number>> = {
  'bad-token': 401,
  'token-expired': 401,
  'token-revoked': 401,
  'token-not-yet': 401,
  'message-too-large': 413,
}

/** `detail` says what in this request was wrong, and quotes no secret. */
export function problem(name: RefusalName, detail: string = REFUSALS[name].advice): HttpAnswer {
  const { wire: code } = REFUSALS[name]
  const status = STATUS[name] ?? STATUS_BY_HUNDREDS[Math.floor(code / 100) - 11]!
  const body = { type: `urn:parley:refusal:${code}`, title: name, status, code, detail }
  return {
    status,
    contentType: 'application/problem+json',
    body: `${JSON.stringify(body)}\n`,
    headers: { 'cache-control': 'no-store', ...(status === 401 && { 'www-authenticate': 'Bearer' }) },
  }
}
