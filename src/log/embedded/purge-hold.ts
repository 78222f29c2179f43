/**
 * A backup, which is another process, asks the server to delete and reuse no segment while it copies them. It asks over
 * the lock of the data folder (folder-lock.ts): whoever may write there may ask, and the hold ends with the connection.
 *
 *   backup: hold\n     server: held\n
 *   backup: kept\n     server: yes\n, or no\n where the log was about to fill and a segment went all the same
 */
import type { Socket } from 'node:net'
import { UnavailableError } from '../../domain/errors.js'
import { type FolderLock, knockAt } from './folder-lock.js'
import type { PurgePoints } from './purge-points.js'

/** A backup that copies for longer is let down: it copies the log within seconds. */
const HOLD_MS_MAX = 10 * 60_000
/** A server answers within a turn of its main thread's loop. */
const ANSWER_MS_MAX = 10_000

/** The server's end. Each question is one packet, since the next waits for its answer. */
export function serveHolds(lock: FolderLock, points: PurgePoints): void {
  lock.onKnock((knock) => {
    let brokenBefore: number | undefined
    knock.setTimeout(HOLD_MS_MAX, () => knock.destroy())
    knock.on('error', () => {}) // the close that follows says it all
    knock.on('close', () => {
      if (brokenBefore !== undefined) points.release()
    })
    knock.on('data', (question) => {
      if (`${question}` === 'hold\n' && brokenBefore === undefined) {
        brokenBefore = points.brokenHolds
        points.hold()
        knock.write('held\n')
      } else if (`${question}` === 'kept\n') knock.write(points.brokenHolds === brokenBefore ? 'yes\n' : 'no\n')
      else knock.destroy()
    })
  })
}

/** The backup's end. */
export class PurgeHold implements Disposable {
  readonly #knock: Socket

  /** Undefined where nobody has the folder. Throws UnavailableError where its holder does not answer. */
  static async take(dataFolder: string): Promise<PurgeHold | undefined> {
    const knock = await knockAt(dataFolder)
    if (knock === undefined) return undefined
    const hold = new PurgeHold(knock)
    if ((await hold.#ask('hold')) === 'held\n') return hold
    hold[Symbol.dispose]()
    throw new UnavailableError(`Cannot hold the log of ${dataFolder}: its server is starting or stopping; try again`)
  }

  private constructor(knock: Socket) {
    this.#knock = knock
    knock.on('timeout', () => knock.destroy())
    knock.on('error', () => {})
  }

  /** Whether every segment that was there is still there, as it was. */
  async isKept(): Promise<boolean> {
    return (await this.#ask('kept')) === 'yes\n'
  }

  [Symbol.dispose](): void {
    this.#knock.destroy()
  }

  /** Undefined where the connection has ended. */
  #ask(question: string): Promise<string | undefined> {
    const knock = this.#knock
    return new Promise((resolve) => {
      const heard = (answer?: Buffer) => {
        knock.off('data', heard).off('close', ended).setTimeout(0)
        resolve(answer?.toString())
      }
      const ended = () => heard()
      knock.on('data', heard).on('close', ended).setTimeout(ANSWER_MS_MAX)
      if (knock.destroyed) heard()
      else knock.write(`${question}\n`)
    })
  }
}
