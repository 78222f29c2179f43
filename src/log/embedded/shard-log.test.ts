import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { shardLogConformance } from '../../../test/conformance/shard-log.js'
import { openNodeFolder } from './file-port.js'
import { LogData } from './log-data.js'
import type { WalOptions } from './options.js'
import { EmbeddedShardLog } from './shard-log.js'

const root = mkdtempSync(join(tmpdir(), 'parley-wal-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const SMALL: Partial<WalOptions> = { segmentBytes: 512 * 1024, limitBytes: 64 * 1024 * 1024 }

shardLogConformance('embedded', () => openLog(join(root, 'conformance'), SMALL), {
  openEmpty: () => openLog(join(root, 'empty'), SMALL),
})

async function openLog(path: string, wal: Partial<WalOptions>): Promise<EmbeddedShardLog> {
  const folder = openNodeFolder(path)
  const data = await LogData.open(folder, { shardCount: 256, writers: 1, wal })
  return EmbeddedShardLog.open(data.seedOf(0), { folder, alarm: fail })
}

function fail(what: string, cause: unknown): never {
  throw new Error(what, { cause })
}
