/**
 * The newest events of a conversation as bytes: what answers history and gap fills without the store, and what the
 * projector stores from. One copy serves both.
 *
 * A chunk is written once and never moved; `trim` lets go of it, and its memory is then used for others: slices are good
 * until the tail is trimmed, which happens only after the store has what they hold. New memory costs the kernel's page
 * faults and, as it counts toward the heap, full collections; at 40 MB a second both were dear.
 */
import type { Seq } from '../domain/ids.js'
import { giveBackMemory, PIECE_BYTES_MAX, takeMemory } from './tail-memory.js'

const FIRST_CHUNK_BYTES = 1024

interface Chunk {
  readonly bytes: Uint8Array
  size: number
  readonly firstSeq: Seq
  /** Where each event ends. */
  readonly ends: number[]
}

/** Consecutive events as size-prefixed frames. */
export interface Slice {
  readonly firstSeq: Seq
  readonly lastSeq: Seq
  readonly bytes: Uint8Array
}

export class RecentTail {
  readonly #chunks: Chunk[] = []
  /** Bytes of memory held. */
  heldBytes = 0

  /** The oldest seq held, or Infinity when empty. */
  get firstSeq(): Seq {
    return this.#chunks[0]?.firstSeq ?? Number.POSITIVE_INFINITY
  }

  push(seq: Seq, source: Uint8Array, start: number, end: number): void {
    const size = end - start
    let chunk = this.#chunks[this.#chunks.length - 1]
    if (chunk === undefined || chunk.size + size > chunk.bytes.length) chunk = this.#room(seq, size, chunk)
    chunk.bytes.set(source.subarray(start, end), chunk.size)
    chunk.size += size
    chunk.ends.push(chunk.size)
  }

  /** Events from … to that are held, at most `bytesMax` of them but at least one, as one slice per chunk. */
  slices(from: Seq, to: Seq, bytesMax = Number.POSITIVE_INFINITY): Slice[] {
    const found: Slice[] = []
    let left = bytesMax
    for (const chunk of this.#chunks) {
      const lastHeld = chunk.firstSeq + chunk.ends.length - 1
      if (lastHeld < from || chunk.firstSeq > to) continue
      const first = Math.max(from, chunk.firstSeq)
      let last = Math.min(to, lastHeld)
      const start = first === chunk.firstSeq ? 0 : chunk.ends[first - chunk.firstSeq - 1]!
      while (last > first && chunk.ends[last - chunk.firstSeq]! - start > left) last--
      const end = chunk.ends[last - chunk.firstSeq]!
      if (end - start > left && found.length > 0) break
      found.push({ firstSeq: first, lastSeq: last, bytes: chunk.bytes.subarray(start, end) })
      left -= end - start
      if (last < Math.min(to, lastHeld) || left <= 0) break
    }
    return found
  }

  /** The lowest seq from which on no more events and bytes than these are held; Infinity where not one is. */
  newestFrom({ countMax, bytesMax }: { readonly countMax: number; readonly bytesMax: number }): Seq {
    let from = Number.POSITIVE_INFINITY
    let [events, bytes] = [0, 0]
    for (let chunk = this.#chunks.length - 1; chunk >= 0; chunk--) {
      const { firstSeq, ends } = this.#chunks[chunk]!
      for (let at = ends.length - 1; at >= 0; at--) {
        bytes += ends[at]! - (at === 0 ? 0 : ends[at - 1]!)
        if (++events > countMax || bytes > bytesMax) return from
        from = firstSeq + at
      }
    }
    return from
  }

  /** Lets go of old chunks beyond `keepBytes` whose events all have a seq at or below `stored`. */
  trim(stored: Seq, keepBytes: number): void {
    while (this.heldBytes > keepBytes && this.#chunks.length > 0) {
      const oldest = this.#chunks[0]!
      if (oldest.firstSeq + oldest.ends.length - 1 > stored) return
      this.heldBytes -= oldest.bytes.length
      this.#chunks.shift()
      giveBackMemory(oldest.bytes)
    }
  }

  /** Lets go of everything; nobody will read it any more. */
  release(): void {
    this.trim(Number.POSITIVE_INFINITY, -1)
  }

  /** A new chunk, twice as large as the last one. */
  #room(seq: Seq, size: number, last: Chunk | undefined): Chunk {
    const aim = last === undefined ? FIRST_CHUNK_BYTES : Math.min(PIECE_BYTES_MAX, 2 * last.bytes.length)
    const bytes = takeMemory(Math.max(size, aim))
    this.heldBytes += bytes.length
    const chunk: Chunk = { bytes, size: 0, firstSeq: seq, ends: [] }
    this.#chunks.push(chunk)
    return chunk
  }
}
