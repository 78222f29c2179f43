/**
 * Memory for recent events: pieces whose size is a power of two, taken from slabs and used again by whoever needs as
 * much. Slabs are not given back: for each size there are as many pieces as recent events ever needed of it at once, and
 * all of them together are held to LIMITS.recentTailBytesMax, and LIMITS.unstoredBytesMax while the store is away.
 *
 * New memory would cost the kernel's page faults, and every 64 MiB of it a full collection: V8 counts what lies outside
 * its heap.
 */
import { KiB, MiB } from '../domain/limits.js'

export const PIECE_BYTES_MAX = 32 * KiB
const SLAB_BYTES = MiB

/** What was given back, by the power of two that its size is. */
const spare: Uint8Array[][] = Array.from({ length: 16 }, () => [])
let slab = new ArrayBuffer(0)
let used = 0

/** At least `size` bytes, a power of two; beyond PIECE_BYTES_MAX just as many, of their own. */
export function takeMemory(size: number): Uint8Array {
  if (size > PIECE_BYTES_MAX) return new Uint8Array(size)
  const power = 32 - Math.clz32(size - 1)
  return spare[power]!.pop() ?? carve(2 ** power)
}

/** Nobody looks at it any more. */
export function giveBackMemory(bytes: Uint8Array): void {
  if (bytes.length <= PIECE_BYTES_MAX) spare[31 - Math.clz32(bytes.length)]!.push(bytes)
}

function carve(size: number): Uint8Array {
  if (used + size > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES)
    used = 0
  }
  used += size
  return new Uint8Array(slab, used - size, size)
}
