import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import type { DecodedFrame } from '../protocol/decoded-frame.js'
import type { Link } from './link.js'
import { OnlineCounts } from './online-counts.js'

const CROWD = { name: { kind: 2, id: 'crowd' } } as const

function connected() {
  const clock = new ManualClock()
  const counts = new OnlineCounts(clock)
  const asked: Parameters<Link['ask']>[1][] = []
  const ask: Link['ask'] = (_, then) => asked.push(then)
  counts.up(ask)
  const heard: string[] = []
  const hear = () => counts.watch(CROWD, ({ members, online }) => heard.push(`${online} of ${members}`))
  const answer = (online: number, onlineAt: number, againMs: number) =>
    asked.shift()!.answered({ kind: 'member-list', count: 9, online, onlineAt, againMs } as DecodedFrame as never)
  return { clock, counts, ask, asked, heard, hear, answer }
}

test('a count is asked for as often as the server has another one, for as long as somebody wants it', () => {
  const { clock, asked, heard, hear, answer } = connected()
  const stop = hear()
  answer(0, 0, 1_000) // nothing was counted yet
  clock.advance(999)
  equal(asked.length, 0)
  clock.advance(1)
  answer(4, 77, 5_000)
  clock.advance(5_000)
  answer(3, 78, 5_000)
  deepEqual(heard, ['4 of 9', '3 of 9'])
  stop()
  clock.advance(60_000)
  equal(asked.length, 0)
})

test('what has no answer, a refusal, or no count is asked for again later, and by each connection anew', () => {
  const { clock, counts, ask, asked, heard, hear, answer } = connected()
  hear()
  asked.shift()!.unanswered()
  clock.advance(10_000)
  asked.shift()!.answered({ kind: 'refusal' } as DecodedFrame as never)
  clock.advance(10_000)
  answer(0, 0, 0)
  clock.advance(9_000)
  counts.down()
  clock.advance(60_000)
  equal(asked.length, 0)
  counts.up(ask)
  answer(1, 1, 5_000)
  deepEqual(heard, ['1 of 9'])
})

test('twenty conversations are asked for at a time', () => {
  const { counts, hear } = connected()
  const stops = Array.from({ length: 20 }, hear)
  throws(() => counts.watch(CROWD, () => {}), /more than 20/)
  stops[0]!()
  hear()
})
