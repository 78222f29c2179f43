/**
 * What is measured: Parley itself on a data folder of its own, or the bare relay it is compared with. Both run in their
 * own process on the server's cores and are ended, by their process id, when the bench is.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Address } from './connection.js'
import { pinned } from './cores.js'
import { ProcessTree } from './process-tree.js'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000

/** Whatever ends the bench ends them, too. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface ServerOptions {
  readonly cores: string | undefined
  readonly dataFolder: string
  readonly workers: number
  readonly secret: string
}

/** `BENCH_SERVER_NODE="--cpu-prof --cpu-prof-dir=DIR"` profiles the server while it is loaded. */
function profilerArguments(): string[] {
  return process.env.BENCH_SERVER_NODE?.split(' ') ?? []
}

export class Target {
  readonly address: Address
  readonly processes: ProcessTree
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: Address) {
    this.#child = child
    this.address = address
    this.processes = new ProcessTree(child.pid!)
  }

  /** Resolves once the server answers 200 on /readyz. */
  static async server(options: ServerOptions): Promise<Target> {
    const command = pinned(options.cores, [process.execPath, ...profilerArguments(), entry('../main.js')])
    const target = await Target.#start(command, {
      PARLEY_HOST: '127.0.0.1',
      PARLEY_PORT: '0',
      PARLEY_LOG_LEVEL: 'error', // taking over 256 shards at every start is worth 256 warnings
      PARLEY_DATA: options.dataFolder,
      PARLEY_WORKERS: `${options.workers}`,
      PARLEY_SECRET: options.secret,
    })
    await target.#ready()
    return target
  }

  static relay(options: { readonly cores: string | undefined; readonly batching: boolean }): Promise<Target> {
    const flags = options.batching ? [] : ['--no-batch']
    return Target.#start(pinned(options.cores, [process.execPath, entry('./relay.js'), ...flags]), {})
  }

  /** Starts a program that prints the address it listens on. */
  static async #start(command: readonly string[], environment: Record<string, string>): Promise<Target> {
    const child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    const address = await addressPrinted(child)
    return new Target(child, address)
  }

  async #ready(): Promise<void> {
    const url = `http://${this.address.host}:${this.address.port}/readyz`
    const giveUpAt = performance.now() + START_TIMEOUT_MS
    while (performance.now() < giveUpAt) {
      const status = await fetch(url).then(
        (response) => response.status,
        () => 0,
      )
      if (status === 200) return
      await sleep(5)
    }
    throw new Error(`Cannot start the server: ${url} is not ready after ${START_TIMEOUT_MS} ms`)
  }

  /** Ends it the way an operator does, and without mercy after STOP_TIMEOUT_MS. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** kill -9, to every process of the tree. */
  async kill(): Promise<void> {
    const pids = this.processes.pids()
    for (const pid of pids) killIfThere(pid) // the parent first, which would start its child again
    await this.#end('SIGKILL')
    while (pids.some((pid) => existsSync(`/proc/${pid}/fd/0`))) await sleep(1) // they have the data folder till then
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    const mercy = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(mercy)
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function addressPrinted(child: ChildProcess): Promise<Address> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(
      () => reject(new Error(`Nothing listens after ${START_TIMEOUT_MS} ms: ${printed}`)),
      START_TIMEOUT_MS,
    )
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`The program ended with code ${code} before it listened: ${printed}`)),
    )
    child.stdout!.on('data', (chunk: Buffer) => {
      if (printed.length > 64 * 1024) return // found long ago; what follows is only drained
      printed += chunk.toString()
      const found = /\b(127\.0\.0\.1|localhost|\[::1\]):(\d{2,5})\b/.exec(printed)
      if (found === null) return
      clearTimeout(timer)
      resolve({ host: '127.0.0.1', port: Number(found[2]) })
    })
  })
}

function entry(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
