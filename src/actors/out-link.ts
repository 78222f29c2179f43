/**
 * The gateway worker's end of a link to one shard: which of its commands are unanswered, by k.
 *
 * A ring of slots in typed arrays: a link carries every command of the worker to that shard, so it must cost little.
 */
import { LIMITS } from '../domain/limits.js'

const FIRST_SLOTS = 64

export class OutLink {
  readonly shard: number
  /** Which of the successive links; the owner forgets lower ones. */
  number = 0
  isOpen = false
  epoch = 0
  logIncarnation = 0
  /** Of the last openLink without an answer yet, monotonic milliseconds. */
  askedAt = Number.NEGATIVE_INFINITY
  /** When there were sessions of the shard last, monotonic milliseconds. */
  hadSessionsAt = Number.NEGATIVE_INFINITY
  #nextK = 1
  #pending = 0
  #connections = new Uint32Array(FIRST_SLOTS)
  #refs = new Uint32Array(FIRST_SLOTS)
  #sentAt = new Float64Array(FIRST_SLOTS)

  constructor(shard: number) {
    this.shard = shard
  }

  get pending(): number {
    return this.#pending
  }

  /** The k for the next command, or 0 where too much is unanswered. */
  take(connection: number, ref: number, now: number): number {
    const k = this.#nextK
    if (this.#connections[k & (this.#connections.length - 1)] !== 0 && !this.#grow()) return 0
    const slot = k & (this.#connections.length - 1)
    this.#connections[slot] = connection
    this.#refs[slot] = ref
    this.#sentAt[slot] = now
    this.#nextK = k + 1
    this.#pending++
    return k
  }

  /** The connection that k was from, or 0 where it is answered already; the slot is free then. */
  answered(k: number): number {
    if (k >= this.#nextK || k < this.#nextK - this.#connections.length) return 0
    const slot = k & (this.#connections.length - 1)
    const connection = this.#connections[slot]!
    if (connection === 0) return 0
    this.#connections[slot] = 0
    this.#pending--
    return connection
  }

  /** The ref that k carried; meaningful right after `answered` said whose it was. */
  refOf(k: number): number {
    return this.#refs[k & (this.#connections.length - 1)]!
  }

  /** Whether something has waited since before `time`. */
  hasWaitedSince(time: number): boolean {
    if (this.#pending === 0) return false
    for (let slot = 0; slot < this.#connections.length; slot++) {
      if (this.#connections[slot] !== 0 && this.#sentAt[slot]! < time) return true
    }
    return false
  }

  /** Everything unanswered counts as sent at `now`. */
  restamp(now: number): void {
    if (this.#pending > 0) this.#sentAt.fill(now)
  }

  /** Ends this link: returns what was unanswered; the next number begins at k = 1. */
  close(): { readonly connection: number; readonly ref: number }[] {
    const unanswered: { connection: number; ref: number }[] = []
    const first = Math.max(1, this.#nextK - this.#connections.length)
    for (let k = first; k < this.#nextK; k++) {
      const connection = this.answered(k)
      if (connection !== 0) unanswered.push({ connection, ref: this.refOf(k) })
    }
    this.number++
    this.isOpen = false
    this.askedAt = Number.NEGATIVE_INFINITY
    this.#nextK = 1
    this.#connections = new Uint32Array(FIRST_SLOTS)
    this.#refs = new Uint32Array(FIRST_SLOTS)
    this.#sentAt = new Float64Array(FIRST_SLOTS)
    return unanswered
  }

  #grow(): boolean {
    const from = this.#connections.length
    if (from >= LIMITS.linkInFlightMax) return false
    const connections = new Uint32Array(from * 2)
    const refs = new Uint32Array(from * 2)
    const sentAt = new Float64Array(from * 2)
    for (let k = Math.max(1, this.#nextK - from); k < this.#nextK; k++) {
      const old = k & (from - 1)
      const slot = k & (from * 2 - 1)
      connections[slot] = this.#connections[old]!
      refs[slot] = this.#refs[old]!
      sentAt[slot] = this.#sentAt[old]!
    }
    this.#connections = connections
    this.#refs = refs
    this.#sentAt = sentAt
    return true
  }
}
