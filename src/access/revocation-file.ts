/**
 * Revocations on disk: one JSON line each, appended and synced before anybody hears that it is so. The main thread alone
 * has the file open (ADR 49). A last line that a crash cut short was never confirmed, and is cut off.
 */
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type AppId, ID_BYTES_MAX, isId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { type Revocation, Revocations } from './revocations.js'

export class RevocationFile implements AsyncDisposable {
  /** What the file says; `append` adds to it. */
  readonly revocations: Revocations
  readonly #file: FileHandle
  /** Appends happen one after another. */
  #last: Promise<unknown> = Promise.resolve()
  #cause: unknown

  private constructor(file: FileHandle, revocations: Revocations) {
    this.#file = file
    this.revocations = revocations
  }

  /** Reads it, and writes it anew without the lines that say nothing any more. Throws an Error naming a line that is none. */
  static async open(path: string): Promise<RevocationFile> {
    await mkdir(dirname(path), { recursive: true })
    const revocations = new Revocations()
    for (const line of await linesOf(path)) revocations.add(line)
    const fresh = `${path}.new`
    await using written = await open(fresh, 'w', 0o600)
    await written.writeFile([...revocations.all()].map(lineOf).join(''))
    await written.sync()
    await rename(fresh, path)
    await using folder = await open(dirname(path), 'r')
    await folder.sync()
    return new RevocationFile(await open(path, 'a'), revocations)
  }

  /** Resolves once it survives a loss of power. `full`: there are LIMITS.revocationsMax already. */
  append(revocation: Revocation): Promise<'stored' | 'known' | 'full'> {
    const done = this.#last.then(() => this.#append(revocation))
    this.#last = done.catch(() => {})
    return done
  }

  async #append(revocation: Revocation): Promise<'stored' | 'known' | 'full'> {
    // After a failed sync nobody knows what the file holds (rules §12): the next start reads what is there.
    if (this.#cause !== undefined) throw new Error('the file of revocations failed before', { cause: this.#cause })
    if (revocation.user !== undefined && this.revocations.size >= LIMITS.revocationsMax) return 'full'
    if (!this.revocations.isNews(revocation)) return 'known'
    try {
      await this.#file.appendFile(lineOf(revocation))
      await this.#file.datasync()
    } catch (cause) {
      this.#cause = cause
      throw cause
    }
    this.revocations.add(revocation)
    return 'stored'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
    await this.#file.close()
  }
}

async function linesOf(path: string): Promise<Revocation[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw cause
  }
  const lines = text.split('\n')
  lines.pop() // what is behind the last newline was cut short
  return lines.map((line, index) => {
    const revocation = readLine(line)
    if (revocation === undefined) throw new Error(`${path}, line ${index + 1} is no revocation`)
    return revocation
  })
}

function lineOf(revocation: Revocation): string {
  return `${JSON.stringify(revocation)}\n`
}

function readLine(line: string): Revocation | undefined {
  try {
    const { app, user, issuedBefore } = JSON.parse(line) as Record<string, unknown>
    if (typeof app !== 'string' || !isId(app, ID_BYTES_MAX) || typeof issuedBefore !== 'number') return undefined
    if (user === undefined) return { app: app as AppId, issuedBefore }
    if (typeof user !== 'string' || !isId(user, ID_BYTES_MAX)) return undefined
    return { app: app as AppId, user: user as UserId, issuedBefore }
  } catch {
    return undefined
  }
}
