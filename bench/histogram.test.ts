import { equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { Histogram } from './histogram.js'

test('percentiles are within 2 % of the exact value, over six decades', () => {
  const histogram = new Histogram()
  for (let micros = 1; micros <= 1_000_000; micros++) histogram.record(micros)
  for (const fraction of [0.001, 0.5, 0.99, 0.999]) {
    const exact = fraction * 1_000_000
    const found = histogram.percentile(fraction)
    ok(Math.abs(found - exact) <= exact * 0.02 + 1, `${fraction}: ${found}`)
  }
  equal(histogram.percentile(1), 1_000_000)
  equal(histogram.count, 1_000_000)
})

test('an empty histogram says 0, and values outside the range stay at its ends', () => {
  const histogram = new Histogram()
  equal(histogram.percentile(0.99), 0)
  histogram.record(0)
  histogram.record(1e12)
  equal(histogram.percentile(0.5), 1 + 1 / 64)
  equal(histogram.maxMicros, 1e12)
})

test('adding two histograms is the same as recording both', () => {
  const fast = new Histogram()
  const slow = new Histogram()
  for (let at = 0; at < 99; at++) fast.record(100)
  slow.record(50_000)
  fast.add(slow)
  equal(fast.summary().max, 50)
  ok(fast.percentile(0.99) < 110)
  ok(fast.percentile(0.999) > 49_000)
})
