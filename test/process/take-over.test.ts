/**
 * A data folder with a shard that nobody can take over: a start says which and why, and ends.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { logFolder } from '../../src/data-folder.js'
import { SHARD_COUNT_DEFAULT, type ShardId } from '../../src/domain/ids.js'
import { openNodeFolder } from '../../src/log/embedded/file-port.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'
import { ServerProcess } from '../support/server-process.js'

const SHARD = 77 as ShardId
/** What ends by itself does so in a second or two; without an end, after this. */
const ENDS_WITHIN_MS = 20_000

test('a shard whose log holds what is no frame: the start says which shard and why, and ends', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'parley-take-over-'))
  try {
    await (await ServerProcess.start({ dataFolder, workers: 1 })).stop()
    const tail = await appendNonsense(dataFolder)
    await using server = ServerProcess.begin({ dataFolder, workers: 1 })
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, ENDS_WITHIN_MS, 'late').unref())
    deepEqual(await Promise.race([server.ended, late]), { code: 78, signal: null })
    match(server.stderr, new RegExp(`Cannot take shard ${SHARD} over: .*at tail ${tail}: no frame begins here`))
    equal(server.stderr.split('take-over-troubled').length > 1, true)
    ok(!server.stdout.includes('serves'))
  } finally {
    rmSync(dataFolder, { recursive: true })
  }
})

async function appendNonsense(dataFolder: string): Promise<number> {
  const folder = () => openNodeFolder(logFolder(dataFolder))
  const data = await LogData.open(folder(), { shardCount: SHARD_COUNT_DEFAULT, writers: 1 })
  await using log = await EmbeddedShardLog.open(data.seedOf(0), { folder: folder(), alarm: () => {} })
  const outcome = await log.append(SHARD, Buffer.from('nonsense'), await log.tail(SHARD))
  ok(outcome.kind === 'appended')
  return outcome.tail
}
