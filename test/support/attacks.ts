/**
 * What people try with tokens, each with the code it must be refused with. The server knows the app `shop` with the keys
 * below, and the app `bank` with a secret of its own.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { AccessConfig, AppAccess } from '../../src/access/access-config.js'
import type { TokenRefusal } from '../../src/access/token.js'
import { hmac, jwt, keyPair, signedBy, tokenOf } from './tokens.js'

export const SHOP_SECRET = 'Wq8-shop-2Lr0Zt5Kx9Bv3Nm7Jc1Hd6Fg4'
export const BANK_SECRET = 'Ty3-bank-7Ui1Op9As5Df2Gh8Jk6Lz0Xc4'

const rsa = keyPair('RS256', 'rsa')
const ec = keyPair('ES256', 'ec')
const ed = keyPair('EdDSA', 'ed')
/** As the server's keys in all but the numbers. */
const strangers = { rsa: keyPair('RS256', 'rsa'), ec: keyPair('ES256', 'ec'), ed: keyPair('EdDSA', 'ed') }

export const APPS: readonly AppAccess[] = [
  {
    id: 'shop',
    keys: [
      { kid: 'old', alg: 'HS256', secret: `${SHOP_SECRET}-old` },
      { kid: 'new', alg: 'HS256', secret: SHOP_SECRET },
      { kid: 'rsa', alg: 'RS256', pem: rsa.pem },
      { kid: 'ec', alg: 'ES256', jwk: ec.jwk },
      { kid: 'ed', alg: 'EdDSA', pem: ed.pem },
    ],
  },
  {
    id: 'bank',
    keys: [{ kid: 'new', alg: 'HS256', secret: BANK_SECRET }],
    issuer: 'https://id.bank',
    audience: 'chat',
  },
]

/** Without lists. */
export function accessOfApps(apps: AccessConfig['apps']): AccessConfig {
  return { apps, origins: undefined, addresses: { allow: undefined, deny: [] } }
}

/** Tokens of alice of `shop` that are good at `now`. */
export function goodTokens(now: number): Record<string, string> {
  const claims = claimsAt(now)
  return {
    'the newer secret': jwt({ alg: 'HS256', kid: 'new' }, claims, hmac(SHOP_SECRET)),
    'the older secret': jwt({ alg: 'HS256', kid: 'old' }, claims, hmac(`${SHOP_SECRET}-old`)),
    RS256: tokenOf(rsa, claims),
    ES256: tokenOf(ec, claims),
    EdDSA: tokenOf(ed, claims),
  }
}

export function bankToken(now: number, user = 'alice', role = 'member'): string {
  const seconds = Math.floor(now / 1000)
  const claims = { iss: 'https://id.bank', aud: ['chat', 'mail'], sub: user, role, iat: seconds, exp: seconds + 3600 }
  return jwt({ alg: 'HS256', kid: 'new' }, claims, hmac(BANK_SECRET))
}

export function shopToken(now: number, changes: object = {}): string {
  return jwt({ alg: 'HS256', kid: 'new' }, { ...claimsAt(now), ...changes }, hmac(SHOP_SECRET))
}

export function attacks(now: number): Record<string, readonly [token: string, code: TokenRefusal]> {
  const claims = claimsAt(now)
  const seconds = Math.floor(now / 1000)
  const good = shopToken(now)
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const named = (changes: object) => shopToken(now, changes)
  const none = (alg: string) => jwt({ alg, kid: 'new' }, claims, () => Buffer.alloc(0))
  const { x, y, crv, kty } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  return {
    'no token': ['', 'bad-token'],
    'alg none, unsigned': [none('none'), 'bad-token'],
    'alg None, unsigned': [none('None'), 'bad-token'],
    'alg none with the signature of another token': [
      jwt({ alg: 'none', kid: 'new' }, claims, hmac(SHOP_SECRET)),
      'bad-token',
    ],
    'HMAC with the RSA key as the secret': [jwt({ alg: 'HS256', kid: 'rsa' }, claims, hmac(rsa.pem)), 'bad-token'],
    'HMAC with the RSA key, called RS256': [jwt({ alg: 'RS256', kid: 'rsa' }, claims, hmac(rsa.pem)), 'bad-token'],
    'HMAC with the Ed25519 key as the secret': [jwt({ alg: 'HS256', kid: 'ed' }, claims, hmac(ed.pem)), 'bad-token'],
    'HMAC with the JWK as the secret': [
      jwt({ alg: 'HS256', kid: 'ec' }, claims, hmac(JSON.stringify(ec.jwk))),
      'bad-token',
    ],
    'the secret called RS256': [jwt({ alg: 'RS256', kid: 'new' }, claims, hmac(SHOP_SECRET)), 'bad-token'],
    'HS512 with the right secret': [
      jwt({ alg: 'HS512', kid: 'new' }, claims, hmac(SHOP_SECRET, 'sha512')),
      'bad-token',
    ],
    'signed by another RSA key': [tokenOf(strangers.rsa, claims), 'bad-token'],
    'signed by another EC key': [tokenOf(strangers.ec, claims), 'bad-token'],
    'signed by another Ed25519 key': [tokenOf(strangers.ed, claims), 'bad-token'],
    'an ES256 signature of zeros': [jwt({ alg: 'ES256', kid: 'ec' }, claims, () => Buffer.alloc(64)), 'bad-token'],
    'a key of its own in the header': [
      jwt({ alg: 'ES256', kid: 'own', jwk: { x, y, crv, kty } }, claims, signedBy(strangers.ec)),
      'bad-token',
    ],
    'a key address in the header': [
      tokenOf(strangers.rsa, claims, { jku: 'https://evil.example/keys', x5u: 'https://evil.example/cert' }),
      'bad-token',
    ],
    'the right secret under another kid': [jwt({ alg: 'HS256', kid: 'old' }, claims, hmac(SHOP_SECRET)), 'bad-token'],
    'a kid that nobody has': [jwt({ alg: 'HS256', kid: '../new' }, claims, hmac(SHOP_SECRET)), 'bad-token'],
    'a kid that is no text': [jwt({ alg: 'HS256', kid: ['new'] }, claims, hmac(SHOP_SECRET)), 'bad-token'],
    'no kid where keys have names': [jwt({ alg: 'HS256' }, claims, hmac(SHOP_SECRET)), 'bad-token'],
    'a changed payload': [`${header}.${Buffer.from('{"app":"shop"}').toString('base64url')}.${signature}`, 'bad-token'],
    'half a signature': [`${header}.${payload}.${signature.slice(0, 20)}`, 'bad-token'],
    'an unknown critical extension': [
      jwt({ alg: 'HS256', kid: 'new', crit: ['b64'], b64: false }, claims, hmac(SHOP_SECRET)),
      'bad-token',
    ],
    'the key of shop for the app bank': [named({ app: 'bank', iss: 'https://id.bank', aud: 'chat' }), 'bad-token'],
    'the key of bank for the app shop': [jwt({ alg: 'HS256', kid: 'new' }, claims, hmac(BANK_SECRET)), 'bad-token'],
    'an app that is not served': [named({ app: 'toys' }), 'bad-token'],
    'no app': [named({ app: undefined }), 'bad-token'],
    'the app of another name in Object': [named({ app: '__proto__' }), 'bad-token'],
    'another issuer': [
      jwt({ alg: 'HS256', kid: 'new' }, { ...claims, app: 'bank', iss: 'https://evil.example' }, hmac(BANK_SECRET)),
      'bad-token',
    ],
    'another audience': [
      jwt(
        { alg: 'HS256', kid: 'new' },
        { ...claims, app: 'bank', iss: 'https://id.bank', aud: 'mail' },
        hmac(BANK_SECRET),
      ),
      'bad-token',
    ],
    'no user': [named({ sub: undefined }), 'bad-token'],
    'a user with a separator': [named({ sub: 'alice\u001fbob' }), 'bad-token'],
    // Three users in memory, of whom UTF-8 makes one.
    'a user of half a character': [named({ sub: '\ud800' }), 'bad-token'],
    'a user of the other half': [named({ sub: 'alice\udfff' }), 'bad-token'],
    'a device of half a character': [named({ device: '\ud800' }), 'bad-token'],
    'a role that is none': [named({ role: 'root' }), 'bad-token'],
    'no end': [named({ exp: undefined }), 'bad-token'],
    'an end that never comes': [good.replace(payload, ''), 'bad-token'],
    'an end too far for a number of milliseconds': [named({ exp: 1.7e308 }), 'bad-token'],
    'an end as text': [named({ exp: `${seconds + 3600}` }), 'bad-token'],
    expired: [named({ exp: seconds - 1 }), 'token-expired'],
    'not valid yet': [named({ nbf: seconds + 600 }), 'token-not-yet'],
    'issued in the future': [named({ iat: seconds + 600 }), 'token-not-yet'],
    'bound to another device': [named({ device: 'stolen-phone' }), 'bad-token'],
  }
}

function claimsAt(now: number) {
  const seconds = Math.floor(now / 1000)
  return { app: 'shop', sub: 'alice', iat: seconds, exp: seconds + 3600 }
}
