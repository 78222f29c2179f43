import { deepEqual } from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'vitest'
import { signToken, tokenVerifier } from './token.js'

const SECRET = 'a secret of at least thirty-two bytes'
const NOON = 1_700_000_000_000
const verify = tokenVerifier(SECRET)

test('a signed token names app, user and device', () => {
  const token = signToken(SECRET, { app: 'shop', user: 'alice', device: 'phone', expiresAt: NOON + 5_000 })
  deepEqual(verify(token, NOON), { ok: true, app: 'shop', user: 'alice', device: 'phone' })
  const anyDevice = signToken(SECRET, { app: 'shop', user: 'ålice', expiresAt: NOON + 5_000 })
  deepEqual(verify(anyDevice, NOON), { ok: true, app: 'shop', user: 'ålice', device: undefined })
})

test('a token ends at its exp, not after it', () => {
  const token = signToken(SECRET, { app: 'shop', user: 'alice', expiresAt: NOON })
  deepEqual(verify(token, NOON - 1).ok, true)
  deepEqual(verify(token, NOON), { ok: false, code: 'token-expired' })
})

test('another secret, a changed byte, another algorithm, a claim that is no id: all bad', () => {
  const claims = { app: 'shop', user: 'alice', expiresAt: NOON + 5_000 }
  const good = signToken(SECRET, claims)
  const bad = [
    signToken('another secret of thirty-two bytes!!', claims),
    good.slice(0, -2),
    good.replace('.', '.A'),
    '',
    'a.b.c',
    jwt({ alg: 'none' }, { app: 'shop', sub: 'alice', exp: NOON }),
    jwt({ alg: 'HS512' }, { app: 'shop', sub: 'alice', exp: NOON }),
    jwt({ alg: 'HS256', crit: ['b64'] }, { app: 'shop', sub: 'alice', exp: NOON }),
    jwt({ alg: 'HS256' }, { app: 'shop', sub: 'alice' }),
    jwt({ alg: 'HS256' }, { app: 'shop', exp: NOON }),
    jwt({ alg: 'HS256' }, { app: 'shop', sub: 'a\u0000b', exp: NOON }),
    jwt({ alg: 'HS256' }, { app: 'shop', sub: 'alice', device: '', exp: NOON }),
    jwt({ alg: 'HS256' }, 'alice'),
    `${good}${'.x'.repeat(4096)}`,
  ]
  for (const token of bad) deepEqual(verify(token, NOON), { ok: false, code: 'bad-token' }, token.slice(0, 80))
})

test('a header in another order of fields is as good', () => {
  const token = jwt({ typ: 'JWT', kid: 'x', alg: 'HS256' }, { app: 'shop', sub: 'alice', exp: NOON })
  deepEqual(verify(token, NOON), { ok: true, app: 'shop', user: 'alice', device: undefined })
})

function jwt(header: unknown, payload: unknown): string {
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}
