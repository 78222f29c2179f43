/**
 * Connection tokens: JWTs signed with HS256, checked once per connection.
 *
 * The header must name HS256 and nothing else is tried, so a token cannot choose its own check. A token names the
 * app and the user, may bind a device, and must end. The secret and the token never leave this file but as results.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { type AppId, type DeviceId, ID_BYTES_MAX, isId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EpochMs } from '../std/clock.js'

/** A shorter HS256 key is weaker than the signature it makes. */
export const SECRET_BYTES_MIN = 32

export interface TokenClaims {
  readonly app: string
  readonly user: string
  /** Absent: the token is good for any device of the user. */
  readonly device?: string
  /** Rounded down to whole seconds. */
  readonly expiresAt: EpochMs
}

export type TokenCheck =
  | { readonly ok: true; readonly app: AppId; readonly user: UserId; readonly device: DeviceId | undefined }
  | { readonly ok: false; readonly code: 'bad-token' | 'token-expired' }

export type VerifyToken = (token: string, now: EpochMs) => TokenCheck

const BAD: TokenCheck = { ok: false, code: 'bad-token' }
const HEADER = base64url(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))
const FORM = /^([\w-]+)\.([\w-]+)\.([\w-]{43})$/ // 43 characters are the 32 bytes of the signature

/** For applications written in JavaScript, the bench and tests; any JWT library makes the same. */
export function signToken(secret: string, claims: TokenClaims): string {
  const { app, user, device, expiresAt } = claims
  const payload = { app, sub: user, ...(device === undefined ? {} : { device }), exp: Math.floor(expiresAt / 1000) }
  const signed = `${HEADER}.${base64url(JSON.stringify(payload))}`
  return `${signed}.${signatureOf(keyOf(secret), signed).toString('base64url')}`
}

/** A check bound to one secret, given as text and used as its UTF-8 bytes. */
export function tokenVerifier(secret: string): VerifyToken {
  const key = keyOf(secret)
  return (token, now) => {
    if (token.length > LIMITS.tokenBytesMax) return BAD
    const parts = FORM.exec(token)
    if (parts === null) return BAD
    const header = parts[1]!
    const payload = parts[2]!
    const expected = signatureOf(key, `${header}.${payload}`)
    if (!timingSafeEqual(expected, Buffer.from(parts[3]!, 'base64url'))) return BAD
    if (header !== HEADER && !isHs256(header)) return BAD
    return checkClaims(jsonOf(payload), now)
  }
}

function checkClaims(claims: Record<string, unknown> | undefined, now: EpochMs): TokenCheck {
  if (claims === undefined) return BAD
  const { app, sub: user, device, exp } = claims
  if (!isIdClaim(app) || !isIdClaim(user) || typeof exp !== 'number') return BAD
  if (device !== undefined && !isIdClaim(device)) return BAD
  if (!(exp * 1000 > now)) return { ok: false, code: 'token-expired' }
  return { ok: true, app: app as AppId, user: user as UserId, device: device as DeviceId | undefined }
}

function isHs256(header: string): boolean {
  const fields = jsonOf(header)
  // `crit` names extensions that must be understood; we understand none.
  return fields !== undefined && fields['alg'] === 'HS256' && fields['crit'] === undefined
}

function isIdClaim(value: unknown): value is string {
  return typeof value === 'string' && isId(value, ID_BYTES_MAX)
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function signatureOf(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function keyOf(secret: string): KeyObject {
  return createSecretKey(secret, 'utf8')
}

function base64url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}
