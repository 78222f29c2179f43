/**
 * Key sets that an identity provider publishes (RFC 7517): fetched with bounds, and read with suspicion.
 */
import type { JwksSource, KeyDescription, PublicAlgorithm } from './access-config.js'
import { verifyingKey } from './verifying-key.js'

const FETCH_MS_MAX = 5_000
const BYTES_MAX = 64 * 1024
const KEYS_MAX = 32

/** Resolves with the keys that can be used, at least one. Throws an Error in all other cases. */
export async function fetchKeys(source: Pick<JwksSource, 'url' | 'algs'>): Promise<KeyDescription[]> {
  const answer = await fetch(source.url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error', // the operator named this address and no other
    signal: AbortSignal.timeout(FETCH_MS_MAX), // of the body, too
  })
  if (answer.status !== 200) {
    await answer.body?.cancel()
    throw new Error(`the key set's address answered ${answer.status}`)
  }
  return readKeySet(await boundedText(answer), source.algs)
}

/** Those of the set's keys that are for signatures and fit one of `algs`; throws where there is none. */
export function readKeySet(text: string, algs: readonly PublicAlgorithm[]): KeyDescription[] {
  const set: unknown = JSON.parse(text)
  const jwks = typeof set === 'object' && set !== null ? (set as { keys?: unknown }).keys : undefined
  if (!Array.isArray(jwks)) throw new Error('this is no key set: it has no list of keys')
  if (jwks.length > KEYS_MAX) throw new Error(`the key set has ${jwks.length} keys; ${KEYS_MAX} are read`)
  const keys = jwks.flatMap((jwk: unknown) => descriptionOf(jwk, algs) ?? [])
  if (keys.length === 0) throw new Error(`the key set has no key for ${algs.join(', ')}`)
  return keys
}

/** Undefined for keys of other kinds and uses, which a set may well hold beside ours. */
function descriptionOf(jwk: unknown, algs: readonly PublicAlgorithm[]): KeyDescription | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const fields = jwk as Record<string, unknown>
  const { kid, use, key_ops: operations } = fields
  if (use !== undefined && use !== 'sig') return undefined
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined
  if (kid !== undefined && typeof kid !== 'string') return undefined
  const alg = fields['alg'] ?? algOfType(fields)
  if (!algs.includes(alg as PublicAlgorithm)) return undefined
  const description = { ...(kid !== undefined && { kid }), alg: alg as PublicAlgorithm, jwk: fields }
  try {
    verifyingKey(description)
  } catch {
    return undefined
  }
  return description
}

function algOfType({ kty, crv }: Record<string, unknown>): PublicAlgorithm | undefined {
  if (kty === 'RSA') return 'RS256'
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  return kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined
}

async function boundedText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body ?? []) {
    size += chunk.length
    if (size > BYTES_MAX) throw new Error(`the key set is larger than ${BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
