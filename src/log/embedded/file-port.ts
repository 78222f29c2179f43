/**
 * The files under the WAL, so that tests can fail a write, lie about a sync, and replay a power loss at any point.
 *
 * What is written is visible to reads at once and survives the process; it survives a power loss only once `sync` of
 * the file has resolved, and its name only once `sync` of the folder has. Errors are Node's, with their `code`.
 *
 * Writes are synchronous: they copy into the page cache, which is cheaper than a trip through the thread pool.
 */
import * as fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { makeFolder } from '../../std/make-folder.js'

export interface LogFile {
  /** Writes all parts one after another from `at` on. Throws WriteError, which says how much of them was taken. */
  write(parts: readonly Uint8Array[], at: number): void
  /** Makes everything written before this call durable. After a rejection nobody knows, and a second try lies. */
  sync(): Promise<void>
  /** Reads into all of `into`, or as much as there is; returns how much. */
  read(into: Uint8Array, at: number): Promise<number>
  size(): number
  close(): void
}

/** A write that broke off: the first `taken` bytes were written, no others. */
export class WriteError extends Error {
  override readonly name = 'WriteError'
  readonly taken: number

  constructor(taken: number, cause: unknown) {
    super(`Cannot write to a log file: ${taken} bytes were taken`, { cause })
    this.taken = taken
  }
}

export interface LogFolder {
  readonly path: string
  names(): string[]
  /** Makes a new, empty file for reading and writing; throws where the name is taken. */
  create(name: string): LogFile
  openToRead(name: string): LogFile
  /** Gives a file another name, in place of what had that name. Open files follow. */
  rename(from: string, to: string): void
  unlink(name: string): void
  /** Makes all names as they are now durable. */
  sync(): Promise<void>
}

/** Opens a folder of the real file system, and makes it, durably, where it is not there. */
export function openNodeFolder(path: string): LogFolder {
  const whole = resolve(path)
  makeDurably(whole)
  return new NodeFolder(whole)
}

/** Free bytes of the disk under a folder; Infinity where it does not say: a write will. */
export function freeBytesOf(path: string): number {
  try {
    const { bavail, bsize } = fs.statfsSync(path)
    return bavail * bsize
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** What an error of a file operation means for an append that certainly left nothing behind. */
export function refusalOf(error: unknown): 'full' | 'read-only' {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' ? 'full' : 'read-only'
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

function codeOf(error: unknown): string {
  if (error instanceof WriteError) return codeOf(error.cause)
  return String((error as { code?: unknown } | null)?.code ?? '')
}

function makeDurably(path: string): void {
  if (fs.existsSync(path)) return
  makeDurably(dirname(path))
  makeFolder(path, { mode: 0o700 })
  const parent = fs.openSync(dirname(path), 'r')
  try {
    fs.fsyncSync(parent)
  } finally {
    fs.closeSync(parent)
  }
}

class NodeFolder implements LogFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  names(): string[] {
    return fs.readdirSync(this.path)
  }

  create(name: string): LogFile {
    return new NodeFile(fs.openSync(join(this.path, name), 'wx+', 0o600))
  }

  openToRead(name: string): LogFile {
    return new NodeFile(fs.openSync(join(this.path, name), 'r'))
  }

  rename(from: string, to: string): void {
    fs.renameSync(join(this.path, from), join(this.path, to))
  }

  unlink(name: string): void {
    fs.unlinkSync(join(this.path, name))
  }

  async sync(): Promise<void> {
    const folder = fs.openSync(this.path, 'r')
    try {
      await new Promise<void>((done, failed) => fs.fsync(folder, (error) => (error ? failed(error) : done())))
    } finally {
      fs.closeSync(folder)
    }
  }
}

class NodeFile implements LogFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  write(parts: readonly Uint8Array[], at: number): void {
    let taken = 0
    try {
      if (parts.length > 1) taken = fs.writevSync(this.#descriptor, parts, at)
      let start = 0
      for (const part of parts) {
        // What a short write left, or a single part.
        while (taken < start + part.byteLength) {
          const from = taken - start
          taken += fs.writeSync(this.#descriptor, part, from, part.byteLength - from, at + taken)
        }
        start += part.byteLength
      }
    } catch (cause) {
      throw new WriteError(taken, cause)
    }
  }

  sync(): Promise<void> {
    return new Promise((done, failed) => {
      fs.fdatasync(this.#descriptor, (error) => (error ? failed(error) : done()))
    })
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    let filled = 0
    while (filled < into.byteLength) {
      const taken = await this.#readSome(into, filled, at + filled)
      if (taken === 0) break
      filled += taken
    }
    return filled
  }

  #readSome(into: Uint8Array, from: number, at: number): Promise<number> {
    return new Promise((done, failed) => {
      fs.read(this.#descriptor, into, from, into.byteLength - from, at, (error, taken) =>
        error ? failed(error) : done(taken),
      )
    })
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}
