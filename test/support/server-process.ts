/**
 * A whole Parley as a person starts it, in its own process and folder: for tests that kill things.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const SECRET = 'Zx4-test-6Yb8Qn2Wm0Rk5Tc9Vj3Hs7Pd1'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface ServerOptions {
  readonly workers?: number
  readonly port?: number
  /** A folder of an earlier server; by default a new one, removed with the server. */
  readonly dataFolder?: string
  /** Undefined takes a variable out. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class ServerProcess implements AsyncDisposable {
  readonly dataFolder: string
  /** Of the supervising parent. */
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''
  readonly #parent: ChildProcess
  readonly #ownsFolder: boolean
  #changed: () => void = () => {}

  private constructor(options: ServerOptions) {
    const { workers = 2, port = 0, environment = {} } = options
    if (!existsSync(MAIN)) throw new Error('dist/main.js is not there: npm test builds it first')
    this.#ownsFolder = options.dataFolder === undefined
    this.dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'parley-server-'))
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_'))
    this.#parent = spawn(process.execPath, [MAIN], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        PARLEY_PORT: `${port}`,
        PARLEY_DATA: this.dataFolder,
        PARLEY_WORKERS: `${workers}`,
        PARLEY_SECRET: SECRET,
        ...environment,
      },
    })
    this.ended = once(this.#parent, 'exit').then(([code, signal]) => ({ code, signal }))
    this.#parent.stdout!.on('data', (text) => {
      this.stdout += text
      this.#changed()
    })
    this.#parent.stderr!.on('data', (text) => {
      this.stderr += text
      this.#changed()
    })
    void this.ended.then(() => this.#changed())
  }

  /** Resolves when it serves. Throws with what it said where it ends instead. */
  static async start(options: ServerOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(options)
    await server.serving(1)
    return server
  }

  /** Does not wait for it to serve: for starts that are meant to fail. */
  static begin(options: ServerOptions = {}): ServerProcess {
    return new ServerProcess(options)
  }

  /** Resolves when it has begun to serve for the `times`-th time. */
  async serving(times: number): Promise<void> {
    await this.until(() => this.#banners().length >= times)
  }

  /** Of the last life. */
  get port(): number {
    return Number(this.#banners().at(-1)![1])
  }

  /** Of plain TCP, in the last life; only with PARLEY_TCP_PORT. */
  get tcpPort(): number {
    return Number([...this.stdout.matchAll(/tcp +\S*:(\d+), the same/g)].at(-1)![1])
  }

  /** Of the server process in its last life. */
  get pid(): number {
    return Number(this.#banners().at(-1)![2])
  }

  get parentPid(): number {
    return this.#parent.pid!
  }

  /** Waits for output that makes `isTrue` true. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      const { exitCode, signalCode } = this.#parent
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`Parley ended (${exitCode ?? signalCode}): ${this.stdout}${this.stderr}`)
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  async stop(): Promise<Ended> {
    this.#parent.kill('SIGTERM')
    return await this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#parent.exitCode === null && this.#parent.signalCode === null) await this.stop()
    if (this.#ownsFolder) rmSync(this.dataFolder, { recursive: true, force: true })
  }

  #banners(): RegExpExecArray[] {
    return [...this.stdout.matchAll(/serves ws:\/\/.*:(\d+)\/v1\/ws\n.* pid (\d+)\n/g)]
  }
}
