import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { Unseen } from './unseen.js'

test('what is not on the screen is counted, what is on it is not', () => {
  const unseen = new Unseen()
  unseen.look('room')
  unseen.listed('room', 3)
  unseen.listed('bob', 2)
  equal(unseen.counts.get('room'), 0)
  equal(unseen.counts.get('bob'), 2)
  unseen.look('bob')
  unseen.listed('room', 5)
  equal(unseen.counts.get('bob'), 0)
  equal(unseen.counts.get('room'), 2)
})

test('what was looked at stays so, also after the user wrote and the list counts from there', () => {
  const unseen = new Unseen()
  unseen.look('bob')
  unseen.listed('bob', 4)
  unseen.look('room')
  unseen.listed('bob', 4)
  equal(unseen.counts.get('bob'), 0)
  unseen.listed('bob', 0)
  unseen.listed('bob', 1)
  equal(unseen.counts.get('bob'), 1)
})

test('a conversation of which nothing was heard yet may be looked at', () => {
  const unseen = new Unseen()
  unseen.look('new')
  equal(unseen.counts.get('new'), 0)
})
