/**
 * A server process without its supervising parent, so that a test decides when it dies and what comes next: how many
 * workers, under which wrapper. Each life listens on a port of its own, since another process may take a free one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { SECRET } from '../support/server-process.js'

export interface LifeOptions {
  readonly dataFolder: string
  readonly workers: number
  /** A program and arguments that the server runs under, for example strace. */
  readonly wrapper?: readonly string[]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** However we end, none of ours goes on. */
const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export class ServerUnderTest implements AsyncDisposable {
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #serving: Promise<void>

  constructor({ dataFolder, workers, wrapper = [] }: LifeOptions) {
    const script = resolve('dist/server.js')
    if (!existsSync(script)) throw new Error('dist/server.js is not there: node scripts/build.mjs server')
    const [program, ...args] = [...wrapper, process.execPath, script]
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_'))
    this.#child = spawn(program!, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // the server ends when its channel does: none outlives a test that was killed
      env: {
        ...Object.fromEntries(inherited),
        PARLEY_PORT: '0',
        PARLEY_DATA: dataFolder,
        PARLEY_WORKERS: `${workers}`,
        PARLEY_SECRET: SECRET,
      },
    })
    alive.add(this.#child)
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      alive.delete(this.#child)
      return { code, signal }
    })
    this.#child.stderr!.on('data', (text) => {
      this.stderr += text
    })
    this.#serving = new Promise((serves, fails) => {
      this.#child.stdout!.on('data', (text) => {
        this.stdout += text
        if (this.#banner !== null) serves()
      })
      void this.ended.then(() => fails(new Error(`the server ended before it served: ${this.stdout}${this.stderr}`)))
    })
    this.#serving.catch(() => {}) // who waits for it hears; nobody has to
  }

  static async start(options: LifeOptions): Promise<ServerUnderTest> {
    const server = new ServerUnderTest(options)
    await server.serving()
    return server
  }

  /** Resolves when it serves. Throws with what it said where it ends instead. */
  serving(): Promise<void> {
    return this.#serving
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get port(): number {
    return Number(this.#banner![1])
  }

  /** Of the server itself, whatever it runs under. */
  get pid(): number {
    return Number(this.#banner![2])
  }

  get #banner(): RegExpExecArray | null {
    return /serves ws:\/\/.*:(\d+)\/v1\/ws\n.* pid (\d+)\n/.exec(this.stdout)
  }

  /** kill -9, whatever it is doing. */
  async kill(): Promise<Ended> {
    this.#child.kill('SIGKILL')
    return await this.ended
  }

  /** SIGTERM. */
  async stop(): Promise<Ended> {
    if (this.isAlive) process.kill(this.#banner === null ? this.#child.pid! : this.pid, 'SIGTERM')
    return await this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) await this.stop()
  }
}
