/**
 * What a lane remembers of a message, to tell a resend from another message under the same n. The content holds a random
 * message id, so that two messages with the same text differ. The server's only: it alone needs Node's zlib.
 */

import type { Bytes } from '../std/bytes.js'
import { crc32 } from '../std/crc32.js'

/** Of an encoded Content in [start, end). */
export function contentHash(bytes: Bytes, start: number, end: number): number {
  return crc32(bytes.u8, start, end)
}
