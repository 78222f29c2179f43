import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { type GatewayHandle, InLink, isBelow } from './owner-link.js'

const NOBODY = {} as GatewayHandle

test('an owner takes each k once and in order; a late copy is stale, a missing one a hole', () => {
  const link = new InLink(NOBODY, 0, 0)
  const take = (k: number) => link.take(k)
  deepEqual([1, 2, 2, 1, 4, 3, 4].map(take), ['next', 'next', 'stale', 'stale', 'hole', 'next', 'next'])
})

test('a lost first command is a hole', () => {
  deepEqual(new InLink(NOBODY, 0, 0).take(2), 'hole')
})

test('generations are compared by incarnation first, then by epoch', () => {
  const at = (logIncarnation: number, epoch: number) => ({ logIncarnation, epoch })
  deepEqual(
    [
      isBelow(at(1, 5), at(1, 6)),
      isBelow(at(1, 6), at(1, 6)),
      isBelow(at(1, 9), at(2, 1)),
      isBelow(at(2, 1), at(1, 9)),
    ],
    [true, false, true, false],
  )
})
