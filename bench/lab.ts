/**
 * What a scenario works with: a server on a fresh data folder, a relay, a client process, each on its cores; and one
 * measured round. Closing it ends every process it started and removes the data.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cores, cores } from './cores.js'
import type { CrowdPlan, Pace } from './crowd.js'
import type { IdleLoadApi } from './idle-load.js'
import type { RoundCounts, Verdict } from './load.js'
import { LoadProcess } from './load-process.js'
import type { BenchOptions } from './options.js'
import { Target } from './target.js'

/** A target and the client process that talks to it. */
export interface Side {
  target: Target
  readonly load: LoadProcess
}

export interface Round extends RoundCounts {
  /** User and system time of all processes of the target, from the start of measuring until it was idle again. */
  readonly cpuMicros: number
}

interface Span<Counts> {
  begin(): Promise<void>
  measure(): Promise<void>
  finish(): Promise<Counts>
  readonly warmUpSeconds: number
  readonly seconds: number
}

/** Longer than a store may take to catch up with a round. */
const IDLE_TIMEOUT_MS = 120_000

export class Lab implements AsyncDisposable {
  readonly options: BenchOptions
  readonly cores: Cores
  readonly #folder: string
  readonly secret = randomBytes(32).toString('hex')
  readonly #targets: Target[] = []
  readonly #loads: { end(): void }[] = []

  constructor(options: BenchOptions) {
    this.options = options
    this.cores = cores(options.workers)
    mkdirSync('data', { recursive: true })
    this.#folder = mkdtempSync(join('data', 'bench-')) // not the system's temporary folder: that may be memory
  }

  /** Resolves once it is ready. The same `data` again is a restart. */
  async server(data = 'server'): Promise<Target> {
    const dataFolder = join(this.#folder, data)
    const { workers } = this.options
    const target = await Target.server({ cores: this.cores.server, dataFolder, workers, secret: this.secret })
    this.#targets.push(target)
    return target
  }

  async relay(): Promise<Target> {
    const target = await Target.relay({ cores: this.cores.server, batching: this.options.relayBatches })
    this.#targets.push(target)
    return target
  }

  plan(shape: 'pairs' | 'group', prefix = 'bench', clients = this.options.clients): CrowdPlan {
    const { senders, size, partners } = this.options
    return { shape, clients, partners, senders, bodyBytes: size, secret: this.secret, prefix }
  }

  /** Connects a crowd in a process of its own; resolves once all are welcome. */
  async join(target: Target, plan: CrowdPlan): Promise<Side> {
    const load = new LoadProcess(this.cores.clients)
    this.#loads.push(load)
    await load.ask('open', plan, target.address)
    return { target, load }
  }

  /** A client process of devices that are mostly just there. */
  idleLoad(): LoadProcess<IdleLoadApi> {
    const load = new LoadProcess<IdleLoadApi>(this.cores.clients, './idle-load.js')
    this.#loads.push(load)
    return load
  }

  /** What the options ask for. */
  get pace(): Pace {
    const { rate, window } = this.options
    return rate === undefined ? { kind: 'closed', window } : { kind: 'open', ratePerSecond: rate }
  }

  /** Load, warm-up, measuring, and waiting until the target has done everything that the load left it to do. */
  async round(
    side: Side,
    pace: Pace,
    { warmUpSeconds, seconds }: { warmUpSeconds: number; seconds: number },
  ): Promise<Round> {
    const { load } = side
    return await this.measured(side.target, {
      begin: () => load.ask('start', pace),
      measure: () => load.ask('measure'),
      finish: () => load.ask('finish'),
      warmUpSeconds,
      seconds,
    })
  }

  /** The same for any client process. */
  async measured<Counts>(target: Target, span: Span<Counts>): Promise<Counts & { readonly cpuMicros: number }> {
    await span.begin()
    await sleep(span.warmUpSeconds * 1000)
    const cpuBefore = target.processes.cpuMicros()
    await span.measure()
    await sleep(span.seconds * 1000)
    const counts = await span.finish()
    await target.processes.idle(IDLE_TIMEOUT_MS)
    return { ...counts, cpuMicros: target.processes.cpuMicros() - cpuBefore }
  }

  /** Reads back what the crowd was told is durable. */
  verify(side: Side): Promise<Verdict> {
    return side.load.ask('verify', { readBack: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const load of this.#loads) load.end()
    await Promise.all(this.#targets.map((target) => target.stop()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
