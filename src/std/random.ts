/**
 * Randomness as the rest of the code sees it: injected, so that one seed replays a whole simulated world.
 */
export interface Random {
  /** A whole number, 0 … 2^32 - 1. */
  uint32(): number
}

/** A number of 64 random bits, held as a bigint: ids of owners, batches and lanes. */
export function random64(random: Random): bigint {
  return (BigInt(random.uint32()) << 32n) | BigInt(random.uint32())
}

/** A float, 0 inclusive to 1 exclusive. */
export function fraction(random: Random): number {
  return random.uint32() / 0x1_0000_0000
}

const POOL = new Uint32Array(1024)
let left = 0

export const SYSTEM_RANDOM: Random = {
  uint32() {
    if (left === 0) {
      crypto.getRandomValues(POOL) // Node and browsers alike: the client library draws from it too
      left = POOL.length
    }
    return POOL[--left]!
  },
}

/** SplitMix32: small, well mixed, and the same on every machine. For the simulator and tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    uint32() {
      state = (state + 0x9e3779b9) >>> 0
      let mixed = state ^ (state >>> 16)
      mixed = Math.imul(mixed, 0x21f0aaad)
      mixed ^= mixed >>> 15
      mixed = Math.imul(mixed, 0x735a2d97)
      return (mixed ^ (mixed >>> 15)) >>> 0
    },
  }
}
