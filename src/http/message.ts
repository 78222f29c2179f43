/**
 * An HTTP request and its answer, whatever server carries them.
 */
import type { RefusalName } from '../domain/refusal.js'

export interface HttpRequest {
  /** In capitals. */
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in small letters. */
  readonly headers: ReadonlyMap<string, string>
  readonly remoteAddress: string
  /** At most LIMITS.httpBodyBytesMax; more was refused with 413. */
  readonly body: Uint8Array
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** What it says no with; for the figures. */
  readonly refusal?: RefusalName
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  // An answer is for who asked: no cache keeps it, no browser takes it for a script.
  const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  return {
    status,
    contentType: 'application/json',
    body: `${JSON.stringify(value)}\n`,
    headers: { ...always, ...headers },
  }
}
