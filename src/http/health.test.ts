import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { answerHealth } from './health.js'

test('alive always, ready only with all shards, nothing else', () => {
  const status = (path: string, isReady: boolean) => answerHealth(path, () => isReady).status
  deepEqual([status('/healthz', false), status('/healthz', true)], [200, 200])
  deepEqual([status('/readyz', false), status('/readyz', true)], [503, 200])
  deepEqual([status('/', true), status('/v1/ws', true)], [404, 404])
})
