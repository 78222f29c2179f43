import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { LIMITS } from '../domain/limits.js'
import { OutLink } from './out-link.js'

describe('a link, as the gateway worker holds it', () => {
  test('numbers its commands 1, 2, 3… and knows whose each is until it is answered, once', () => {
    const link = new OutLink(3)
    deepEqual([link.take(7, 70, 0), link.take(8, 80, 0)], [1, 2])
    equal(link.pending, 2)
    deepEqual([link.answered(2), link.refOf(2)], [8, 80])
    equal(link.answered(2), 0)
    deepEqual([link.answered(1), link.refOf(1)], [7, 70])
    equal(link.pending, 0)
  })

  test('does not know a k that it has not given, nor one long gone', () => {
    const link = new OutLink(3)
    equal(link.answered(1), 0)
    for (let k = 1; k <= 1_000; k++) {
      link.take(5, k, 0)
      link.answered(k)
    }
    equal(link.answered(1), 0)
    equal(link.answered(1_001), 0)
    link.take(6, 1, 0)
    for (let gone = 1; gone <= 1_000; gone++) equal(link.answered(gone), 0)
    equal(link.answered(1_001), 6)
  })

  test('holds exactly its limit unanswered, also where the oldest is the one that waits', () => {
    const link = new OutLink(3)
    for (let k = 1; k <= LIMITS.linkInFlightMax; k++) equal(link.take(5, k, 0), k)
    equal(link.take(5, 0, 0), 0)
    equal(link.answered(2), 5)
    equal(link.take(5, 0, 0), 0)
    equal(link.answered(1), 5)
    equal(link.take(6, 0, 0), LIMITS.linkInFlightMax + 1)
  })

  test('knows whether something has waited too long', () => {
    const link = new OutLink(3)
    equal(link.hasWaitedSince(1_000), false)
    const k = link.take(5, 1, 100)
    link.take(5, 2, 200)
    deepEqual(
      [100, 101].map((time) => link.hasWaitedSince(time)),
      [false, true],
    )
    link.answered(k)
    deepEqual(
      [200, 201].map((time) => link.hasWaitedSince(time)),
      [false, true],
    )
  })

  test('closed, gives back what was unanswered in order, and the next one begins at 1 under the next number', () => {
    const link = new OutLink(3)
    for (let at = 1; at <= 100; at++) link.take(at, at * 10, 0)
    for (let at = 1; at <= 100; at++) if (at % 25 !== 0) link.answered(at)
    link.isOpen = true
    deepEqual(
      link.close().map(({ connection, ref }) => [connection, ref]),
      [
        [25, 250],
        [50, 500],
        [75, 750],
        [100, 1000],
      ],
    )
    deepEqual([link.number, link.isOpen, link.pending, link.take(1, 1, 0)], [1, false, 0, 1])
  })

  test('whatever is taken and answered in whatever order, nobody hears what is for another', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 400, size: 'max' }), (steps) => {
        const link = new OutLink(0)
        const unanswered = new Map<number, number>()
        steps.forEach((step, at) => {
          const k = link.take(at + 1, at + 1_000, at)
          unanswered.set(k, at + 1)
          if (step % 2 === 0) return
          const asked = [...unanswered.keys()][step % unanswered.size]!
          equal(link.answered(asked), unanswered.get(asked))
          equal(link.refOf(asked), unanswered.get(asked)! + 999)
          unanswered.delete(asked)
        })
        equal(link.pending, unanswered.size)
        deepEqual(
          link.close().map(({ connection }) => connection),
          [...unanswered.values()],
        )
      }),
    )
  })
})
