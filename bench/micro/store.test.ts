import { equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { measureStore } from './store.js'

test('the store benchmark runs, and reads back what it stored', async () => {
  const tiny = { flushes: 5, conversations: 100, everyMs: 0 }
  const figures = await measureStore(tiny)
  ok(figures.callerUsPerPut > 0 && figures.cpuMsPerMB > 0 && figures.fileMB > figures.storedMB / 3)
  equal(figures.digest, (await measureStore(tiny)).digest)
})
