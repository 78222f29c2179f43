import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { framesAfter, Script, START } from '../../test/actors/scripted-log.js'
import { UnavailableError } from '../domain/errors.js'
import type { LogPlace } from '../log/frame.js'
import { resolveUnknown } from './unknown-outcome.js'

const OURS = 42n

function resolve(script: Script) {
  return resolveUnknown(script.own, START, OURS)
}

function placeAfter(batches: number, from: LogPlace = START): unknown {
  return { tail: from.tail + batches, batchNo: from.batchNo + batches }
}

function tailAndBatch({ tail, batchNo }: LogPlace): unknown {
  return { tail, batchNo }
}

test('a barrier that is accepted where the batch should stand: lost for certain', async () => {
  const script = new Script()
  script.outcomes.push({ kind: 'appended', tail: 11 })
  const resolved = await resolve(script)
  equal(resolved.kind, 'lost')
  deepEqual(resolved.kind === 'lost' && tailAndBatch(resolved.place), placeAfter(1))
  deepEqual(script.said, ['barrier after 10'])
})

test('a barrier that is fenced, and the batch is read there: committed', async () => {
  const script = new Script()
  script.outcomes.push({ kind: 'fenced', tail: 11 })
  script.reads.push(framesAfter(START, { by: 'us', batch: OURS }))
  const resolved = await resolve(script)
  deepEqual(resolved.kind === 'committed' && tailAndBatch(resolved.place), placeAfter(1))
})

test('fenced by an earlier barrier of our own that was not heard of: lost, and on from there', async () => {
  const script = new Script()
  script.outcomes.push({ kind: 'unknown', cause: 'timeout' }, { kind: 'fenced', tail: 11 })
  script.reads.push(framesAfter(START, { by: 'us', kind: 'barrier', batch: 100n }))
  const resolved = await resolve(script)
  deepEqual(resolved.kind === 'lost' && tailAndBatch(resolved.place), placeAfter(1))
})

test('a read that ends before what the log named, shows nothing, or breaks off is asked again', async () => {
  const found = framesAfter(START, { by: 'us', kind: 'barrier', batch: 100n }, { by: 'us', batch: OURS })
  for (const early of [[], found.slice(0, 1), new UnavailableError('gone')]) {
    const script = new Script()
    script.outcomes.push({ kind: 'fenced', tail: 12 }, { kind: 'fenced', tail: 12 })
    script.reads.push(early, found)
    const resolved = await resolve(script)
    deepEqual(resolved.kind === 'committed' && tailAndBatch(resolved.place), placeAfter(2))
  }
})

test('where the log named no number, nothing read says nothing', async () => {
  const script = new Script()
  script.outcomes.push({ kind: 'fenced' }, { kind: 'fenced' })
  script.reads.push([], framesAfter(START, { by: 'us', batch: OURS }))
  equal((await resolve(script)).kind, 'committed')
})

test('a stranger anywhere above the place: step down, committed or not', async () => {
  for (const frames of [
    framesAfter(START, { by: 'others', kind: 'barrier' }),
    framesAfter(START, { by: 'us', batch: OURS }, { by: 'others', kind: 'barrier' }),
  ]) {
    const script = new Script()
    script.outcomes.push({ kind: 'fenced', tail: frames.at(-1)!.tail })
    script.reads.push(frames)
    deepEqual(await resolve(script), { kind: 'foreign' })
  }
})

test('what stood there was purged: only a newer owner does that', async () => {
  const script = new Script()
  script.outcomes.push({ kind: 'fenced', tail: 12 })
  script.reads.push(framesAfter(START, { by: 'us' }, { by: 'us' }).slice(1))
  deepEqual(await resolve(script), { kind: 'foreign' })
})

test('while the log is busy it is asked again soon, while it is silent ever more slowly, up to two seconds', async () => {
  const script = new Script()
  for (let at = 0; at < 2; at++) script.outcomes.push({ kind: 'unknown', cause: '10164', busy: true })
  for (let at = 0; at < 8; at++) script.outcomes.push({ kind: 'unknown', cause: 'timeout' })
  script.outcomes.push({ kind: 'appended', tail: 11 })
  equal((await resolve(script)).kind, 'lost')
  const pauses = script.said
    .filter((line) => line.startsWith('pause'))
    .map((line) => Number(line.slice('pause '.length)))
  deepEqual(pauses, [3, 3, 50, 100, 200, 400, 800, 1600, 2000, 2000])
})

test('a life that is over gives up', async () => {
  const script = new Script()
  script.patience = 4
  deepEqual(await resolve(script), { kind: 'foreign' })
})
