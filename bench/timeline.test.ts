import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { encodeContent } from '../src/protocol/content.js'
import { EventTemplate } from '../src/protocol/event-frame.js'
import { EventKind } from '../src/protocol/wire-numbers.js'
import { Bytes, GrowingBytes } from '../src/std/bytes.js'
import type { Outgoing } from './outgoing.js'
import { messageIdOf } from './send-slots.js'
import { Tally } from './tally.js'
import { mixOf, Timeline } from './timeline.js'

/** seq, sender, n, the n that its message id names, and what kind of event it is, else a message. */
type Said = readonly [seq: number, sender: number, n: number, idN?: number, eventKind?: number]

const HONEST: Said[] = [
  [1, 0, 1],
  [2, 1, 1],
  [3, 0, 2],
]
const ALL = { first: 1, step: 1 }
const ACKED = { 0: [1, 3], 1: [2] }

test('a history that says what the acks said has no violation, in whichever order it is read', () => {
  deepEqual(complaints(HONEST, ACKED), [])
  deepEqual(complaints([...HONEST].reverse(), ACKED), [])
  deepEqual(complaints(HONEST, { 0: [1], 1: [2] }), [], 'accepted but never acked is allowed')
})

test('what nobody asked for has no n, and is there', () => {
  deepEqual(complaints([HONEST[0]!, [2, 0, 0, 0, EventKind.large], [3, 1, 1]], { 0: [1], 1: [3] }), [])
})

test('each way of lying is seen', () => {
  const lies: [RegExp, Said[], Record<number, number[]>][] = [
    [/seq 3 is missing/, HONEST.slice(0, 2), ACKED],
    [/1 acked messages of 0 are lost/, HONEST.slice(0, 2), ACKED],
    [/was acked at 9/, HONEST, { 0: [1, 9], 1: [2] }],
    [/n 1 after 1/, [HONEST[0]!, HONEST[1]!, [3, 0, 1, 1]], ACKED],
    [/n 3 after 1/, [HONEST[0]!, HONEST[1]!, [3, 0, 3]], ACKED],
    [/id of another message/, [HONEST[0]!, HONEST[1]!, [3, 0, 2, 7]], ACKED],
    [/came twice/, [...HONEST, [3, 0, 2]], ACKED],
    [/stranger/, [HONEST[0]!, HONEST[1]!, [3, 5, 1]], ACKED],
  ]
  for (const [what, said, acked] of lies) match(complaints(said, acked).join('\n'), what)
})

test('what one heard is the sum over the messages of the others', () => {
  const timeline = new Timeline('c', new Tally(), () => ALL)
  read(timeline, HONEST)
  equal(timeline.sumOfOthers(1), (mixOf(1, 0, 1) + mixOf(3, 0, 2)) | 0)
  equal(timeline.sumOfOthers(0), mixOf(2, 1, 1))
})

function complaints(said: readonly Said[], acked: Record<number, number[]>): readonly string[] {
  const tally = new Tally()
  const timeline = new Timeline('c', tally, () => ALL)
  read(timeline, said)
  const senders = Object.entries(acked).map(([sender, seqs]): [number, Outgoing] => [Number(sender), ackedAt(seqs)])
  timeline.check(3, new Map(senders))
  return tally.complaints
}

function ackedAt(seqs: number[]): Outgoing {
  return { firstN: 1, seqs: Uint32Array.from([0, ...seqs]), ackedUpTo: seqs.length } as unknown as Outgoing
}

function read(timeline: Timeline, said: readonly Said[]): void {
  for (const [seq, sender, n, idN = n, eventKind = EventKind.message] of said) {
    const out = new GrowingBytes()
    const who = { app: 'a', conversation: 'c', conversationKind: 2, from: `u${sender}`, device: 'd' }
    const numbers = { seq, n, time: 1, ordinal: seq, memberSeq: 0, lane: 1, incarnation: 1, hash: 0 }
    const stamp = { ...numbers, laneRandom: BigInt(sender), eventKind }
    const content = Bytes.over(encodeContent({ messageId: messageIdOf(sender, idN), body: new Uint8Array(40) }))
    new EventTemplate(who).write(out, stamp, content, 0, content.size)
    timeline.take(out.bytes, 0, out.size)
  }
}
