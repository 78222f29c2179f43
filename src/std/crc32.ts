/**
 * CRC-32 (IEEE 802.3) of [start, end), by the native code that Node carries.
 */
import { crc32 as nativeCrc32 } from 'node:zlib'

export function crc32(bytes: Uint8Array, start: number, end: number): number {
  return nativeCrc32(bytes.subarray(start, end))
}

export function crc32OfText(text: string): number {
  return nativeCrc32(text)
}
