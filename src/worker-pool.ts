/**
 * The worker threads of a server process: starts them, introduces them to each other, and starts one again that has
 * died. A new life begins only after the old thread's exit, because no thread may write a file that another has open
 * (rules §12). A worker that cannot even start for the first time fails the process.
 */
import { randomBytes } from 'node:crypto'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { AccessKeeper } from './access-keeper.js'
import { type Config, ConfigError, type LiveConfig } from './config.js'
import type { Address } from './log/bus.js'
import type { Fault, FromWorker, Ports, ToWorker, WorkerStart } from './process-messages.js'
import { RestartPause } from './restart-pause.js'
import { unreachable } from './std/assert.js'
import type { NodeHost } from './worker-app.js'

/** Beyond what a drain takes by itself: the last bytes of slow sockets; then closing files and the thread's exit. */
const GRACE_MS = 2_000

/** Most of what a message allocates dies with its tick: a large nursery lets it die there instead of being promoted. Half of
 *  it made a message a fifth dearer under load (ADR 79). */
const RESOURCES = { maxYoungGenerationSizeMb: 96 }

interface Life {
  readonly address: Address
  readonly thread: Worker
  isComposed: boolean
  isDrained: boolean
  reason: string
}

export interface WorkerPoolOptions {
  readonly config: Config
  readonly ports: Ports
  readonly node: NodeHost
  readonly access: AccessKeeper
  readonly logger: Logger
}

export class WorkerPool {
  /** Rejects when the process cannot go on. */
  readonly failed: Promise<never>

  readonly #options: WorkerPoolOptions
  #config: Config
  readonly #node = randomBytes(6).toString('hex')
  readonly #lives: (Life | undefined)[]
  readonly #pauses: RestartPause[]
  #livesBegun = 0
  #serving = 0
  #isServing = false
  #isStopping = false
  #served = (): void => {}
  #changed = (): void => {}
  #fail: (error: Error) => void = () => {}

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#config = options.config
    const { workers } = options.config
    this.#lives = new Array(workers).fill(undefined)
    this.#pauses = Array.from({ length: workers }, () => new RestartPause())
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    options.access.onChange = (change) => this.#broadcast({ kind: 'access', change })
    this.failed.catch(() => {}) // whoever waits for it hears; nobody has to
  }

  /** Resolves once every worker serves. */
  async start(): Promise<'serving'> {
    const allServe = new Promise<void>((resolve) => {
      this.#served = resolve
    })
    for (let index = 0; index < this.#lives.length; index++) await this.#begin(index)
    await allServe
    return 'serving'
  }

  /**
   * Every worker stops accepting and answers what it has; when all have, they exit. False where a thread hangs: only
   * the end of the process ends it.
   */
  async drain(withinMs: number): Promise<boolean> {
    this.#isStopping = true
    const isGone = () => this.#lives.every((life) => life === undefined)
    const isDrained = () => this.#lives.every((life) => life === undefined || life.isDrained || !life.isComposed)
    this.#broadcast({ kind: 'drain', withinMs })
    await this.#until(isDrained, withinMs + GRACE_MS)
    this.#broadcast({ kind: 'close' })
    return await this.#until(isGone, GRACE_MS)
  }

  /** For the workers that live and those to come. */
  reconfigure({ limits, access }: LiveConfig): void {
    this.#config = { ...this.#config, limits, access }
    this.#broadcast({ kind: 'limits', limits })
    this.#broadcast({ kind: 'access', change: { kind: 'configured', access } })
  }

  fault(fault: Fault): void {
    this.#lives[0]?.thread.postMessage({ kind: 'fault', fault } satisfies ToWorker)
  }

  async #begin(index: number): Promise<void> {
    const { node, access } = this.#options
    const address = `${this.#node}.${index}.${++this.#livesBegun}` as Address
    const prepared = await node.prepareWorker(index)
    if (this.#isStopping) return
    // Taken in the same turn in which the thread joins those that are told of changes.
    const workerData: WorkerStart = { config: this.#config, index, address, prepared, access: access.snapshot() }
    const thread = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      stdin: false,
      resourceLimits: RESOURCES,
    })
    const life: Life = { address, thread, isComposed: false, isDrained: false, reason: 'it ended without a word' }
    this.#lives[index] = life
    this.#pauses[index]!.began(performance.now())
    thread.on('message', (message: FromWorker) => this.#heard(index, life, message))
    thread.on('error', (error) => {
      life.reason = error.stack ?? error.message
    })
    thread.on('exit', () => this.#ended(index, life))
  }

  #heard(index: number, life: Life, message: FromWorker): void {
    switch (message.kind) {
      case 'composed':
        life.isComposed = true
        if (this.#isStopping) return
        this.#introduce(index, life)
        life.thread.postMessage({ kind: 'serve', ports: this.#options.ports } satisfies ToWorker)
        return
      case 'serving':
        if (!this.#isServing && ++this.#serving === this.#lives.length) {
          this.#isServing = true
          this.#served()
        }
        return
      case 'key-wanted':
        return this.#options.access.keyWanted(message.app)
      case 'revoke':
        return void this.#revoke(life, message)
      case 'kill-wanted':
        if (this.#config.isDevelopmentSecret) this.#broadcast({ kind: 'fault', fault: 'throw' })
        return
      case 'stuck':
        // A process that serves goes on without the shard: others would be lost with it.
        if (!this.#isServing) this.#fail(new ConfigError(message.reason))
        return
      case 'failed':
        life.reason = message.reason
        return
      case 'drained':
        life.isDrained = true
        return this.#changed()
      default:
        unreachable(message)
    }
  }

  async #revoke({ thread }: Life, { id, revocation }: FromWorker & { readonly kind: 'revoke' }): Promise<void> {
    const outcome = await this.#options.access.revoke(revocation)
    thread.postMessage({ kind: 'revoke-outcome', id, outcome } satisfies ToWorker)
  }

  /** Gives it and every other composed worker the two ends of a new channel. */
  #introduce(index: number, life: Life): void {
    for (const [otherIndex, other] of this.#lives.entries()) {
      if (other === undefined || otherIndex === index || !other.isComposed) continue
      const { port1, port2 } = new MessageChannel()
      const toNew: ToWorker = { kind: 'peer', index: otherIndex, address: other.address, port: port1 }
      const toOther: ToWorker = { kind: 'peer', index, address: life.address, port: port2 }
      life.thread.postMessage(toNew, [port1])
      other.thread.postMessage(toOther, [port2])
    }
  }

  #ended(index: number, life: Life): void {
    this.#lives[index] = undefined
    this.#options.access.workerGone(index)
    if (this.#isStopping) return this.#changed()
    if (!this.#isServing) return this.#fail(new Error(`Worker ${index} could not start: ${life.reason}`))
    this.#broadcast({ kind: 'peer-gone', index, address: life.address })
    const pauseMs = this.#pauses[index]!.next(performance.now())
    this.#options.logger.error({ event: 'worker-failed', worker: index, reason: life.reason, pauseMs }, 'a worker died')
    setTimeout(() => void this.#begin(index).catch(this.#fail), pauseMs)
  }

  /** Whether it became true in time. */
  async #until(isTrue: () => boolean, withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs
    while (!isTrue()) {
      const leftMs = until - performance.now()
      if (leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#changed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }

  #broadcast(message: ToWorker): void {
    for (const life of this.#lives) life?.thread.postMessage(message)
  }
}
