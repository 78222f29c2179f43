import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { decodeFrames } from '../src/protocol/decode.js'
import type { Bytes } from '../src/std/bytes.js'
import type { Connection } from './connection.js'
import { Outgoing } from './outgoing.js'
import { bodyOf } from './send-slots.js'
import { Tally } from './tally.js'

const LETTER = { conversationKind: 2, conversations: ['c'], client: 0, body: bodyOf(0, 16) }

test('closed loop: an ack makes one more due, counted from the moment its slot was free', () => {
  const { outgoing, sent, tally } = sender()
  tally.measuredFrom = 0
  outgoing.start(3, undefined, 100)
  deepEqual(sent(), [1, 2, 3])
  outgoing.acked(0, 1, 11, 150)
  outgoing.flush(150)
  deepEqual(sent(), [4])
  equal(outgoing.dueAt(4), 150)
  equal(outgoing.dueAt(3), 100)
  equal(tally.ack.maxMicros, 50_000)
})

test('open loop: messages wait for the window, and their latency for the schedule', () => {
  const { outgoing, sent, tally } = sender()
  tally.measuredFrom = 0
  outgoing.start(2, { startsAt: 10, everyMs: 5 }, 10)
  for (let due = 0; due < 4; due++) outgoing.becomeDue()
  outgoing.flush(30)
  deepEqual(sent(), [1, 2])
  outgoing.acked(0, 1, 1, 40)
  equal(tally.ack.maxMicros, 30_000)
  outgoing.acked(0, 2, 2, 40)
  outgoing.flush(40)
  deepEqual(sent(), [3, 4])
  equal(outgoing.dueAt(4), 25)
})

test('stop() counts what waited in vain with the time it waited', () => {
  const { outgoing, tally } = sender()
  tally.measuredFrom = 0
  outgoing.start(1, { startsAt: 0, everyMs: 10 }, 0)
  for (let due = 0; due < 5; due++) outgoing.becomeDue()
  outgoing.flush(40)
  equal(outgoing.stop(1000), 4)
  equal(tally.ack.count, 4)
  equal(tally.ack.maxMicros, 990_000)
  equal(outgoing.unanswered, 1)
})

test('a refusal to wait is obeyed once, and everything from the refused n goes out again in order', () => {
  const { outgoing, sent, refs } = sender()
  outgoing.start(4, undefined, 0)
  deepEqual(sent(), [1, 2, 3, 4])
  const [, second, third] = refs()
  outgoing.refused(second!, { n: 2, expected: 0, retryAfterMs: 50 }, 0)
  outgoing.acked(0, 1, 1, 1)
  outgoing.flush(49)
  deepEqual(sent(), [])
  outgoing.flush(50)
  deepEqual(sent(), [2, 3, 4, 5])
  outgoing.refused(third!, { n: 3, expected: 0, retryAfterMs: 50 }, 60) // an echo of the first attempt: send-gap for what came after n 2
  outgoing.flush(200)
  deepEqual(sent(), [])
})

test('a resend that was accepted the first time keeps its seq, and another seq is a violation', () => {
  const { outgoing, tally } = sender()
  outgoing.start(2, undefined, 0)
  outgoing.acked(0, 1, 5, 1)
  outgoing.acked(0, 1, 5, 2)
  equal(tally.violations, 0)
  equal(tally.duplicateAcks, 1)
  outgoing.acked(0, 1, 6, 3)
  outgoing.acked(0, 9, 7, 3)
  equal(tally.violations, 2)
})

test('while the kernel holds the bytes nothing is written over them', () => {
  const { outgoing, sent, kernel } = sender()
  kernel.isFull = true
  outgoing.start(2, undefined, 0)
  deepEqual(sent(), [1, 2])
  outgoing.acked(0, 1, 1, 1)
  outgoing.flush(1)
  deepEqual(sent(), [])
  kernel.isFull = false
  outgoing.drained(2)
  deepEqual(sent(), [3])
})

function sender() {
  const tally = new Tally()
  const kernel = { isFull: false }
  let frames: { n: number; ref: number }[] = []
  let lastRefs: number[] = []
  const connection = {
    sendInPlace(bytes: Bytes, start: number, end: number): boolean {
      for (const frame of decodeFrames(bytes.u8.slice(start, end))) if (frame.kind === 'send') frames.push(frame)
      return !kernel.isFull
    },
  } as unknown as Connection
  const outgoing = new Outgoing(connection, LETTER, tally)
  const sent = () => {
    const ns = frames.map((frame) => frame.n)
    lastRefs = frames.map((frame) => frame.ref)
    frames = []
    return ns
  }
  return { outgoing, tally, kernel, sent, refs: () => lastRefs }
}
