/**
 * Keeps a preallocated segment ready, so that a sync writes data and no metadata, and so that a full disk still takes
 * the barriers and carries that let purge free some of it (rules §6).
 *
 * Node has no fallocate: zeroes are written and synced in slices, in the background, between commits. A purged segment
 * of this thread becomes the next spare as it is; group heads carry the segment's id, so its old bytes mean nothing. A
 * spare once begun is finished though a purged segment comes first: zeroes slow the appends beside them, and so there
 * are soon as many files as go round, and none is made any more.
 */
import type { Clock, Timer } from '../../std/clock.js'
import type { Random } from '../../std/random.js'
import type { LogFile, LogFolder } from './file-port.js'
import type { Alarm, WalOptions } from './options.js'
import { nameOf, newSegmentId } from './segment.js'

export interface Spare {
  readonly name: string
  readonly file: LogFile
  /** How much of it can be written without the file growing. */
  readonly bytes: number
}

/** Purge frees segments several at a time; those kept need not be written full of zeroes again. */
const SPARES_KEPT = 4

export class Spares {
  readonly #folder: LogFolder
  readonly #writer: number
  readonly #options: WalOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #alarm: Alarm
  readonly #ready: Spare[] = []
  #making: Promise<void> | undefined
  #retry: Timer | undefined
  #closed = false
  /** True from a failure to make a spare until one is there again: the reserve is in use. */
  lacking = false

  constructor(folder: LogFolder, { writer, options, clock, random, alarm }: SparesContext) {
    this.#folder = folder
    this.#writer = writer
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#alarm = alarm
  }

  /** True where a purged file would be of use. */
  get wanted(): boolean {
    return this.#ready.length < SPARES_KEPT && !this.#closed
  }

  /** Hands out the spare, or an empty file where none is ready. Throws where that cannot be made. */
  take(): Spare {
    return this.#ready.shift() ?? this.#create()
  }

  /** A purged segment, already under its new name. */
  give(spare: Spare): void {
    if (this.wanted) {
      this.#ready.push(spare)
      this.lacking = false
    } else this.#discard(spare)
  }

  /** Makes a spare unless there is one; resolves when that has come to an end, well or not. */
  prepare(bytes: number): Promise<void> {
    if (this.#ready.length > 0 || this.#closed) return Promise.resolve()
    this.#making ??= this.#make(bytes).finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    await this.#making
    for (const spare of this.#ready.splice(0)) this.#discard(spare)
  }

  async #make(bytes: number): Promise<void> {
    let spare: Spare | undefined
    try {
      spare = { ...this.#create(), bytes }
      const zeroes = new Uint8Array(Math.min(this.#options.sliceBytes, bytes))
      let at = 0
      for (; at < bytes && !this.#closed; at += zeroes.byteLength) {
        spare.file.write([zeroes.subarray(0, Math.min(zeroes.byteLength, bytes - at))], at)
        await spare.file.sync()
      }
      if (at >= bytes) this.give(spare)
      else this.#discard(spare)
    } catch (cause) {
      if (spare !== undefined) this.#discard(spare)
      if (this.#ready.length > 0) return // a purged segment came meanwhile: nothing is lacking
      if (!this.lacking) this.#alarm('cannot make a spare log segment; sends are refused once it is needed', cause)
      this.lacking = true
      this.#retry?.cancel()
      this.#retry = this.#clock.after(this.#options.spareRetryMs, () => void this.prepare(bytes))
    }
  }

  #create(): Spare {
    const name = nameOf(this.#writer, newSegmentId(this.#random), 'spare')
    return { name, file: this.#folder.create(name), bytes: 0 }
  }

  #discard({ name, file }: Spare): void {
    file.close()
    try {
      this.#folder.unlink(name)
    } catch (cause) {
      this.#alarm(`cannot delete spare log segment ${name}`, cause) // recovery does at the next start
    }
  }
}

export interface SparesContext {
  readonly writer: number
  readonly options: WalOptions
  readonly clock: Clock
  readonly random: Random
  readonly alarm: Alarm
}
