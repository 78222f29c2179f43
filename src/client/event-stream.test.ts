import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { RefusedError } from './errors.js'
import { EventStream, type ReadAfter } from './event-stream.js'
import type { TimelineEvent } from './timeline-event.js'

const CONVERSATION = { kind: 2, id: 'lunch' } as const
const eventAt = (seq: number): TimelineEvent => {
  return { kind: 'joined', conversation: CONVERSATION, seq, time: 1, from: 'a', device: 'd', users: [] }
}

/** A conversation whose even seqs are skips, from 1 to `head`, in pages of 10. */
const pagesTo =
  (head: () => number): ReadAfter =>
  async (after) => {
    const completeTo = Math.min(after + 10, head())
    const seqs = Array.from({ length: completeTo - after }, (_, index) => after + 1 + index).filter(
      (seq) => seq % 2 === 1,
    )
    return { events: seqs.map(eventAt), from: after + 1, completeTo, head: head() }
  }

async function seqsOf(stream: EventStream, count: number): Promise<number[]> {
  const seqs: number[] = []
  while (seqs.length < count) seqs.push((await stream.next()).value!.seq)
  return seqs
}

const odd = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((seq) => seq % 2 === 1)

test('a stream from the first seq on reads history, then what comes', async () => {
  let head = 25
  const stream = new EventStream(
    0,
    pagesTo(() => head),
    () => {},
  )
  deepEqual(await seqsOf(stream, 5), odd(1, 9))
  head = 29
  stream.offer(eventAt(27))
  stream.offer(eventAt(29))
  deepEqual(await seqsOf(stream, 10), odd(10, 29))
})

test('without a beginning it begins with what comes next', async () => {
  const stream = new EventStream(
    undefined,
    pagesTo(() => 0),
    () => {},
  )
  const first = stream.next()
  stream.offer(eventAt(901))
  stream.offer(eventAt(903))
  equal((await first).value!.seq, 901)
  deepEqual(await seqsOf(stream, 1), [903])
})

test('a reader far too slow for the buffer misses nothing', async () => {
  let head = 0
  const stream = new EventStream(
    undefined,
    pagesTo(() => head),
    () => {},
  )
  for (let seq = 1; seq <= 5_001; seq += 2) {
    head = seq
    stream.offer(eventAt(seq))
  }
  deepEqual(await seqsOf(stream, 2_501), odd(1, 5_001))
  stream.offer(eventAt(5_003))
  deepEqual(await seqsOf(stream, 1), [5_003])
})

test('an end is the end for who waits; a refusal is thrown', async () => {
  let ended = 0
  const stream = new EventStream(
    undefined,
    pagesTo(() => 0),
    () => ended++,
  )
  const waiting = stream.next()
  stream.end()
  deepEqual([(await waiting).done, (await stream.next()).done, ended], [true, true, 1])
  const refused = async () => {
    throw RefusedError.of('not-member')
  }
  await rejects(new EventStream(0, refused, () => {}).next(), { reason: 'not-member' })
})
