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

/** An event frame is at most this much larger than its send: strings, stamp, vtables, record head. */
export const EVENT_OVERHEAD_MAX = 1024

/** Answers that leave together, once the position they saw is durable. */
export class PendingAnswers {
  readonly bytes = new GrowingBytes(1024)
  /** How many of the entries below count; what lies beyond is of earlier use, and kept so that arrays need not grow again. */
  #count = 0
  readonly #links: InLink[] = []
  readonly #ks: number[] = []
  readonly #refs: number[] = []
  readonly #ns: number[] = []
  readonly #ends: number[] = []

  /** Call after the answer's frames were written to `bytes`. `n`: the command's place in its lane, 0 where it has none. */
  add(link: InLink, k: number, ref: number, n: number): void {
    const at = this.#count++
    this.#links[at] = link
    this.#ks[at] = k
    this.#refs[at] = ref
    this.#ns[at] = n
    this.#ends[at] = this.bytes.size
  }

  get count(): number {
    return this.#count
  }

  send(): void {
    let start = 0
    for (let at = 0; at < this.#count; at++) {
      const end = this.#ends[at]!
      this.#links[at]!.answer(this.#ks[at]!, this.bytes.bytes, start, end)
      start = end
    }
    this.clear()
  }

  /** The outcome is not known: those who wait hear so, and resend. */
  sendUnknown(): void {
    for (let at = 0; at < this.#count; at++) this.#links[at]!.unknown(this.#ks[at]!)
    this.clear()
  }

  /** Nothing of it was stored: those who wait hear why instead. */
  refuse(refusal: RefusalName): void {
    for (let at = 0; at < this.#count; at++) {
      this.bytes.clear()
      writeRefusal(this.bytes, refusal, {
        ref: this.#refs[at]!,
        n: this.#ns[at]!,
        expected: 0,
        retryAfterMs: REFUSED_RETRY_MS,
      })
      this.#links[at]!.answer(this.#ks[at]!, this.bytes.bytes, 0, this.bytes.size)
    }
    this.clear()
  }

  clear(): void {
    this.bytes.clear()
    this.#count = 0
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

const NO_EVENT = undefined as unknown as BatchedEvent

export class Batch {
  readonly frame = new GrowingBytes(4096)
  readonly answers = new PendingAnswers()
  /** The first `eventCount` are this batch's. */
  readonly events: BatchedEvent[] = []
  eventCount = 0
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

  addEvent(event: BatchedEvent): void {
    this.events[this.eventCount++] = event
  }

  get isWanted(): boolean {
    return this.count > 0 || this.isForced
  }

  clear(): void {
    this.frame.clear()
    this.frame.reserve(FRAME_HEAD_BYTES)
    this.answers.clear()
    // Not only forgotten: what an old array points at would live until the next full collection.
    this.events.fill(NO_EVENT, 0, this.eventCount)
    this.eventCount = 0
    this.count = 0
    this.isForced = false
    this.attemptOf = 0n
    this.checkpoint = undefined
    if (this.whenDurable.length > 0) this.whenDurable.length = 0
  }
}
