/**
 * A plain sequential binary format for what only we read back: rows and pages. Numbers are little-endian, texts are
 * UTF-8 behind a 32-bit length. Reading past the end throws RangeError.
 */
import { Bytes, GrowingBytes, readU53, writeU53 } from './bytes.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class Packer {
  readonly #out = new GrowingBytes(256)

  u8(value: number): this {
    const at = this.#out.reserve(1)
    this.#out.bytes.u8[at] = value
    return this
  }

  u32(value: number): this {
    const at = this.#out.reserve(4)
    this.#out.bytes.view.setUint32(at, value, true)
    return this
  }

  u53(value: number): this {
    const at = this.#out.reserve(8)
    writeU53(this.#out.bytes.view, at, value)
    return this
  }

  f64(value: number): this {
    const at = this.#out.reserve(8)
    this.#out.bytes.view.setFloat64(at, value, true)
    return this
  }

  u64(value: bigint): this {
    const at = this.#out.reserve(8)
    this.#out.bytes.view.setBigUint64(at, value, true)
    return this
  }

  text(value: string): this {
    const start = this.#out.reserve(4 + 3 * value.length)
    const { u8, view } = this.#out.bytes
    const size = writeAscii(value, u8, start + 4) ?? encoder.encodeInto(value, u8.subarray(start + 4)).written
    view.setUint32(start, size, true)
    this.#out.size = start + 4 + size
    return this
  }

  /** A copy of what was packed, made by `copy`; the packer is empty again. */
  take(copy: (packed: Uint8Array) => Uint8Array = copyOf): Uint8Array {
    const taken = copy(this.#out.written())
    this.#out.clear()
    return taken
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice()
}

/** Writes text that is ASCII, as ids mostly are, and returns its size; undefined for any other. */
function writeAscii(text: string, into: Uint8Array, at: number): number | undefined {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return undefined
    into[at + index] = code
  }
  return text.length
}

export class Unpacker {
  readonly #bytes: Bytes
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Bytes.over(bytes)
  }

  u8(): number {
    return this.#bytes.view.getUint8(this.#skip(1))
  }

  u32(): number {
    return this.#bytes.view.getUint32(this.#skip(4), true)
  }

  u53(): number {
    return readU53(this.#bytes.view, this.#skip(8))
  }

  f64(): number {
    return this.#bytes.view.getFloat64(this.#skip(8), true)
  }

  u64(): bigint {
    return this.#bytes.view.getBigUint64(this.#skip(8), true)
  }

  text(): string {
    const size = this.u32()
    const at = this.#skip(size)
    return decoder.decode(this.#bytes.u8.subarray(at, at + size))
  }

  #skip(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.size) throw new RangeError(`Cannot read ${size} bytes at ${at} of ${this.#bytes.size}`)
    this.#at += size
    return at
  }
}
