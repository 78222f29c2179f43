import { equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { seededRandom } from '../std/random.js'
import { Admission } from './admission.js'

/** `count` commands arrive together and are answered `tookMs` later. */
function round(admission: Admission, clock: ManualClock, count: number, tookMs: number): number {
  let admitted = 0
  for (let ref = 1; ref <= count; ref++) {
    if (admission.admits('send')) admission.began(1, ++admitted)
    else admission.retryAfterMs()
  }
  clock.advance(tookMs)
  for (let ref = 1; ref <= admitted; ref++) admission.ended(1, ref)
  return admitted
}

function made(): { admission: Admission; clock: ManualClock } {
  const clock = new ManualClock()
  return { admission: new Admission(clock, seededRandom(1)), clock }
}

test('what takes too long halves what is let in, down to a floor', () => {
  const { admission, clock } = made()
  const first = round(admission, clock, 100_000, 200)
  const second = round(admission, clock, 100_000, 200)
  equal(second, first / 2)
  for (let at = 0; at < 10; at++) round(admission, clock, 100_000, 200)
  equal(round(admission, clock, 100_000, 200), 2_048)
})

test('what is answered soon lets more in, but only while somebody is held back', () => {
  const { admission, clock } = made()
  const first = round(admission, clock, 100_000, 10)
  const more = round(admission, clock, 100_000, 10)
  ok(more > first)
  const { admission: idle, clock: other } = made()
  for (let at = 0; at < 10; at++) round(idle, other, 100, 10)
  equal(round(idle, other, 100_000, 10), first)
})

test('history is shed before Hello, and Hello before sends', () => {
  const { admission } = made()
  const shed: string[] = []
  for (let ref = 1; shed.length < 3; ref++) {
    admission.began(1, ref)
    for (const what of ['history', 'hello', 'send'] as const) {
      if (!admission.admits(what) && !shed.includes(what)) shed.push(what)
    }
  }
  equal(shed.join(), 'history,hello,send')
})

test('a connection that goes away takes its commands with it', () => {
  const { admission } = made()
  for (let ref = 1; ref <= 5; ref++) admission.began(7, ref)
  admission.forget(7, 5)
  equal(admission.inFlight, 0)
})

test('the wait that a refusal names grows while refusals outnumber what is let in, and shrinks again', () => {
  const { admission, clock } = made()
  for (let at = 0; at < 40; at++) {
    clock.advance(101)
    for (let refused = 0; refused < 100; refused++) admission.retryAfterMs()
  }
  const high = admission.retryAfterMs()
  for (let at = 0; at < 40; at++) {
    clock.advance(101)
    round(admission, clock, 1_000, 1)
    admission.retryAfterMs()
  }
  ok(high >= 4_000, `${high}`)
  ok(admission.retryAfterMs() <= 200)
})
