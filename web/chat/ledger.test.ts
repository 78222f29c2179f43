import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { Ledger } from './ledger.js'

const ROOM = '2 demo'

/** Alice has sent message `id` to bob, at `now`. */
function ledgerWith(...ids: readonly string[]): Ledger {
  const ledger = new Ledger(() => {})
  for (const user of ['alice', 'bob']) ledger.connected(user, 0)
  for (const id of ids) ledger.sent(id, { conversation: ROOM, to: ['bob'], now: 0 })
  return ledger
}

function shown(user: string, seq: number, id: string, isNew = true) {
  return [user, { conversation: ROOM, seq, id, isNew }] as const
}

test('a message is sent, then durable, then received', () => {
  const ledger = ledgerWith('m1')
  deepEqual(ledger.figures(1), { sent: 1, acked: 0, refused: 0, received: 0, onTheWay: 1, lost: 0, doubled: 0 })
  ledger.acked('m1', 1, 5)
  ledger.shown(...shown('alice', 1, 'm1'))
  ledger.shown(...shown('bob', 1, 'm1'))
  deepEqual(ledger.figures(6), { sent: 1, acked: 1, refused: 0, received: 1, onTheWay: 0, lost: 0, doubled: 0 })
})

test('it may come up at the other before the sender hears that it is durable', () => {
  const ledger = ledgerWith('m1')
  ledger.shown(...shown('bob', 1, 'm1'))
  ledger.acked('m1', 1, 5)
  ledger.acked('m1', 1, 6)
  const { acked, received, onTheWay } = ledger.figures(7)
  deepEqual({ acked, received, onTheWay }, { acked: 1, received: 1, onTheWay: 0 })
})

test('a refused message is owed to nobody', () => {
  const ledger = ledgerWith('m1')
  ledger.refused('m1')
  ledger.refused('m1')
  const { refused, onTheWay, lost } = ledger.figures(60_000)
  deepEqual({ refused, onTheWay, lost }, { refused: 1, onTheWay: 0, lost: 0 })
})

test('a screen that shows what comes after a message without it has lost it, until it comes after all', () => {
  const ledger = ledgerWith('m1', 'm2')
  ledger.acked('m1', 1, 1)
  ledger.acked('m2', 2, 1)
  ledger.shown(...shown('bob', 2, 'm2'))
  equal(ledger.figures(2).lost, 1)
  ledger.shown(...shown('bob', 1, 'm1'))
  const { lost, received, doubled } = ledger.figures(3)
  deepEqual({ lost, received, doubled }, { lost: 0, received: 2, doubled: 0 })
})

test('a message that an online screen does not show for 10 s counts as lost; a cut one still waits for it', () => {
  const ledger = ledgerWith('m1')
  ledger.acked('m1', 1, 1_000)
  equal(ledger.figures(11_000).lost, 0)
  equal(ledger.figures(11_001).lost, 1)
  ledger.connected('bob', undefined)
  equal(ledger.figures(60_000).onTheWay, 1)
  ledger.connected('bob', 60_000)
  equal(ledger.figures(70_000).lost, 0)
  equal(ledger.figures(70_001).lost, 1)
})

test('a message is doubled where a screen shows it again, or at another place', () => {
  const ledger = ledgerWith('m1')
  ledger.acked('m1', 1, 1)
  ledger.shown(...shown('bob', 1, 'm1'))
  equal(ledger.figures(2).doubled, 0)
  ledger.shown(...shown('bob', 1, 'm1'))
  equal(ledger.figures(2).doubled, 1)
  ledger.shown(...shown('alice', 2, 'm1'))
  equal(ledger.figures(2).doubled, 2)
})

test('the past that was asked for doubles nothing, and may bring what was awaited', () => {
  const ledger = ledgerWith('m5')
  ledger.shown(...shown('bob', 9, 'other'))
  ledger.shown(...shown('bob', 3, 'older', false))
  ledger.shown(...shown('bob', 5, 'm5', false))
  const { doubled, received } = ledger.figures(1)
  deepEqual({ doubled, received }, { doubled: 0, received: 1 })
})
