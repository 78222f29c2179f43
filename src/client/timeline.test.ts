import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import type { EventFrame } from '../protocol/decoded-frame.js'
import type { Command } from './command-queue.js'
import { Timeline } from './timeline.js'

test('what arrives twice or late is shown once and in order', () => {
  const { timeline, shown, take } = timelineOf()
  for (const seq of [1, 3, 1, 2, 3, 2]) take(seq)
  deepEqual(shown, [1, 2, 3])
  equal(timeline.isBehind, false)
})

test('a gap holds back what lies above it', () => {
  const { timeline, shown, take } = timelineOf()
  for (const seq of [1, 4, 5]) take(seq)
  deepEqual(shown, [1])
  equal(timeline.isBehind, true)
  for (const seq of [2, 3]) take(seq)
  deepEqual(shown, [1, 2, 3, 4, 5])
})

test('a skip counts as held, whether it comes before or after what it borders on', () => {
  const { timeline, shown, take } = timelineOf()
  take(1)
  take(6)
  timeline.skip(4, 5)
  timeline.skip(2, 4)
  deepEqual(shown, [1, 6])
  timeline.skip(3, 9)
  equal(timeline.held, 9)
})

test('an answer with a silent gap is an error, never the end', () => {
  const { timeline, take } = timelineOf()
  take(1)
  const end = { kind: 'history-end', ref: 1, conversationKind: 2, conversation: 'lunch', head: 3 } as const
  throws(() => timeline.answered({ ...end, from: 2, completeTo: 3 }), /left us at 1/)
  take(2)
  timeline.answered({ ...end, from: 2, completeTo: 2 })
  equal(timeline.isBehind, true)
})

test('a timeline may begin above the first seq, and what waited there is shown', () => {
  const { timeline, shown, take } = timelineOf()
  for (const seq of [902, 901, 904]) take(seq)
  timeline.startAfter(900)
  deepEqual(shown, [901, 902])
  timeline.startAfter(500)
  equal(timeline.held, 902)
  equal(timeline.isBehind, true)
})

function timelineOf() {
  const shown: number[] = []
  const timeline = new Timeline({ shown: (item) => shown.push(item.seq), moved: () => {} })
  const command: Command = { id: 'a', body: { kind: 'send', content: new Uint8Array() } }
  return { timeline, shown, take: (seq: number) => timeline.take({ kind: 'own', seq, time: 1, command }) }
}

test('knows whether it holds anything of a history that is lost from some seq on', () => {
  const { timeline } = timelineOf()
  const take = (seq: number, incarnation: number) => {
    const event = { incarnation } as unknown as EventFrame
    timeline.take({ kind: 'event', seq, event })
  }
  timeline.restore(3)
  deepEqual([timeline.hasOfBefore(2, 3), timeline.hasOfBefore(2, 4)], [true, false])
  take(4, 1)
  timeline.take({ kind: 'own', seq: 5, time: 0, command: {} as Command })
  deepEqual([timeline.hasOfBefore(2, 5), timeline.hasOfBefore(1, 5)], [true, false])
  take(6, 2)
  deepEqual([timeline.hasOfBefore(2, 6), timeline.hasOfBefore(2, 5)], [false, true])
  timeline.restart()
  equal(timeline.hasOfBefore(2, 1), false)
})
