/**
 * A process on a simulated disk, for tests that say exactly what goes wrong: opened with faults that a test turns on and
 * off, with one log per writer.
 */
import { equal } from 'node:assert/strict'
import type { ShardId } from '../../src/domain/ids.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import type { WalOptions } from '../../src/log/embedded/options.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'
import { type AppendOutcome, type ShardLog, TAIL_START, type Tail } from '../../src/log/shard-log.js'
import { SYSTEM_CLOCK } from '../../src/std/clock.js'
import { seededRandom } from '../../src/std/random.js'
import { textOf } from './history.js'
import type { FaultPoint, SimulatedDisk, ThreadFolder } from './simulated-disk.js'

export const SMALL: Partial<WalOptions> = {
  segmentBytes: 8 * 1024,
  firstSegmentBytes: 8 * 1024,
  limitBytes: 256 * 1024,
  sliceBytes: 4 * 1024,
}

export interface Process extends AsyncDisposable {
  readonly data: LogData
  readonly logs: readonly EmbeddedShardLog[]
  readonly folders: readonly ThreadFolder[]
  /** Operations that fail from now on, with their codes. */
  readonly failing: Map<FaultPoint, string>
  /** What the logs complained of. */
  readonly alarms: string[]
  logOf(shard: number): EmbeddedShardLog
  kill(): void
}

export async function startProcess(
  disk: SimulatedDisk,
  { writers = 1, wal = SMALL, seed = 1 }: { writers?: number; wal?: Partial<WalOptions>; seed?: number } = {},
): Promise<Process> {
  const failing = new Map<FaultPoint, string>()
  const alarms: string[] = []
  const random = seededRandom(seed + disk.moment)
  const main = disk.thread()
  const data = await LogData.open(main, { shardCount: 16, writers, wal, random })
  const logs: EmbeddedShardLog[] = []
  const folders: ThreadFolder[] = []
  for (let writer = 0; writer < writers; writer++) {
    const folder = disk.thread((point) => failing.get(point))
    const context = { folder, random, alarm: (what: string) => alarms.push(what), clock: SYSTEM_CLOCK }
    folders.push(folder)
    logs.push(await EmbeddedShardLog.open(data.seedOf(writer), context))
  }
  let isKilled = false
  return {
    data,
    logs,
    folders,
    failing,
    alarms,
    logOf: (shard) => logs[shard % writers]!,
    kill: () => {
      isKilled = true
      for (const folder of [main, ...folders]) folder.kill()
    },
    async [Symbol.asyncDispose]() {
      if (!isKilled) for (const log of logs) await log[Symbol.asyncDispose]()
    },
  }
}

export function append(log: ShardLog, shard: number, text: string, expected: Tail): Promise<AppendOutcome> {
  return log.append(shard as ShardId, Buffer.from(text), expected)
}

/** Appends after `expected` and requires success. */
export async function appended(log: ShardLog, shard: number, text: string, expected: Tail): Promise<Tail> {
  const outcome = await append(log, shard, text, expected)
  equal(outcome.kind, 'appended', JSON.stringify(outcome))
  return expected + 1
}

export async function framesOf(log: ShardLog, shard: number, after: Tail = TAIL_START): Promise<string[]> {
  const frames: string[] = []
  for await (const { tail, bytes } of log.read(shard as ShardId, after)) frames.push(`${tail} ${textOf(bytes)}`)
  return frames
}

/** Lets everything that waits for nothing but the disk come to its end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}
