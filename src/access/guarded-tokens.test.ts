import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { guardedTokens } from './guarded-tokens.js'
import { SharedRates } from './shared-rates.js'
import type { TokenCheck } from './token.js'

const NOON = 1_700_000_000_000
const MAX = 200
const limits = { badTokensPerSecondMax: MAX }

/** A checker that says what the token's text says, and counts how often it was asked. */
function rig(memory = SharedRates.memory(1)) {
  let asked = 0
  const check = (token: string): TokenCheck => {
    asked++
    return token === 'good' ? ({ ok: true } as TokenCheck) : ({ ok: false, code: token } as TokenCheck)
  }
  const verify = guardedTokens({ check }, new SharedRates(memory), limits)
  const codes = (count: number, token: string, address = '10.0.0.1', now = NOON) => {
    const codes = new Map<string, number>()
    for (let n = 0; n < count; n++) {
      const answer = verify(token, now, address)
      const code = answer.ok ? 'good' : answer.code
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    return Object.fromEntries(codes)
  }
  return { codes, asked: () => asked }
}

test('so many forged tokens of an address are checked in a second, and then none, good ones neither', () => {
  const { codes, asked } = rig()
  deepEqual(codes(MAX - 1, 'bad-token'), { 'bad-token': MAX - 1 })
  deepEqual([codes(1, 'keys-loading'), codes(3, 'bad-token')], [{ 'keys-loading': 1 }, { 'bad-token-rate': 3 }])
  deepEqual([codes(1, 'good'), asked()], [{ 'bad-token-rate': 1 }, MAX])
  // Another address has its own, the next second a new one; a host has all of its /64.
  deepEqual(codes(1, 'good', '10.0.0.2'), { good: 1 })
  deepEqual(codes(1, 'good', '10.0.0.1', NOON + 1_000), { good: 1 })
  codes(MAX, 'bad-token', '2001:db8::1')
  deepEqual(codes(1, 'good', '2001:db8::2'), { 'bad-token-rate': 1 })
})

test('good tokens are never held back, nor a crowd whose tokens have expired', () => {
  const { codes } = rig()
  deepEqual(codes(3 * MAX, 'good'), { good: 3 * MAX })
  for (const code of ['token-expired', 'token-revoked', 'token-not-yet']) {
    deepEqual(codes(2 * MAX, code), { [code]: 2 * MAX })
  }
})

test('all workers of a process count together', () => {
  const memory = SharedRates.memory(1)
  const [one, other] = [rig(memory), rig(memory)]
  one.codes(MAX, 'bad-token')
  deepEqual(other.codes(1, 'bad-token'), { 'bad-token-rate': 1 })
})
