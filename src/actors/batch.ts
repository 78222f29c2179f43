/**
 * What one log frame will hold, and everything that waits for it: answers to commands, and events to fan out.
 *
 * Two of these alternate per shard: one is being appended while the other fills. All arrays are reused.
 */
import type { RefusalName } from '../domain/refusal.js'
import { FRAME_HEAD_BYTES } from '../log/frame.js'
import { writeRefusal } from '../protocol/answer-frames.js'
import { GrowingBytes } from '../std/bytes.js'
import type { ConversationActivation } from './activation.js'
import type { PendingCheckpoint } from './checkpoint.js'
import type { InLink } from './owner-link.js'

const REFUSED_RETRY_MS = 1_000

/** Answers that leave together, once the position they saw is durable. */
export class PendingAnswers {
  readonly bytes = new GrowingBytes(1024)
  readonly #links: InLink[] = []
  readonly #ks: number[] = []
  readonly #refs: number[] = []
  readonly #ends: number[] = []

  /** Call after the answer's frames were written to `bytes`. */
  add(link: InLink, k: number, ref: number): void {
    this.#links.push(link)
    this.#ks.push(k)
    this.#refs.push(ref)
    this.#ends.push(this.bytes.size)
  }

  get count(): number {
    return this.#ks.length
  }

  send(): void {
    let start = 0
    for (let at = 0; at < this.#ks.length; at++) {
      const end = this.#ends[at]!
      this.#links[at]!.answer(this.#ks[at]!, this.bytes.bytes, start, end)
      start = end
    }
    this.clear()
  }

  /** The outcome is not known: those who wait hear so, and resend. */
  sendUnknown(): void {
    for (let at = 0; at < this.#ks.length; at++) this.#links[at]!.unknown(this.#ks[at]!)
    this.clear()
  }

  /** Nothing of it was stored: those who wait hear why instead. */
  refuse(refusal: RefusalName): void {
    for (let at = 0; at < this.#ks.length; at++) {
      this.bytes.clear()
      writeRefusal(this.bytes, refusal, { ref: this.#refs[at]!, n: 0, expected: 0, retryAfterMs: REFUSED_RETRY_MS })
      this.#links[at]!.answer(this.#ks[at]!, this.bytes.bytes, 0, this.bytes.size)
    }
    this.clear()
  }

  clear(): void {
    this.bytes.clear()
    this.#links.length = 0
    this.#ks.length = 0
    this.#refs.length = 0
    this.#ends.length = 0
  }
}

/** An event in the batch, for fan-out. `origin` hears an ack instead and is left out. */
export interface BatchedEvent {
  readonly activation: ConversationActivation
  readonly seq: number
  readonly isMembership: boolean
  readonly start: number
  readonly end: number
  readonly originLink: InLink
  readonly originConnection: number
}

export class Batch {
  readonly frame = new GrowingBytes(4096)
  readonly answers = new PendingAnswers()
  readonly events: BatchedEvent[] = []
  /** Records in the frame. */
  count = 0
  /** Appended even when empty: the owner must prove itself, or let old storage go. */
  isForced = false
  attemptOf = 0n
  checkpoint: PendingCheckpoint | undefined
  /** Run once durable, after the answers left. */
  readonly whenDurable: (() => void)[] = []

  constructor() {
    this.clear()
  }

  get isWanted(): boolean {
    return this.count > 0 || this.isForced
  }

  clear(): void {
    this.frame.clear()
    this.frame.reserve(FRAME_HEAD_BYTES)
    this.answers.clear()
    this.events.length = 0
    this.count = 0
    this.isForced = false
    this.attemptOf = 0n
    this.checkpoint = undefined
    this.whenDurable.length = 0
  }
}
