/**
 * Tokens signed in every way there is, right and wrong, for tests of who is let in.
 */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface KeyPair {
  readonly alg: 'RS256' | 'ES256' | 'EdDSA'
  readonly kid: string
  readonly privateKey: KeyObject
  readonly pem: string
  readonly jwk: Record<string, unknown>
}

export function keyPair(alg: KeyPair['alg'], kid: string): KeyPair {
  const { publicKey, privateKey } = pairOf(alg)
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  return { alg, kid, privateKey, pem, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

function pairOf(alg: KeyPair['alg']) {
  if (alg === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return generateKeyPairSync('ed25519')
}

/** A JWT of any header and payload. */
export function jwt(header: object, payload: unknown, signer: (signed: string) => Buffer): string {
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${signer(signed).toString('base64url')}`
}

export function hmac(secret: string, hash = 'sha256'): (signed: string) => Buffer {
  return (signed) => createHmac(hash, secret).update(signed).digest()
}

export function signedBy({ alg, privateKey }: KeyPair): (signed: string) => Buffer {
  const key = alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey
  return (signed) => sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), key)
}

export function tokenOf(pair: KeyPair, payload: unknown, header: object = {}): string {
  return jwt({ alg: pair.alg, kid: pair.kid, ...header }, payload, signedBy(pair))
}
