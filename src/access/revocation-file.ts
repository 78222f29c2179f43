/**
 * Revocations on disk: one JSON line each with its CRC-32, appended and synced before anybody hears that it is so. The main
 * thread alone has the file open (ADR 49). A last line that a crash cut short was never confirmed, and is cut off.
 */
import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type AppId, ID_BYTES_MAX, isId, type UserId } from '../domain/ids.js'
import { crc32OfText } from '../std/crc32.js'
import { type Revocation, Revocations } from './revocations.js'

export class RevocationFile implements AsyncDisposable {
  /** Those of the file, and those on their way there. */
  readonly revocations: Revocations
  /** The last line was none; it was cut off. */
  readonly wasCut: boolean
  readonly #path: string
  #file: FileHandle | undefined
  /** Writes happen one after another. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, { revocations, wasCut }: Contents) {
    this.#path = path
    this.revocations = revocations
    this.wasCut = wasCut
  }

  /** Reads it, and writes it anew without the lines that say nothing any more. Throws an Error naming a line that is none. */
  static async open(path: string): Promise<RevocationFile> {
    await mkdir(dirname(path), { recursive: true })
    const file = new RevocationFile(path, await contentsOf(path))
    await file.#writeAnew()
    return file
  }

  /**
   * Takes it in at once, if there is room for it (Revocations.hasRoomFor is the caller's to ask); resolves once it survives a
   * loss of power. Rejects where the disk does not take it: then nobody knows, and the next call writes all of them anew.
   */
  append(revocation: Revocation): Promise<void> {
    const isNews = this.revocations.isNews(revocation)
    this.revocations.add(revocation)
    const done = this.#last.then(() => this.#store(isNews ? lineOf(revocation) : ''))
    this.#last = done.catch(() => {})
    return done
  }

  async #store(line: string): Promise<void> {
    if (this.#file === undefined) return await this.#writeAnew()
    try {
      await this.#file.appendFile(line)
      await this.#file.datasync()
    } catch (cause) {
      // After a failed sync nobody knows what this file holds, and a second sync of it proves nothing (rules §12).
      await this.#forgetFile()
      throw cause
    }
  }

  async #writeAnew(): Promise<void> {
    const fresh = `${this.#path}.new`
    {
      await using written = await open(fresh, 'w', 0o600)
      await written.writeFile([...this.revocations.all()].map(lineOf).join(''))
      await written.sync()
    }
    await rename(fresh, this.#path)
    await using folder = await open(dirname(this.#path), 'r')
    await folder.sync()
    this.#file = await open(this.#path, 'a')
  }

  async #forgetFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {}) // what it would say is known
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
    await this.#forgetFile()
  }
}

interface Contents {
  readonly revocations: Revocations
  readonly wasCut: boolean
}

async function contentsOf(path: string): Promise<Contents> {
  const lines = (await textOf(path)).split('\n')
  let wasCut = lines.pop() !== '' // what is behind the last newline was cut short
  const revocations = new Revocations()
  for (const [index, line] of lines.entries()) {
    const revocation = readLine(line)
    if (revocation !== undefined) revocations.add(revocation)
    else if (index === lines.length - 1 && !wasCut) wasCut = true
    else throw new Error(`${path}, line ${index + 1} is no revocation; take it out, and revoke again whom it was of`)
  }
  return { revocations, wasCut }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw cause
  }
}

function lineOf({ app, user, issuedBefore }: Revocation): string {
  const revocation = { app, ...(user !== undefined && { user }), issuedBefore }
  return `${JSON.stringify({ ...revocation, crc: crcOf(revocation) })}\n`
}

function crcOf(revocation: Revocation): number {
  return crc32OfText(JSON.stringify(revocation))
}

/** The first builds wrote no CRC. */
function readLine(line: string): Revocation | undefined {
  try {
    const { app, user, issuedBefore, crc } = JSON.parse(line) as Record<string, unknown>
    if (typeof app !== 'string' || !isId(app, ID_BYTES_MAX) || typeof issuedBefore !== 'number') return undefined
    if (user !== undefined && (typeof user !== 'string' || !isId(user, ID_BYTES_MAX))) return undefined
    const revocation = { app: app as AppId, ...(user !== undefined && { user: user as UserId }), issuedBefore }
    return crc === undefined || crc === crcOf(revocation) ? revocation : undefined
  } catch {
    return undefined
  }
}
