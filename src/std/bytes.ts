/**
 * A buffer with both views on it. DataViews are slow to make and fast to use, so they travel together.
 */
export class Bytes {
  readonly u8: Uint8Array
  readonly view: DataView
  /** In bytes. A field, because a typed array's own length is a call. */
  readonly size: number

  private constructor(u8: Uint8Array) {
    this.u8 = u8
    this.view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength)
    this.size = u8.byteLength
  }

  /** New zeroed memory of `size` bytes. */
  static ofSize(size: number): Bytes {
    return new Bytes(new Uint8Array(size))
  }

  /** Shares memory with `u8`. */
  static over(u8: Uint8Array): Bytes {
    return new Bytes(u8)
  }
}

/** Rounds up to the alignment that every frame and record keeps. */
export function align8(size: number): number {
  return (size + 7) & ~7
}

/** A 64-bit little-endian unsigned number as a double; exact below 2^53, which `verify` checks on network input. */
export function readU53(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true)
}

export function writeU53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, (value / 0x1_0000_0000) >>> 0, true)
}

/** Below this a loop is faster than `set`, which wants a view made for it: 100 ns and 100 bytes of garbage. */
const LOOPED_BYTES_MAX = 256

/** Copies [start, end) of `source` to `at` in another buffer. */
export function copyBytes(source: Bytes, start: number, end: number, into: Bytes, at: number): void {
  if (end - start > LOOPED_BYTES_MAX) {
    into.u8.set(source.u8.subarray(start, end), at)
    return
  }
  let from = start
  let to = at
  for (; from + 4 <= end; from += 4, to += 4) into.view.setUint32(to, source.view.getUint32(from, true), true)
  for (; from < end; from++, to++) into.u8[to] = source.u8[from]!
}

/** A byte buffer that grows by doubling up to no bound of its own: its owner keeps it small. */
export class GrowingBytes {
  bytes: Bytes
  size = 0

  constructor(initialSize = 4096) {
    this.bytes = Bytes.ofSize(initialSize)
  }

  /** Makes room for `more` bytes and returns where they start; `size` moves past them. */
  reserve(more: number): number {
    const start = this.size
    const needed = start + more
    if (needed > this.bytes.size) {
      let size = this.bytes.size * 2
      while (size < needed) size *= 2
      const grown = Bytes.ofSize(size)
      grown.u8.set(this.bytes.u8.subarray(0, start))
      this.bytes = grown
    }
    this.size = needed
    return start
  }

  append(source: Uint8Array): void {
    const start = this.reserve(source.byteLength)
    this.bytes.u8.set(source, start)
  }

  /** The bytes [start, end) of `source`, which is another buffer. */
  appendFrom(source: Bytes, start: number, end: number): void {
    const at = this.reserve(end - start)
    copyBytes(source, start, end, this.bytes, at)
  }

  /** What was written, sharing memory. */
  written(): Uint8Array {
    return this.bytes.u8.subarray(0, this.size)
  }

  clear(): void {
    this.size = 0
  }
}
