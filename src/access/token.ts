/**
 * Tokens: JWTs that name an app, a user and an end, checked once per Hello and per HTTP request. A token chooses neither
 * its key nor its algorithm: the app it names says which keys there are, `kid` which of them, the key how it is checked.
 *
 * No await, no network: keys are there, or the client comes again. The secret and the token never leave this file but
 * as results.
 */
import { createHmac } from 'node:crypto'
import { type AppId, type DeviceId, ID_BYTES_MAX, isId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EpochMs } from '../std/clock.js'
import type { AppKey, KeyOrigin, KeyRing } from './key-ring.js'
import type { Revocations } from './revocations.js'
import type { Role } from './role.js'

export interface TokenClaims {
  readonly app: string
  readonly user: string
  /** Absent: the token is good for any device of the user. */
  readonly device?: string
  /** By default a member. */
  readonly role?: Role
  /** Rounded down to whole seconds, as is `expiresAt`. Absent: any revocation of the user takes this token back. */
  readonly issuedAt?: EpochMs
  readonly expiresAt: EpochMs
}

/** What a token that holds says. */
export interface Grant {
  readonly app: AppId
  readonly user: UserId
  readonly device: DeviceId | undefined
  readonly role: Role
  /** 0 where the token does not say. */
  readonly issuedAt: EpochMs
  readonly expiresAt: EpochMs
  /** Of the key that has checked it. */
  readonly keyOrigin: KeyOrigin
}

export type TokenRefusal =
  | 'bad-token'
  | 'token-expired'
  | 'token-not-yet'
  | 'token-revoked'
  | 'keys-loading'
  | 'bad-token-rate'
export type TokenCheck = ({ readonly ok: true } & Grant) | { readonly ok: false; readonly code: TokenRefusal }
/** `remoteAddress`: of whoever has brought it. */
export type VerifyToken = (token: string, now: EpochMs, remoteAddress: string) => TokenCheck

/** For applications written in JavaScript, the bench and tests; any JWT library makes the same. */
export function signToken(secret: string, claims: TokenClaims, kid?: string): string {
  const { app, user, device, role, issuedAt, expiresAt } = claims
  const header = { alg: 'HS256', typ: 'JWT', ...(kid !== undefined && { kid }) }
  const payload = {
    app,
    sub: user,
    ...(device !== undefined && { device }),
    ...(role !== undefined && { role }),
    ...(issuedAt !== undefined && { iat: Math.floor(issuedAt / 1000) }),
    exp: Math.floor(expiresAt / 1000),
  }
  const signed = `${base64url(header)}.${base64url(payload)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** How far the clock of who signs may be ahead of ours, for `nbf` and `iat`. The end is the end. */
export const CLOCK_SKEW_MS = 60_000
const FORM = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
/** Headers are the same for all tokens of a key; a stranger's are forgotten with the rest. */
const HEADERS_KEPT = 256

interface Header {
  readonly alg: unknown
  readonly kid: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

export interface TokenCheckerParts {
  readonly keys: KeyRing
  readonly revocations: Revocations
  /** A token names a key that the app's JWKS address may have published since. May be called often. */
  keyWanted(app: string): void
}

export class TokenChecker {
  readonly #parts: TokenCheckerParts
  readonly #headers = new Map<string, Header | undefined>()

  constructor(parts: TokenCheckerParts) {
    this.#parts = parts
  }

  readonly check = (token: string, now: EpochMs): TokenCheck => {
    if (token.length > LIMITS.tokenBytesMax) return no('bad-token')
    const parts = FORM.exec(token)
    if (parts === null) return no('bad-token')
    const header = this.#headerOf(parts[1]!)
    const claims = jsonOf(parts[2]!)
    if (header === undefined || claims === undefined) return no('bad-token')
    const app = this.#appOf(claims)
    const choice = app === undefined ? undefined : this.#parts.keys.keysOf(app)?.choose(header.kid, header.alg, now)
    if (choice === undefined) return no('bad-token')
    const signed = token.slice(0, token.length - parts[3]!.length - 1)
    const signature = Buffer.from(parts[3]!, 'base64url')
    for (const key of choice.keys) if (key.isSignature(signed, signature)) return this.#grant(claims, key, now)
    if (!choice.isPending) return no('bad-token')
    this.#parts.keyWanted(app!)
    return no('keys-loading')
  }

  /** Believed only as far as its keys go. */
  #appOf({ app, iss }: Fields): string | undefined {
    if (app !== undefined) return isIdClaim(app) ? app : undefined
    return typeof iss === 'string' ? this.#parts.keys.appOfIssuer(iss) : undefined
  }

  #grant(claims: Fields, { roles, origin: keyOrigin }: AppKey, now: EpochMs): TokenCheck {
    const { sub: user, device, role = 'member', exp, nbf = 0, iat = 0, iss, aud } = claims
    const app = this.#appOf(claims)!
    const { issuer, audience } = this.#parts.keys.keysOf(app)!
    if (!isIdClaim(user) || (device !== undefined && !isIdClaim(device))) return no('bad-token')
    if (!isTime(exp) || !isTime(nbf) || !isTime(iat)) return no('bad-token')
    if (!roles.includes(role as Role)) return no('bad-token')
    if (issuer !== undefined && iss !== issuer) return no('bad-token')
    if (audience !== undefined && aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) {
      return no('bad-token')
    }
    if (!(exp * 1000 > now)) return no('token-expired')
    if (Math.max(nbf, iat) * 1000 > now + CLOCK_SKEW_MS) return no('token-not-yet')
    const grant = {
      app: app as AppId,
      user: user as UserId,
      device: device as DeviceId | undefined,
      role: role as Role,
      issuedAt: iat * 1000,
      expiresAt: exp * 1000,
      keyOrigin,
    }
    if (this.#parts.revocations.covers(grant.app, grant.user, grant.issuedAt)) return no('token-revoked')
    return { ok: true, ...grant }
  }

  #headerOf(text: string): Header | undefined {
    if (this.#headers.has(text)) return this.#headers.get(text)
    if (this.#headers.size >= HEADERS_KEPT) this.#headers.clear()
    const header = readHeader(text)
    this.#headers.set(text, header)
    return header
  }
}

function readHeader(text: string): Header | undefined {
  const fields = jsonOf(text)
  // `crit` names extensions that must be understood; we understand none.
  if (fields === undefined || fields['crit'] !== undefined) return undefined
  const { alg, kid } = fields
  return kid === undefined || typeof kid === 'string' ? { alg, kid } : undefined
}

function no(code: TokenRefusal): TokenCheck {
  return { ok: false, code }
}

function isIdClaim(value: unknown): value is string {
  return typeof value === 'string' && isId(value, ID_BYTES_MAX)
}

/** JSON's 1e999 is Infinity, and so are 1.7e308 seconds in milliseconds: a token that never ends. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value * 1000)
}

function jsonOf(part: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url')
}
