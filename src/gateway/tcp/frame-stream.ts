/**
 * Cuts a stream of bytes into whole frames. A connection begins with a preface, so that whoever dialled the wrong port
 * (a browser, a TLS client, a scanner) is told apart at its first bytes, and so that there can be another version.
 *
 * It looks at size prefixes only. What can be no frame goes on as it is, as soon as that is known: the gateway refuses it
 * with a reason.
 */
import { LIMITS } from '../../domain/limits.js'
import { TCP_PREFACE } from '../../domain/tcp-preface.js'
import { Bytes, GrowingBytes } from '../../std/bytes.js'

/** A frame of any type has at least these. */
const FRAME_BYTES_MIN = 16

/** Bytes that can be no frame, whatever the client meant by its own. */
const NO_FRAME = Bytes.ofSize(FRAME_BYTES_MIN)

export class FrameStream {
  #prefaceBytes = 0
  #isBroken = false
  /** Bytes of a frame that has not come whole. */
  #rest: GrowingBytes | undefined

  /** Takes what came and gives whole frames, one or more, to `deliver`; its bytes are valid only until it returns. */
  take(buffer: Uint8Array, deliver: (frames: Bytes) => void): void {
    if (this.#isBroken) return
    // Not a Buffer any more, whose slice() shares memory: readers keep slices.
    const chunk = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    const start = this.#passPreface(chunk)
    if (start === undefined) return this.#break(NO_FRAME, deliver)
    if (start === chunk.length) return
    const rest = this.#rest
    if (rest === undefined) {
      const bytes = Bytes.over(chunk)
      const cut = this.#cut(bytes, start, bytes.size, deliver)
      if (cut < chunk.length && !this.#isBroken) this.#keep(chunk.subarray(cut))
      return
    }
    rest.append(start === 0 ? chunk : chunk.subarray(start))
    const cut = this.#cut(rest.bytes, 0, rest.size, deliver)
    if (cut === 0 && !this.#isBroken) return
    this.#rest = undefined
    if (cut < rest.size && !this.#isBroken) this.#keep(rest.written().subarray(cut))
  }

  /** Where frames begin in the chunk; undefined where the preface is another. */
  #passPreface(chunk: Uint8Array): number | undefined {
    let at = 0
    while (this.#prefaceBytes < TCP_PREFACE.length && at < chunk.length) {
      if (chunk[at++] !== TCP_PREFACE[this.#prefaceBytes++]) return undefined
    }
    return at
  }

  /** Delivers the whole frames of [start, end) and returns where the one begins that is not. */
  #cut(bytes: Bytes, start: number, end: number, deliver: (frames: Bytes) => void): number {
    let first = start
    let at = start
    while (at + 4 <= end) {
      const size = 4 + bytes.view.getUint32(at, true)
      const isNone = size < FRAME_BYTES_MIN || (size & 7) !== 0
      const isTooLarge = size > LIMITS.messageBytesMax && end - at > LIMITS.messageBytesMax
      if (isNone || isTooLarge) {
        if (at > first) deliver(part(bytes, first, at))
        this.#break(isNone ? NO_FRAME : part(bytes, at, end), deliver)
        return end
      }
      if (at + size > end) break
      if (at + size - first > LIMITS.messageBytesMax) {
        deliver(part(bytes, first, at))
        first = at
      }
      at += size
    }
    if (at > first) deliver(part(bytes, first, at))
    return at
  }

  #break(said: Bytes, deliver: (frames: Bytes) => void): void {
    this.#isBroken = true
    this.#rest = undefined
    deliver(said)
  }

  #keep(rest: Uint8Array): void {
    this.#rest = new GrowingBytes(Math.max(rest.length, 512))
    this.#rest.append(rest)
  }
}

function part(bytes: Bytes, start: number, end: number): Bytes {
  return start === 0 && end === bytes.size ? bytes : Bytes.over(bytes.u8.subarray(start, end))
}
