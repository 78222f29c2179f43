/**
 * MurmurHash3_x86_32 (Austin Appleby, public domain), over bytes. Stable for ever: it places data.
 */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let hash = seed >>> 0
  const blocks = bytes.length & ~3
  for (let at = 0; at < blocks; at += 4) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    k = Math.imul(k, 0xcc9e2d51)
    k = (k << 15) | (k >>> 17)
    hash ^= Math.imul(k, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let at = bytes.length - 1; at >= blocks; at--) rest = (rest << 8) | bytes[at]!
  if (bytes.length > blocks) {
    let k = Math.imul(rest, 0xcc9e2d51)
    k = (k << 15) | (k >>> 17)
    hash ^= Math.imul(k, 0x1b873593)
  }
  hash ^= bytes.length
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
