/** One server after another on one folder, each with the next number of workers. */
import { ServerUnderTest } from './server-under-test.js'

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

  async serving(): Promise<ServerUnderTest> {
    const life = this.begin()
    await life.serving()
    return life
  }

  /** Ends whatever life there is, gently. */
  async stop(): Promise<void> {
    await this.#current?.stop()
  }
}
