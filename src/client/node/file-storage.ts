/**
 * A client's storage as a folder of its own: one file to which each transaction is appended as a line and synced, and
 * which is written anew, under the next number, when it is opened, has grown, or a write has failed.
 *
 * A line is the CRC-32 of what follows it, a blank, and the changes as JSON. Only the last line can be torn, by a crash
 * while it was written, and then nobody was told that it is there; a bad line before it is damage, and is reported.
 */
import { readdirSync, readFileSync, renameSync, unlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32OfText } from '../../std/crc32.js'
import { makeFolder } from '../../std/make-folder.js'
import { type ClientStorage, StorageError } from '../storage.js'

export interface FileStorageParts {
  /** Made where it is not there, for this user only. */
  readonly folder: string
  /** Takes the folder for this process, and throws where another has it. */
  lock(folder: string): Promise<AsyncDisposable>
}

type Change = readonly [key: string, value: string | null]

const NAME = /^queue-(\d+)\.(?:log|new)$/
/** A file is written anew once it is so many times what it holds, and larger than this. */
const GROWTH_MAX = 4
const REWRITE_BYTES_MIN = 256 * 1024

export class FileStorage implements ClientStorage {
  readonly #parts: FileStorageParts
  readonly #entries = new Map<string, string>()
  #lock: AsyncDisposable | undefined
  #file: FileHandle | undefined
  #number = 0
  #size = 0
  #sizeWhenNew = 0

  constructor(parts: FileStorageParts) {
    this.#parts = parts
  }

  async open(): Promise<ReadonlyMap<string, string>> {
    const { folder, lock } = this.#parts
    try {
      makeFolder(folder, { mode: 0o700 })
      this.#lock = await lock(folder)
    } catch (cause) {
      throw new StorageError(`Cannot open the storage ${folder}: is it in use, or not writable?`, { cause })
    }
    try {
      this.#load()
      await this.#rewrite()
    } catch (cause) {
      await this.close()
      if (cause instanceof StorageError) throw cause
      throw new StorageError(`Cannot read and rewrite the storage ${folder}`, { cause })
    }
    return new Map(this.#entries)
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    for (const [key, value] of changes) {
      if (value === undefined) this.#entries.delete(key)
      else this.#entries.set(key, value)
    }
    const isLarge = this.#size > REWRITE_BYTES_MIN && this.#size > GROWTH_MAX * this.#sizeWhenNew
    const file = this.#file
    if (file === undefined || isLarge) return await this.#rewrite()
    const line = lineOf([...changes].map(([key, value]) => [key, value ?? null]))
    try {
      await file.appendFile(line)
      await file.datasync()
    } catch (cause) {
      this.#file = undefined // what the file ends with is not known: the next write makes another
      await file.close().catch(() => {})
      throw cause
    }
    this.#size += Buffer.byteLength(line)
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    await this.#lock?.[Symbol.asyncDispose]()
    this.#lock = undefined
  }

  #load(): void {
    const numbers = this.#files('log').map(numberOf)
    this.#number = Math.max(0, ...numbers)
    if (numbers.length === 0) return
    const lines = readFileSync(this.#path('log'), 'utf8').split('\n')
    const torn = lines.pop() // empty where the file ends with a whole line
    const bad = lines.findIndex((line) => changesOf(line) === undefined)
    if (bad >= 0 && (bad < lines.length - 1 || torn !== '')) {
      throw new StorageError(`The storage ${this.#parts.folder} is damaged in line ${bad + 1}: delete it to begin anew`)
    }
    for (const line of lines) {
      for (const [key, value] of changesOf(line) ?? []) {
        if (value === null) this.#entries.delete(key)
        else this.#entries.set(key, value)
      }
    }
  }

  /** Everything as one line of the next file, which counts from its renaming on. */
  async #rewrite(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    const line = lineOf([...this.#entries])
    const before = this.#number++
    const file = await open(this.#path('new'), 'w', 0o600)
    try {
      await file.writeFile(line)
      await file.datasync()
    } finally {
      await file.close()
    }
    renameSync(this.#path('new'), this.#path('log'))
    this.#file = await open(this.#path('log'), 'a')
    this.#size = Buffer.byteLength(line)
    this.#sizeWhenNew = this.#size
    await this.#syncFolder()
    for (const name of this.#files('log', 'new')) {
      if (numberOf(name) <= before) unlinkSync(join(this.#parts.folder, name))
    }
  }

  #files(...endings: readonly string[]): string[] {
    return readdirSync(this.#parts.folder).filter(
      (name) => NAME.test(name) && endings.some((ending) => name.endsWith(`.${ending}`)),
    )
  }

  #path(ending: 'log' | 'new'): string {
    return join(this.#parts.folder, `queue-${this.#number}.${ending}`)
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#parts.folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

function lineOf(changes: readonly Change[]): string {
  const text = JSON.stringify(changes)
  return `${checksum(text)} ${text}\n`
}

/** Undefined for a line that is not whole. */
function changesOf(line: string): readonly Change[] | undefined {
  const text = line.slice(9)
  return line[8] === ' ' && line.startsWith(checksum(text)) ? (JSON.parse(text) as Change[]) : undefined
}

function checksum(text: string): string {
  return crc32OfText(text).toString(16).padStart(8, '0')
}

function numberOf(name: string): number {
  return Number(NAME.exec(name)![1])
}
