import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { userOfToken } from './token-text.js'

function tokenOf(payload: unknown): string {
  return `head.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.signature`
}

test('a token names its user, in any script and with space around it', () => {
  equal(userOfToken(tokenOf({ app: 'demo', sub: 'alice' })), 'alice')
  equal(userOfToken(`  ${tokenOf({ sub: '小明' })}\n`), '小明')
})

test('what is no token names nobody', () => {
  for (const text of ['', 'alice', 'a.b.c', tokenOf({ app: 'demo' }), tokenOf({ sub: '' }), tokenOf({ sub: 7 })]) {
    equal(userOfToken(text), undefined)
  }
})
