import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { METRICS, Metrics, newMetricRows } from '../domain/metrics.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { metricsText } from './metrics-page.js'

const FIGURES = { residentBytes: 1024, cpuSeconds: 1.5, version: '0.1.0' }

test('counts of all workers are added up, and of a delay the longest is told', () => {
  const rows = newMetricRows(2)
  const [first, second] = [new Metrics(rows, 0), new Metrics(rows, 1)]
  first.add('received_frames_total', 3)
  second.add('received_frames_total', 4)
  first.set('loop_lag_seconds', 0.5)
  second.set('loop_lag_seconds', 0.25)
  first.refused('overloaded', 2)
  const text = metricsText(rows, FIGURES)
  match(text, /^parley_received_frames_total 7$/m)
  match(text, /^parley_loop_lag_seconds 0\.5$/m)
  match(text, /^parley_refusals_total\{refusal="overloaded"\} 2$/m)
  match(text, /^parley_refusals_total\{refusal="draining"\} 0$/m)
})

test("a worker's next life goes on where the last one stopped", () => {
  const rows = newMetricRows(1)
  new Metrics(rows, 0).add('worker_starts_total', 1)
  new Metrics(rows, 0).add('worker_starts_total', 1)
  match(metricsText(rows, FIGURES), /^parley_worker_starts_total 2$/m)
})

test('a histogram counts up to and with the end of a bucket, and what is above the last', () => {
  const rows = newMetricRows(1)
  const metrics = new Metrics(rows, 0)
  for (const events of [1, 2, 3, 1024, 1025]) metrics.histogram('batch_events').observe(events)
  const text = metricsText(rows, FIGURES)
  const of = (end: string) => new RegExp(`^parley_batch_events_bucket\\{le="${end}"\\} (\\d+)$`, 'm').exec(text)?.[1]
  equal([of('1'), of('2'), of('4'), of('512'), of('1024'), of('\\+Inf')].join(), '1,2,3,3,4,5')
  match(text, /^parley_batch_events_sum 2055$/m)
  match(text, /^parley_batch_events_count 5$/m)
})

test('docs/operations.md explains every metric', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  deepEqual(
    Object.keys(METRICS).filter((name) => !page.includes(`parley_${name}`)),
    [],
  )
})

test('every metric has its own place, a help line and a type', () => {
  const rows = newMetricRows(1)
  const metrics = new Metrics(rows, 0)
  for (const name of Object.keys(REFUSALS)) metrics.refused(name as RefusalName, 5)
  metrics.histogram('log_sync_seconds').observe(2) // the last bucket before log_used_bytes
  const text = metricsText(rows, FIGURES)
  match(text, /^parley_lagging_total 0$/m)
  match(text, /^parley_log_used_bytes 0$/m)
  match(text, /^parley_refusals_total\{refusal="group-full"\} 5$/m)
  for (const name of Object.keys(METRICS)) ok(text.includes(`# HELP parley_${name} `), name)
  for (const line of text.trimEnd().split('\n'))
    match(line, /^(# (HELP|TYPE) \w+ \S.*|\w+(\{\w+="[^"]+"\})? \d+(\.\d+)?)$/)
})
