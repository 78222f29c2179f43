import { deepEqual } from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import type { ConfigLimits } from './config.js'
import { Reload } from './reload.js'

test('live limits are handed on, what needs a restart is named, and a refused file changes nothing', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'parley-reload-')), 'parley.toml')
  writeFileSync(path, 'port = 7800\n')
  const limits: ConfigLimits[] = []
  const lines: unknown[] = []
  const note = ({ event, changed, needRestart }: Record<string, unknown>) => lines.push([event, changed, needRestart])
  const reload = new Reload({
    environment: { PARLEY_CONFIG: path },
    pool: { setLimits: (each) => limits.push(each) },
    logger: { warn: note, error: note } as never,
  })

  writeFileSync(path, 'port = 7801\n[limits]\nframes_per_second = 7\nconnections_per_worker = 5\n')
  reload.run()
  writeFileSync(path, 'port = 7801\nprot = 1\n[limits]\nframes_per_second = 8\n')
  reload.run()

  deepEqual(
    limits.map(({ framesPerSecondMax, connectionsPerWorkerMax }) => [framesPerSecondMax, connectionsPerWorkerMax]),
    [[7, 19_000]],
  )
  deepEqual(lines, [
    ['config-reloaded', ['limits.frames_per_second'], ['port', 'limits.connections_per_worker']],
    ['config-refused', undefined, undefined],
  ])
})
