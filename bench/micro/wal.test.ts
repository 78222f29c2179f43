import { ok } from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'vitest'
import { measureWal, WAL_CASES } from './wal.js'

test('the benchmark of the log runs', async () => {
  for (const walCase of WAL_CASES) ok((await measureWal(tmpdir(), { ...walCase, commits: 3 })).framesPerSecond > 0)
})
