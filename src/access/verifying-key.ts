/**
 * A key with the one algorithm that it checks. What a token says of its algorithm is compared with that and chooses
 * nothing: neither `none`, nor HMAC with a public key as the secret, gets as far as a signature.
 */
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { Algorithm, KeyDescription, PublicAlgorithm } from './access-config.js'

/** A shorter HS256 key is weaker than the signature it makes. */
export const SECRET_BYTES_MIN = 32
const RSA_BITS_MIN = 2048

export interface VerifyingKey {
  readonly kid: string | undefined
  readonly alg: Algorithm
  /** `signed` is the token up to its last dot. */
  isSignature(signed: string, signature: Buffer): boolean
}

/** Throws an Error that says what is wrong with the key, without the key. */
export function verifyingKey(description: KeyDescription): VerifyingKey {
  const { kid, alg } = description
  const check = description.alg === 'HS256' ? secretCheck(description.secret) : publicCheck(description)
  return { kid, alg, isSignature: check }
}

type Check = VerifyingKey['isSignature']

function secretCheck(secret: string): Check {
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) throw new Error(`a secret has at least ${SECRET_BYTES_MIN} bytes`)
  const key = createSecretKey(secret, 'utf8')
  return (signed, signature) => {
    const expected = createHmac('sha256', key).update(signed).digest()
    return signature.length === expected.length && timingSafeEqual(expected, signature)
  }
}

function publicCheck(description: Exclude<KeyDescription, { readonly alg: 'HS256' }>): Check {
  const key = 'pem' in description ? keyOfPem(description.pem) : keyOfJwk(description.jwk)
  assertFits(key, description.alg)
  switch (description.alg) {
    case 'RS256':
      return (signed, signature) => verify('sha256', Buffer.from(signed), key, signature)
    case 'ES256':
      // JWTs carry r and s side by side; OpenSSL's own form is DER.
      return (signed, signature) =>
        signature.length === 64 && verify('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'EdDSA':
      return (signed, signature) => verify(null, Buffer.from(signed), key, signature)
  }
}

function keyOfPem(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) throw new Error('this is a private key; give the public one')
  try {
    return createPublicKey(pem)
  } catch (cause) {
    throw new Error('this is no public key in PEM', { cause })
  }
}

function keyOfJwk(jwk: Readonly<Record<string, unknown>>): KeyObject {
  if ('d' in jwk) throw new Error('this is a private key; give the public one')
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch (cause) {
    throw new Error('this is no public key as JWK', { cause })
  }
}

function assertFits(key: KeyObject, alg: PublicAlgorithm): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const fits = {
    RS256: type === 'rsa',
    ES256: type === 'ec' && details?.namedCurve === 'prime256v1',
    EdDSA: type === 'ed25519',
  }
  if (!fits[alg]) throw new Error(`a key of type ${type} is not for ${alg}`)
  if (alg === 'RS256' && (details?.modulusLength ?? 0) < RSA_BITS_MIN) {
    throw new Error(`an RSA key has at least ${RSA_BITS_MIN} bits`)
  }
}
