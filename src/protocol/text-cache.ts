/**
 * Bytes → text, for ids mostly: the same few are read again and again, so the last ones are kept. A hit costs a fraction
 * of decoding, and gives the very same string, whose hash Maps have computed already.
 */
import type { Bytes } from '../std/bytes.js'

/** The longest id, a direct conversation's; longer text is not kept. */
const KEPT_BYTES_MAX = 129
/** Each holds one text; another with the same hash takes its place. At most 1.3 MiB. */
const SLOTS = 4096

const keptBytes: (Uint8Array | undefined)[] = new Array(SLOTS).fill(undefined)
const keptText: string[] = new Array(SLOTS).fill('')

// A byte order mark at the front is part of a string as any other character is; dropping it would make two ids one.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of [start, end). */
export function readText(bytes: Bytes, start: number, end: number): string {
  const { u8 } = bytes
  const size = end - start
  if (size > KEPT_BYTES_MAX) return utf8.decode(u8.subarray(start, end))
  let hash = 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ u8[at]!, 0x01000193)
  const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1)
  const kept = keptBytes[slot]
  if (kept !== undefined && kept.length === size && isSame(kept, u8, start)) return keptText[slot]!
  const fresh = u8.slice(start, end)
  const text = utf8.decode(fresh)
  keptBytes[slot] = fresh
  keptText[slot] = text
  return text
}

function isSame(kept: Uint8Array, u8: Uint8Array, start: number): boolean {
  for (let index = 0; index < kept.length; index++) {
    if (kept[index] !== u8[start + index]) return false
  }
  return true
}
