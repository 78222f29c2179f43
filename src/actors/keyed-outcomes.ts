/**
 * What became of commands that carried an idempotency key: those of one sender in one conversation, the last
 * LIMITS.keysPerSenderMax of them, by count and not by time, so that memory is bounded and every replay of the log
 * remembers the same (ADR 62). An older key is forgotten: who uses it again sends anew.
 *
 * Keyed commands come from servers over HTTP. They have no n: a key stands for one command, and refusals are not kept.
 */
import { LIMITS } from '../domain/limits.js'
import { assert } from '../std/assert.js'

export interface KeyedOutcome {
  readonly key: bigint
  /** CRC-32 of what the command said. */
  readonly hash: number
  readonly seq: number
  readonly time: number
}

const FIRST_SIZE = 8

export class KeyedOutcomes {
  /** Keyed commands so far; the place of the next is this modulo the size. */
  #count = 0
  #keys = new BigUint64Array(FIRST_SIZE)
  #hashes = new Uint32Array(FIRST_SIZE)
  #seqs = new Float64Array(FIRST_SIZE)
  #times = new Float64Array(FIRST_SIZE)

  /** How many are remembered. */
  get size(): number {
    return Math.min(this.#count, LIMITS.keysPerSenderMax)
  }

  find(key: bigint): KeyedOutcome | undefined {
    const at = this.#keys.indexOf(key)
    return at < 0 || at >= this.#count ? undefined : this.#at(at)
  }

  record({ key, hash, seq, time }: KeyedOutcome): void {
    assert(this.find(key) === undefined, () => `key applied twice, seq ${seq}`)
    if (this.#count === this.#keys.length && this.#count < LIMITS.keysPerSenderMax) this.#grow()
    const at = this.#count % this.#keys.length
    this.#keys[at] = key
    this.#hashes[at] = hash
    this.#seqs[at] = seq
    this.#times[at] = time
    this.#count++
  }

  /** Oldest first. */
  *all(): Iterable<KeyedOutcome> {
    for (let n = this.#count - this.size; n < this.#count; n++) yield this.#at(n % this.#keys.length)
  }

  #at(at: number): KeyedOutcome {
    return { key: this.#keys[at]!, hash: this.#hashes[at]!, seq: this.#seqs[at]!, time: this.#times[at]! }
  }

  #grow(): void {
    const size = Math.min(LIMITS.keysPerSenderMax, this.#keys.length * 2)
    const [keys, hashes, seqs, times] = [this.#keys, this.#hashes, this.#seqs, this.#times]
    this.#keys = new BigUint64Array(size)
    this.#hashes = new Uint32Array(size)
    this.#seqs = new Float64Array(size)
    this.#times = new Float64Array(size)
    this.#keys.set(keys)
    this.#hashes.set(hashes)
    this.#seqs.set(seqs)
    this.#times.set(times)
  }
}
