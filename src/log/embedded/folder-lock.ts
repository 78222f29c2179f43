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
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { UnavailableError } from '../../domain/errors.js'

export interface FolderLock extends AsyncDisposable {
  /** Who knocks from now on is let in; before, and where nobody answers, a knock only shows that somebody is there. */
  onKnock(answer: (knock: Socket) => void): void
}

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

/** A connection to whoever has the folder; undefined where nobody has. */
export async function knockAt(path: string): Promise<Socket | undefined> {
  const descriptor = descriptorOf(path)
  try {
    for (const name of readdirSync(path).filter((each) => NAME.test(each))) {
      const knock = await knocked(socketPath(path, descriptor, name))
      if (knock !== undefined) return knock
    }
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

class Listening implements FolderLock {
  readonly name = `lock-${randomBytes(8).toString('hex')}.sock`
  readonly #path: string
  readonly #descriptor: number | undefined
  readonly #server: Server
  readonly #knocks = new Set<Socket>()
  #answer: ((knock: Socket) => void) | undefined

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
    this.#descriptor = descriptorOf(path)
    this.#server = createServer((knock) => this.#knocked(knock))
    this.#server.unref()
  }

  pathOf(name: string): string {
    return socketPath(this.#path, this.#descriptor, name)
  }

  onKnock(answer: (knock: Socket) => void): void {
    this.#answer = answer
  }

  #knocked(knock: Socket): void {
    if (this.#answer === undefined) return void knock.destroy()
    knock.unref()
    this.#knocks.add(knock)
    knock.on('close', () => this.#knocks.delete(knock))
    this.#answer(knock)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const knock of this.#knocks) knock.destroy()
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
async function isStale(path: string): Promise<boolean> {
  try {
    const knock = await knocked(path)
    knock?.destroy()
    return knock === undefined
  } catch {
    return false
  }
}

/** Undefined where nobody listens any more. Rejects where nobody can tell. */
function knocked(path: string): Promise<Socket | undefined> {
  return new Promise((answer, failed) => {
    const knock = connect(path)
    knock.once('connect', () => answer(knock))
    knock.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? answer(undefined) : failed(error),
    )
  })
}

/** Linux reaches any folder by a short name, and paths of sockets are cut at about 100 bytes. */
function descriptorOf(folder: string): number | undefined {
  return existsSync('/proc/self/fd') ? openSync(folder, 'r') : undefined
}

function socketPath(folder: string, descriptor: number | undefined, name: string): string {
  const path = descriptor === undefined ? join(folder, name) : `/proc/self/fd/${descriptor}/${name}`
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return path
  throw new UnavailableError(`Cannot lock the data folder ${folder}: its path is too long for a socket`)
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
