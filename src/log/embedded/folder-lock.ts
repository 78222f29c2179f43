/**
 * One process per data folder, also after kill -9, also between containers that share a volume.
 *
 * Node has no flock, and a pid in a file means nothing in another container. So the holder listens on a Unix socket of
 * its own random name in the folder: the kernel closes it with the process, and a name that refuses connections is
 * known to be stale (ADR 23). Who starts listens *first*, then knocks at all other names. Of two that start at once, at
 * least one therefore hears the other, and steps back; perhaps both do, which is safe.
 *
 * A name may look stale between another starter's bind and listen, and be deleted. That starter looks for its own name
 * after knocking, and starts again without it:
 *   1. A binds; 2. B listens, knocks at A in vain, deletes A's name; 3. A listens, knocks at B: B answers, A steps back.
 *   Were B dead by 3, A would hold the folder under no name, and C would not find it; so A takes a new name.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { UnavailableError } from '../../domain/errors.js'

export interface FolderLock extends AsyncDisposable {}

const NAME = /^lock-[0-9a-f]{16}\.sock$/
const PATH_BYTES_MAX = 100 // sun_path holds 108, on some systems 104
const ATTEMPTS_MAX = 10

/** Throws UnavailableError where another process has the folder, or where it takes no sockets. */
export async function lockFolder(path: string): Promise<FolderLock> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const lock = await Listening.in(path)
    try {
      for (const other of readdirSync(path).filter((name) => NAME.test(name) && name !== lock.name)) {
        if (await isStale(lock.pathOf(other))) unlinkIfThere(join(path, other))
        else
          throw new UnavailableError(
            `Cannot use the data folder ${path}: another process has it (${other}); stop that one first`,
          )
      }
    } catch (cause) {
      await lock[Symbol.asyncDispose]()
      throw cause
    }
    if (existsSync(join(path, lock.name))) return lock
    await lock[Symbol.asyncDispose]()
  }
  throw new UnavailableError(`Cannot lock the data folder ${path}: other processes keep starting`)
}

class Listening implements FolderLock {
  readonly name = `lock-${randomBytes(8).toString('hex')}.sock`
  readonly #path: string
  readonly #descriptor: number | undefined
  readonly #server: Server

  static async in(path: string): Promise<Listening> {
    const lock = new Listening(path)
    try {
      await lock.#listen()
    } catch (cause) {
      lock.#closeDescriptor()
      throw new UnavailableError(`Cannot lock the data folder ${path}`, { cause })
    }
    return lock
  }

  private constructor(path: string) {
    this.#path = path
    // Linux reaches any folder by a short name, and paths of sockets are cut at about 100 bytes.
    this.#descriptor = existsSync('/proc/self/fd') ? openSync(path, 'r') : undefined
    this.#server = createServer((knock) => knock.destroy())
    this.#server.unref()
  }

  pathOf(name: string): string {
    const path = this.#descriptor === undefined ? join(this.#path, name) : `/proc/self/fd/${this.#descriptor}/${name}`
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
      throw new UnavailableError(`Cannot lock the data folder ${this.#path}: its path is too long for a socket`)
    }
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((closed) => this.#server.close(closed)) // deletes the name too
    unlinkIfThere(join(this.#path, this.name))
    this.#closeDescriptor()
  }

  #listen(): Promise<void> {
    return new Promise((listening, failed) => {
      this.#server.once('error', failed)
      this.#server.listen({ path: this.pathOf(this.name), backlog: 64 }, () => {
        this.#server.off('error', failed)
        listening()
      })
    })
  }

  #closeDescriptor(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
  }
}

/** True only where nobody listens any more. A stopped or busy process still has the folder. */
function isStale(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const knock = connect(path)
    knock.once('connect', () => {
      knock.destroy()
      answer(false)
    })
    knock.once('error', (error: NodeJS.ErrnoException) =>
      answer(error.code === 'ECONNREFUSED' || error.code === 'ENOENT'),
    )
  })
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
