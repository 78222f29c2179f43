/** What a JWT says of itself, which we cannot check and need not: it is the server's to believe. */
import type { EpochMs } from '../std/clock.js'
import type { Token } from './token-source.js'

export interface Claims {
  readonly app?: string
  readonly user?: string
  /** When it ends. */
  readonly end?: EpochMs
}

const utf8 = new TextDecoder()

/** None of a token that is no JWT. */
export function claimsOf(token: string): Claims {
  const payload = token.split('.')[1]
  if (payload === undefined) return {}
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (byte) => byte.charCodeAt(0))
    const claims: unknown = JSON.parse(utf8.decode(bytes))
    if (typeof claims !== 'object' || claims === null) return {}
    const { app, sub, exp } = claims as { app?: unknown; sub?: unknown; exp?: unknown }
    return {
      ...(typeof app === 'string' && { app }),
      ...(typeof sub === 'string' && { user: sub }),
      ...(typeof exp === 'number' && Number.isFinite(exp) && { end: exp * 1_000 }),
    }
  } catch {
    return {}
  }
}

/** Undefined where it gives no token. */
export async function claimsOfSource(token: Token): Promise<Claims | undefined> {
  try {
    return claimsOf(typeof token === 'string' ? token : await token())
  } catch {
    return undefined
  }
}
