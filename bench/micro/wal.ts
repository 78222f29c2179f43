/**
 * How many durable commits a second one worker's log takes. A commit is one group: one write and one fdatasync.
 *
 * Canonical cases: one shard with 200-byte frames, stop and wait (what a single slow conversation feels); 256 shards with
 * 200-byte frames, all in one group; 80 shards with 8 KiB frames (a busy worker). Prints commits/s and frames/s of each.
 * The folder should be on the disk that matters: `--folder=path`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ShardId } from '../../src/domain/ids.js'
import { KiB } from '../../src/domain/limits.js'
import { openNodeFolder } from '../../src/log/embedded/file-port.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'

export interface WalCase {
  readonly shards: number
  readonly frameBytes: number
  readonly commits: number
}

export const WAL_CASES: readonly WalCase[] = [
  { shards: 1, frameBytes: 200, commits: 10_000 },
  { shards: 256, frameBytes: 200, commits: 4_000 },
  { shards: 80, frameBytes: 8 * KiB, commits: 1_000 },
]

/** Commits between purges: some 20 ms, faster than the projector's flush. */
const PURGE_EVERY = 50

export interface WalFigures {
  readonly commitsPerSecond: number
  readonly framesPerSecond: number
  readonly bytesPerSecond: number
}

export async function measureWal(parent: string, { shards, frameBytes, commits }: WalCase): Promise<WalFigures> {
  const path = mkdtempSync(join(parent, 'parley-wal-bench-'))
  try {
    const folder = openNodeFolder(path)
    const data = await LogData.open(folder, { shardCount: 256, writers: 1 })
    await using log = await EmbeddedShardLog.open(data.seedOf(0), { folder, alarm: console.error })
    const frame = new Uint8Array(frameBytes).fill(7)
    const began = performance.now()
    for (let commit = 0; commit < commits; commit++) {
      const appends = Array.from({ length: shards }, (_, shard) => log.append(shard as ShardId, frame, commit))
      const outcomes = await Promise.all(appends)
      if (!outcomes.every(({ kind }) => kind === 'appended')) throw new Error('an append failed')
      if (commit % PURGE_EVERY !== 0) continue
      for (let shard = 0; shard < shards; shard++) log.purge(shard as ShardId, commit + 1)
    }
    const commitsPerSecond = (commits * 1_000) / (performance.now() - began)
    const framesPerSecond = commitsPerSecond * shards
    return { commitsPerSecond, framesPerSecond, bytesPerSecond: framesPerSecond * frameBytes }
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const parent =
    process.argv.find((argument) => argument.startsWith('--folder='))?.slice('--folder='.length) ?? tmpdir()
  for (const walCase of WAL_CASES) {
    const { commitsPerSecond, framesPerSecond, bytesPerSecond } = await measureWal(parent, walCase)
    console.log(
      `${walCase.shards} × ${walCase.frameBytes} B: ${Math.round(commitsPerSecond)} commits/s,`,
      `${Math.round(framesPerSecond)} frames/s, ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
    )
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
