/**
 * Reads frames back from segments, through a bounded number of open files, and checks every frame's CRC.
 */
import { crc32 } from 'node:zlib'
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import type { LoggedFrame } from '../shard-log.js'
import { isMissing, type LogFile, type LogFolder } from './file-port.js'
import type { Place } from './frame-index.js'

/** Old segments are read at takeovers only, by few at once. */
const OPEN_FILES_MAX = 16

interface OpenSegment {
  readonly file: LogFile
  reads: number
}

export class SegmentReader {
  readonly #folder: LogFolder
  /** By file name, the longest unused first. */
  readonly #open = new Map<string, OpenSegment>()
  #openFilesMax = OPEN_FILES_MAX

  constructor(folder: LogFolder) {
    this.#folder = folder
  }

  /** Reads frames of one segment that lie close together. Undefined where the file is gone. Throws UnavailableError,
   *  CorruptionError. */
  async read(places: readonly Place[]): Promise<LoggedFrame[] | undefined> {
    const { segment, offset } = places[0]!
    const last = places.at(-1)!
    const chunk = new Uint8Array(last.offset + last.bytes - offset)
    let opened: OpenSegment
    try {
      opened = this.#take(segment)
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw new UnavailableError(`Cannot open log segment ${segment}`, { cause })
    }
    try {
      await opened.file.read(chunk, offset)
    } catch (cause) {
      throw new UnavailableError(`Cannot read log segment ${segment} at ${offset}`, { cause })
    } finally {
      opened.reads--
      this.#trim()
    }
    return places.map((place) => {
      const bytes = chunk.subarray(place.offset - offset, place.offset - offset + place.bytes)
      if (crc32(bytes) !== place.crc) {
        throw new CorruptionError(`Log segment ${segment} at offset ${place.offset}: the frame is not what was written`)
      }
      return { tail: place.tail, bytes }
    })
  }

  /** True while a read of the segment is under way: its file must not be used for anything else. */
  isReading(segment: string): boolean {
    return (this.#open.get(segment)?.reads ?? 0) > 0
  }

  /** The segment is about to go; nobody is reading it. */
  forget(segment: string): void {
    this.#open.get(segment)?.file.close()
    this.#open.delete(segment)
  }

  /** Reads under way come to their end first. */
  close(): void {
    this.#openFilesMax = 0
    this.#trim()
  }

  #take(segment: string): OpenSegment {
    const opened = this.#open.get(segment) ?? { file: this.#folder.openToRead(segment), reads: 0 }
    opened.reads++
    this.#open.delete(segment)
    this.#open.set(segment, opened)
    return opened
  }

  #trim(): void {
    for (const [segment, { reads }] of this.#open) {
      if (this.#open.size <= this.#openFilesMax) return
      if (reads === 0) this.forget(segment)
    }
  }
}
