import { deepEqual, equal, fail } from 'node:assert/strict'
import { test } from 'vitest'
import { APPS, accessOfApps, attacks, bankToken, goodTokens, shopToken } from '../../test/support/attacks.js'
import { hmac, jwt, type KeyPair, keyPair, tokenOf } from '../../test/support/tokens.js'
import type { AppId, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { AccessChange } from './access-change.js'
import type { AccessConfig, AppAccess, KeyDescription, PublicAlgorithm } from './access-config.js'
import { JWKS_COOLDOWN_MS } from './key-ring.js'
import { SharedRates } from './shared-rates.js'
import { signToken, type TokenCheck } from './token.js'
import { WorkerAccess, type WorkerAccessParts } from './worker-access.js'

const SECRET = 'a secret of at least thirty-two bytes'
const NOON = 1_700_000_000_000
const parts = { limits: LIMITS, now: () => NOON, keyWanted: () => {}, isLoopbackOnly: false, secret: undefined }
/** Each with rates of its own, since most of what is tried here is no good. */
function opened(access: AccessConfig, others: Partial<WorkerAccessParts> = {}) {
  const rates = new SharedRates(SharedRates.memory(0))
  const opened = new WorkerAccess({ ...parts, rates, access, ...others })
  return {
    take: (change: AccessChange) => opened.take(change),
    verify: (token: string, now: number) => opened.verify(token, now, '10.0.0.1'),
  }
}
const { verify } = opened(accessOfApps(undefined), { secret: SECRET })
const withApps = () => opened(accessOfApps(APPS))

const published = (...algs: PublicAlgorithm[]) => ({ url: 'https://id.example/keys', algs, roles: ['member' as const] })

const grant = { ok: true, app: 'shop', user: 'alice', device: undefined, role: 'member', issuedAt: NOON }

/** What a token says, without where its key came from. */
function claimed(check: TokenCheck) {
  if (!check.ok) return check
  const { keyOrigin: _, ...claims } = check
  return claims
}

test('a signed token names app, user, device, role and times', () => {
  const claims = { app: 'shop', user: 'alice', expiresAt: NOON + 5_000 }
  const full = signToken(SECRET, { ...claims, device: 'phone', role: 'admin', issuedAt: NOON })
  deepEqual(claimed(verify(full, NOON)), { ...grant, device: 'phone', role: 'admin', expiresAt: NOON + 5_000 })
  const short = signToken(SECRET, { ...claims, user: 'ålice' })
  deepEqual(claimed(verify(short, NOON)), { ...grant, user: 'ålice', issuedAt: 0, expiresAt: NOON + 5_000 })
})

test('a token ends at its exp, not after it', () => {
  const token = signToken(SECRET, { app: 'shop', user: 'alice', expiresAt: NOON })
  deepEqual(verify(token, NOON - 1).ok, true)
  deepEqual(verify(token, NOON), { ok: false, code: 'token-expired' })
})

test('one that is signed by a clock a minute ahead is good, one second more is not', () => {
  const from = (seconds: number) => shopToken(NOON, { nbf: NOON / 1000 + seconds })
  const { verify: check } = withApps()
  deepEqual([check(from(60), NOON).ok, check(from(61), NOON)], [true, { ok: false, code: 'token-not-yet' }])
})

test('a key without a kid stands for every kid', () => {
  const token = jwt({ typ: 'JWT', kid: 'x', alg: 'HS256' }, { app: 'shop', sub: 'alice', exp: NOON }, hmac(SECRET))
  equal(verify(token, NOON).ok, true)
})

test('secrets old and new, RSA, EC and Ed25519 keys are good side by side', () => {
  const { verify: check } = withApps()
  for (const [how, token] of Object.entries(goodTokens(NOON))) {
    deepEqual(claimed(check(token, NOON)), { ...grant, expiresAt: NOON + 3_600_000 }, how)
  }
  deepEqual(claimed(check(bankToken(NOON), NOON)), { ...grant, app: 'bank', expiresAt: NOON + 3_600_000 })
})

test('every attack is refused with its code', () => {
  const { verify: check } = withApps()
  for (const [how, [token, code]] of Object.entries(attacks(NOON))) {
    if (how === 'bound to another device') continue // Hello compares that
    deepEqual(check(token, NOON), { ok: false, code }, how)
  }
  const endless = Buffer.from('{"app":"shop","sub":"alice","exp":1e999}').toString('base64url')
  const signed = `${shopToken(NOON).split('.')[0]}.${endless}`
  const token = `${signed}.${hmac(SECRET)(signed).toString('base64url')}`
  deepEqual(verify(token, NOON), { ok: false, code: 'bad-token' })
  deepEqual(verify(`${shopToken(NOON)}${'x'.repeat(4096)}`, NOON), { ok: false, code: 'bad-token' })
})

test('tokens issued before a revocation of the user or the app are refused, later ones are not', () => {
  const access = withApps()
  const issued = (seconds: number) => access.verify(shopToken(NOON, { iat: NOON / 1000 + seconds }), NOON)
  access.take({ kind: 'revoked', revocation: { app: 'shop' as AppId, user: 'alice' as UserId, issuedBefore: NOON } })
  deepEqual([issued(-1), issued(0).ok], [{ ok: false, code: 'token-revoked' }, true])
  equal(access.verify(shopToken(NOON, { iat: undefined }), NOON).ok, false)
  equal(access.verify(shopToken(NOON, { sub: 'bob', iat: 0 }), NOON).ok, true)
  equal(access.verify(bankToken(NOON - 2_000), NOON).ok, true)
  access.take({ kind: 'revoked', revocation: { app: 'shop' as AppId, issuedBefore: NOON - 500 } })
  deepEqual(access.verify(shopToken(NOON, { sub: 'bob', iat: 0 }), NOON), { ok: false, code: 'token-revoked' })
  equal(issued(0).ok, true)
})

test('keys that were fetched are good; one that may be newer is waited for and asked for, but not at every token', () => {
  const [first, second] = [keyPair('ES256', '1'), keyPair('ES256', '2')]
  const wanted: string[] = []
  let now = NOON
  const apps = [{ id: 'shop', keys: [], jwks: published('ES256') }]
  const access = opened(accessOfApps(apps), { now: () => now, keyWanted: (app) => wanted.push(app) })
  const claims = { app: 'shop', sub: 'alice', exp: NOON }
  const check = (pair: typeof first) => {
    const answer = access.verify(tokenOf(pair, claims), now - NOON)
    return answer.ok || answer.code
  }
  now = 2 * NOON - 100_000
  const fetched = (keys: readonly (typeof first)[]) =>
    access.take({
      kind: 'keys',
      fetched: {
        app: 'shop',
        keys: keys.map(({ jwk, kid, alg }) => ({ jwk, kid, alg })),
        fetchedAt: now - NOON,
      },
    })
  deepEqual([check(first), check(first), wanted], ['keys-loading', 'keys-loading', ['shop']])
  fetched([first])
  deepEqual([check(first), check(second)], [true, 'bad-token'])
  now += JWKS_COOLDOWN_MS
  deepEqual([check(second), wanted.length], ['keys-loading', 2])
  fetched([second])
  deepEqual([check(second), check(first)], [true, 'bad-token'])
})

/** An app with an address of keys that was read a minute ago and had these. */
function withPublished(app: Partial<AppAccess>, keys: readonly KeyDescription[], algs: PublicAlgorithm[]) {
  const access = opened(accessOfApps([{ id: 'shop', keys: [], jwks: published(...algs), ...app }]))
  access.take({ kind: 'keys', fetched: { app: 'shop', keys, fetchedAt: NOON - 60_000 } })
  return (token: string) => {
    const answer = access.verify(token, NOON)
    return answer.ok ? answer.role : answer.code
  }
}
const CLAIMS = { app: 'shop', sub: 'alice', exp: NOON }
const TOKEN = { app: 'shop', user: 'alice', expiresAt: NOON }
const described = ({ alg, kid, jwk }: KeyPair, name: string | undefined = kid) => {
  const { kid: _, ...nameless } = jwk
  return { alg, jwk: nameless, ...(name !== '' && { kid: name }) }
}

test('a key of our own without a kid does not stand in the way of keys that are published', () => {
  const [known, next] = [keyPair('RS256', 'known'), keyPair('RS256', 'next')]
  for (const own of [{ alg: 'HS256', secret: SECRET } as const, described(keyPair('RS256', 'own'), '')]) {
    const check = withPublished({ keys: [own] }, [described(known)], ['RS256'])
    deepEqual([check(tokenOf(known, CLAIMS)), check(tokenOf(next, CLAIMS))], ['member', 'keys-loading'])
  }
  const hs = jwt({ alg: 'HS256', kid: 'any' }, CLAIMS, hmac(SECRET))
  const check = withPublished({ keys: [{ alg: 'HS256', secret: SECRET }] }, [described(known)], ['RS256'])
  deepEqual([check(hs), check(`${hs.slice(0, -2)}AA`)], ['member', 'bad-token'])
})

test('keys that are published without a kid are all good, up to four; one kid may name a key of each algorithm', () => {
  const five = Array.from({ length: 5 }, () => keyPair('ES256', 'x'))
  const nameless = withPublished(
    {},
    five.map((pair) => described(pair, '')),
    ['ES256'],
  )
  deepEqual(
    five.map((pair) => nameless(tokenOf(pair, CLAIMS))),
    ['member', 'member', 'member', 'member', 'keys-loading'],
  )
  const [rsa, ec] = [keyPair('RS256', '1'), keyPair('ES256', '1')]
  const same = withPublished({}, [described(rsa), described(ec)], ['RS256', 'ES256'])
  deepEqual([same(tokenOf(rsa, CLAIMS)), same(tokenOf(ec, CLAIMS))], ['member', 'member'])
  deepEqual(same(tokenOf(rsa, CLAIMS, { alg: 'ES256' })), 'bad-token')
})

test('who publishes keys makes members only, but where the app says otherwise', () => {
  const pair = keyPair('ES256', '1')
  const boss = tokenOf(pair, { ...CLAIMS, role: 'admin' })
  equal(withPublished({}, [described(pair)], ['ES256'])(boss), 'bad-token')
  const jwks = { ...published('ES256'), roles: ['member' as const, 'admin' as const] }
  equal(withPublished({ jwks }, [described(pair)], ['ES256'])(boss), 'admin')
})

test('a changed configuration ends what rests on an app or key that is gone, and nothing else', () => {
  const [ec, other] = [keyPair('ES256', '1'), keyPair('ES256', '1')]
  const secrets = { old: { alg: 'HS256', secret: SECRET }, new: { alg: 'HS256', secret: `${SECRET}!` } } as const
  const jwks = published('ES256')
  const shop: AppAccess = { id: 'shop', keys: [secrets.old, secrets.new], jwks }
  const access = opened(accessOfApps([shop]))
  access.take({ kind: 'keys', fetched: { app: 'shop', keys: [described(ec)], fetchedAt: NOON - 60_000 } })
  const tokens = [signToken(SECRET, TOKEN), signToken(`${SECRET}!`, TOKEN), tokenOf(ec, CLAIMS)]
  const grants = tokens.map((token) => {
    const check = access.verify(token, NOON - 1)
    return check.ok ? check : fail(`${token} is refused with ${check.code}`)
  })
  const endedBy = (apps: readonly AppAccess[]) => {
    const ends = access.take({ kind: 'configured', access: accessOfApps(apps) })!
    return grants.map((grant) => ends(grant))
  }
  deepEqual(endedBy([shop]), [false, false, false])
  deepEqual(endedBy([{ ...shop, issuer: 'https://id.example', audience: 'chat' }]), [false, false, false])
  deepEqual(endedBy([{ ...shop, keys: [secrets.new] }]), [true, false, false])
  deepEqual(endedBy([shop]), [false, false, false])
  deepEqual(endedBy([{ id: 'shop', keys: shop.keys }]), [false, false, true])
  deepEqual(endedBy([{ ...shop, jwks: { ...jwks, url: 'https://id.example/others' } }]), [false, false, true])
  deepEqual(endedBy([{ ...shop, id: 'toys' }]), [true, true, true])
  endedBy([shop])
  // A set that comes back without a key ends nobody: it may come back with it.
  equal(access.take({ kind: 'keys', fetched: { app: 'shop', keys: [described(other)], fetchedAt: NOON } }), undefined)
})

test('keys that were fetched for a configuration of before are not taken', () => {
  const [ec, shop] = [keyPair('ES256', '1'), { id: 'shop', keys: [{ alg: 'HS256', secret: SECRET } as const] }]
  const access = opened(accessOfApps([shop]))
  access.take({ kind: 'keys', fetched: { app: 'shop', keys: [described(ec)], fetchedAt: NOON } })
  deepEqual(access.verify(tokenOf(ec, CLAIMS), NOON - 1), { ok: false, code: 'bad-token' })
})
