import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { seededRandom } from '../std/random.js'
import { claimsOf } from './token-claims.js'
import { TokenLife } from './token-life.js'

const HOUR_MS = 60 * 60_000

function rig() {
  const clock = new ManualClock()
  let dueAt: number | undefined
  const due = () => {
    dueAt = clock.now()
  }
  const life = new TokenLife({ clock, random: seededRandom(1), due })
  const token = (leftMs: number) => {
    const claims = JSON.stringify({ sub: 'ålice', exp: (clock.now() + leftMs) / 1_000 })
    return `header.${Buffer.from(claims).toString('base64url')}.signature`
  }
  const startedAt = clock.now()
  return { clock, life, token, dueAfter: () => (dueAt === undefined ? undefined : dueAt - startedAt) }
}

test('the next token is due when eight to nine tenths of this one are over', () => {
  const { clock, life, token, dueAfter } = rig()
  life.begin(token(HOUR_MS))
  clock.advance(0.8 * HOUR_MS - 1_000)
  equal(dueAfter(), undefined)
  clock.advance(0.1 * HOUR_MS + 1_000)
  equal(dueAfter()! >= 0.8 * HOUR_MS - 1_000, true)
})

test("a clock that is wrong does no harm: the end is by the server's", () => {
  const { clock, life, token, dueAfter } = rig()
  life.serverSays(clock.now() + HOUR_MS / 2)
  life.begin(token(HOUR_MS))
  clock.advance(HOUR_MS / 2)
  equal(dueAfter()! >= 0.4 * HOUR_MS - 1_000 && dueAfter()! < 0.46 * HOUR_MS, true, `${dueAfter()}`)
})

test('a newer token takes the place of the last, and none is due after a stop', () => {
  const { clock, life, token, dueAfter } = rig()
  life.begin(token(10_000))
  life.begin(token(HOUR_MS))
  clock.advance(60_000)
  equal(dueAfter(), undefined)
  life.stop()
  clock.advance(HOUR_MS)
  equal(dueAfter(), undefined)
})

test('a token that is nearly over, endless or no JWT has no next one', () => {
  const { clock, life, token, dueAfter } = rig()
  for (const text of [token(2_000), token(-5), 'opaque', 'a.b.c', `x.${btoa('{}')}.y`, `x.${btoa('null')}.y`]) {
    life.begin(text)
    clock.advance(HOUR_MS)
  }
  equal(dueAfter(), undefined)
  deepEqual(claimsOf('opaque'), {})
  deepEqual(claimsOf(`x.${btoa('{"exp":7,"sub":"\xc3\xbc","app":1}')}.y`), { user: 'ü', end: 7_000 })
})
