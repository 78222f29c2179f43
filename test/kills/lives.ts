/** One server after another on one folder, each with the next number of workers. */
import { ServerUnderTest } from './server-under-test.js'

/** Far beyond what a recovery takes. */
const START_MS_MAX = 60_000

export class Lives {
  /** Where the present one listens; undefined while none does. */
  port: number | undefined
  readonly folder: string
  readonly #workers: readonly number[]
  readonly #served: () => void
  #lives = 0
  #current: ServerUnderTest | undefined

  /** `served` is called when a life has begun to serve. */
  constructor(folder: string, workers: readonly number[], served: () => void = () => {}) {
    this.#served = served
    this.folder = folder
    this.#workers = workers
  }

  /** Does not wait for it to serve. */
  begin(): ServerUnderTest {
    const workers = this.#workers[this.#lives++ % this.#workers.length]!
    const life = new ServerUnderTest({ dataFolder: this.folder, workers })
    this.#current = life
    life.serving().then(
      () => {
        this.port = life.port
        this.#served()
      },
      () => {}, // it was killed in its start, or whoever waits for it hears why not
    )
    void life.ended.then(() => {
      this.port = undefined
    })
    return life
  }

  /** Throws where it does not serve in time. */
  async serving(): Promise<ServerUnderTest> {
    const life = this.begin()
    await within(START_MS_MAX, life.serving(), 'the server did not serve')
    return life
  }

  /** Ends it with -9. */
  async kill(): Promise<void> {
    await this.#current?.kill()
  }

  /** Ends whatever life there is, gently. */
  async stop(): Promise<void> {
    await this.#current?.stop()
  }
}

/** Rejects where `promise` has not come to an end by then. */
export async function within<Result>(limitMs: number, promise: Promise<Result>, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${limitMs} ms`)), limitMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
