/**
 * A process with several writers on a simulated disk, doing at random what processes do: appending, purging, carrying,
 * losing a worker, being killed and started with another number of workers, on a disk whose writes and syncs fail.
 */
import { ok } from 'node:assert/strict'
import type { ShardId } from '../../src/domain/ids.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import type { WalOptions } from '../../src/log/embedded/options.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'
import { type LoggedFrame, TAIL_START, type Tail } from '../../src/log/shard-log.js'
import { type Clock, SYSTEM_CLOCK } from '../../src/std/clock.js'
import { fraction, type Random } from '../../src/std/random.js'
import { type History, textOf } from './history.js'
import type { FaultPoint, SimulatedDisk, ThreadFolder } from './simulated-disk.js'

export const SHARD_COUNT = 6

const WAL: WalOptions = {
  segmentBytes: 6 * 1024,
  firstSegmentBytes: 3 * 1024,
  limitBytes: 1024 * 1024,
  diskReserveBytes: 0,
  groupBytesMax: 4 * 1024,
  sliceBytes: 2 * 1024,
  heldSegmentsMax: 1,
  heldBytesMax: 12 * 1024,
  spareRetryMs: 1_000,
}

/** Timers never fire: the next segment tries for a spare again anyway. */
const CLOCK: Clock = { ...SYSTEM_CLOCK, after: () => ({ cancel() {} }) }

interface Worker {
  folder: ThreadFolder
  log: EmbeddedShardLog
}

export class Workload {
  readonly #disk: SimulatedDisk
  readonly #history: History
  readonly #random: Random
  /** Chance of a failure per write or sync. */
  readonly #faultChance: number
  readonly #main: ThreadFolder
  readonly #data: LogData
  #workers: Worker[] = []
  #tails: Tail[] = []
  #isKilled = false
  #frames = 0

  /** Starts a process: recovers, and promises what recovery found. */
  static async start(
    disk: SimulatedDisk,
    history: History,
    { random, writers, faultChance }: { random: Random; writers: number; faultChance: number },
  ): Promise<Workload> {
    const main = disk.thread()
    const data = await LogData.open(main, { shardCount: SHARD_COUNT, writers, wal: WAL, random })
    const process = new Workload({ disk, history, random, faultChance, main, data })
    for (let writer = 0; writer < writers; writer++) await process.#startWorker(writer)
    for (let shard = 0; shard < SHARD_COUNT; shard++) await process.#promiseAll(shard)
    return process
  }

  /** Starts a process and kills it somewhere in its recovery. */
  static async startAndDie(disk: SimulatedDisk, random: Random): Promise<void> {
    const main = disk.thread()
    void LogData.open(main, { shardCount: SHARD_COUNT, writers: 1, wal: WAL, random }).catch(() => {})
    for (let turns = random.uint32() % 60; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    main.kill()
  }

  private constructor(parts: {
    disk: SimulatedDisk
    history: History
    random: Random
    faultChance: number
    main: ThreadFolder
    data: LogData
  }) {
    this.#disk = parts.disk
    this.#history = parts.history
    this.#random = parts.random
    this.#faultChance = parts.faultChance
    this.#main = parts.main
    this.#data = parts.data
  }

  /** Does `steps` random things. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const dice = this.#random.uint32() % 100
      if (dice < 70) await this.#appendToSome()
      else if (dice < 92) this.#purgeOne(this.#oneOf(SHARD_COUNT))
      else if (dice < 95) await this.#promiseAll(this.#oneOf(SHARD_COUNT))
      else if (dice < 97) await this.#restartWorker(this.#oneOf(this.#workers.length))
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** kill -9 with appends under way. */
  kill(): void {
    for (let shard = 0; shard < SHARD_COUNT; shard++) if (fraction(this.#random) < 0.5) void this.#append(shard)
    this.#isKilled = true
    this.#main.kill()
    for (const { folder } of this.#workers) folder.kill()
  }

  async stop(): Promise<void> {
    for (const { log } of this.#workers) await log[Symbol.asyncDispose]()
    this.#isKilled = true
  }

  async framesOf(shard: number): Promise<LoggedFrame[]> {
    const frames: LoggedFrame[] = []
    for await (const frame of this.#logOf(shard).read(shard as ShardId, TAIL_START)) frames.push(frame)
    return frames
  }

  async #startWorker(writer: number, seed = this.#data.seedOf(writer)): Promise<void> {
    const folder = this.#disk.thread((point) => this.#fault(point))
    const context = { folder, clock: CLOCK, random: this.#random, alarm: () => {} }
    let log: EmbeddedShardLog | undefined
    while (log === undefined) log = await EmbeddedShardLog.open(seed, context).catch(() => undefined)
    log.onCarryWanted((shards) => {
      for (const shard of shards) if (!this.#isKilled) void this.#append(shard)
    })
    this.#workers[writer] = { folder, log }
  }

  async #restartWorker(writer: number): Promise<void> {
    this.#workers[writer]!.folder.kill()
    await this.#startWorker(writer, await this.#data.recoverWriter(writer))
    for (const shard of this.#data.shardsOf(writer)) await this.#promiseAll(shard)
  }

  /** A start or takeover answers from what it read: from then on that is a promise like an ack. */
  async #promiseAll(shard: number): Promise<void> {
    const frames = await this.framesOf(shard)
    for (const { tail, bytes } of frames) this.#history.promised(shard, tail, textOf(bytes), this.#disk.moment)
    this.#tails[shard] = frames.at(-1)?.tail ?? TAIL_START
  }

  async #appendToSome(): Promise<void> {
    const shards = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
    await Promise.all(shards.filter(() => fraction(this.#random) < 0.5).map((shard) => this.#append(shard)))
  }

  async #append(shard: number): Promise<void> {
    const expected = this.#tails[shard]!
    const frame = `${this.#frames++}:${'x'.repeat(this.#random.uint32() % 600)}${this.#random.uint32()}`
    const big = fraction(this.#random) < 0.05 ? 'y'.repeat(5_000) : ''
    this.#history.attempted(shard, expected + 1, frame + big, this.#disk.moment)
    const outcome = await this.#logOf(shard).append(shard as ShardId, Buffer.from(frame + big), expected)
    if (this.#isKilled) return
    switch (outcome.kind) {
      case 'appended':
        ok(outcome.tail === expected + 1)
        this.#history.promised(shard, outcome.tail, frame + big, this.#disk.moment)
        this.#tails[shard] = outcome.tail
        return
      case 'refused':
        this.#history.refused(shard, expected + 1, frame + big)
        return
      case 'fenced': // a carry and a step met
      case 'unknown': // the next append to the shard has the same expectation, and resolves it
        return
    }
  }

  #purgeOne(shard: number): void {
    const tail = this.#tails[shard]!
    const below = fraction(this.#random) < 0.5 ? tail : this.#random.uint32() % (tail + 1)
    this.#history.purgeAllowed(shard, below, this.#disk.moment)
    this.#logOf(shard).purge(shard as ShardId, below)
  }

  #fault(point: FaultPoint): string | undefined {
    if (fraction(this.#random) >= this.#faultChance) return undefined
    return point === 'sync' || point === 'folder sync' || fraction(this.#random) < 0.3 ? 'EIO' : 'ENOSPC'
  }

  #logOf(shard: number): EmbeddedShardLog {
    return this.#workers[shard % this.#workers.length]!.log
  }

  #oneOf(count: number): number {
    return this.#random.uint32() % count
  }
}
