import { deepEqual } from 'node:assert/strict'
import type { Logger } from 'pino'
import { afterEach, beforeEach, test, vi } from 'vitest'
import { logActorsEvents } from './actors-log.js'
import { Metrics, newMetricRows } from './domain/metrics.js'

const SNAPSHOT = { position: { logIncarnation: 1, batchNo: 3, index: 0 }, epoch: 1, chain: 0, tail: 3 } as never

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function lines(isLossKnown: boolean): object[] {
  const said: object[] = []
  const say = (level: string) => (facts: object) => void said.push({ level, ...facts })
  const log = { error: say('error'), info: say('info') } as unknown as Logger
  const events = logActorsEvents(log, new Metrics(newMetricRows(1), 0), { isLossKnown })
  for (let shard = 5; shard < 133; shard++) events.logLostTail({ shard, snapshot: SNAPSHOT })
  vi.advanceTimersByTime(1_000)
  events.logLostTail({ shard: 7, snapshot: SNAPSHOT })
  vi.advanceTimersByTime(1_000)
  return said
}

test('a lost tail is one line for all shards that lost theirs', () => {
  deepEqual(lines(false), [
    { level: 'error', event: 'log-lost-tail', shards: 128, first: 5 },
    { level: 'error', event: 'log-lost-tail', shards: 1, first: 7 },
  ])
})

test('where the main thread has said it, it is none at the usual level', () => {
  deepEqual(
    lines(true).map((line) => (line as { level: string }).level),
    ['info', 'info'],
  )
})
