/**
 * What one client says, in its conversations by turns: what is due, what is sent, what is acked, and at which seq. In
 * here `n` counts all of it; with one conversation that is the n of the lane.
 *
 * Closed loop: `window` messages are unacked at any time, and every ack makes the next one due. Open loop: messages
 * become due by a schedule, and wait here while the window is full. A refusal to wait (12xx) is obeyed: after
 * retryAfterMs everything from the expected n goes out again, in order (rules §5).
 */
import { LIMITS } from '../src/domain/limits.js'
import type { Connection } from './connection.js'
import type { Schedule } from './schedule.js'
import { type Letter, SendSlots } from './send-slots.js'
import type { Tally } from './tally.js'

/** Times are kept for the last so many messages; a delivery that is later than that counts with the oldest. */
const TIMES = 1024
/** Far more than there are refs without an answer. */
const REFS = 8192

/** Of a refusal; `expected` is 0 where no n was missing. */
export interface Refused {
  readonly n: number
  readonly expected: number
  readonly retryAfterMs: number
}

export class Outgoing {
  /** The first n of this lane that is a message; a founder's changes come before. */
  readonly firstN: number
  /** seqs[n]: the seq, in its conversation, at which n was acked; 0 where it is not. */
  seqs = new Uint32Array(1024)
  ackedUpTo: number
  /** The highest n that ever left. */
  sentUpTo: number
  readonly #slots: SendSlots
  readonly #tally: Tally
  readonly #step: number
  #connection: Connection
  #window = 0
  #next: number
  #dueUpTo: number
  #schedule: Schedule | undefined
  #phaseFrom: number
  readonly #dueAt = new Float64Array(TIMES)
  readonly #sentAt = new Float64Array(TIMES)
  #isRunning = false
  /** The kernel still reads the slots. */
  #isBusy = false
  #heldUntil = 0
  #ref = 0
  /** By ref: which message it asks for; of one conversation the answer's own n says it. */
  readonly #nOfRef: Uint32Array | undefined
  /** Refusals of earlier attempts are echoes of one that was obeyed already. */
  #attemptsFrom = 1

  constructor(connection: Connection, letter: Letter, tally: Tally, firstN = 1) {
    this.#connection = connection
    this.#tally = tally
    this.#slots = new SendSlots(letter, LIMITS.laneWindow)
    this.#nOfRef = letter.conversations.length > 1 ? new Uint32Array(REFS) : undefined
    this.#step = letter.conversations.length
    this.firstN = firstN
    this.ackedUpTo = firstN - 1
    this.sentUpTo = firstN - 1
    this.#next = firstN
    this.#dueUpTo = firstN - 1
    this.#phaseFrom = firstN
  }

  /** Everything sent so far must have been answered. */
  start(window: number, schedule: Schedule | undefined, now: number): void {
    this.#isRunning = true
    this.#window = window
    this.#schedule = schedule
    this.#phaseFrom = this.#next
    this.#dueUpTo = this.#next - 1
    if (schedule === undefined) this.#freeSlots(now)
    this.flush(now)
  }

  /** Nothing more becomes due. What waited in vain counts with the time it has waited; returns how many those are. */
  stop(now: number): number {
    const waiting = Math.max(0, this.#dueUpTo - this.sentUpTo)
    for (let n = this.sentUpTo + 1; n <= this.#dueUpTo; n++) this.#recordAck(n, now)
    this.#isRunning = false
    this.#dueUpTo = this.sentUpTo // what was refused meanwhile still goes out again
    return waiting
  }

  get unanswered(): number {
    return this.sentUpTo - this.ackedUpTo
  }

  /** When n became due, in milliseconds of performance.now(). */
  dueAt(n: number): number {
    if (this.#schedule !== undefined) return this.#schedule.startsAt + (n - this.#phaseFrom) * this.#schedule.everyMs
    return this.#dueAt[Math.max(n, this.#dueUpTo - TIMES + 1) % TIMES]!
  }

  /** Open loop: the next message of the schedule is due. */
  becomeDue(): void {
    this.#dueUpTo++
  }

  /** Sends what is due, as far as the window allows, as one WebSocket message. */
  flush(now: number): void {
    const slots = this.#slots
    while (!this.#isBusy && now >= this.#heldUntil) {
      const last = Math.min(this.#dueUpTo, this.ackedUpTo + this.#window)
      const count = Math.min(last - this.#next + 1, slots.countMax)
      if (count <= 0) return
      for (let slot = 0; slot < count; slot++) {
        const n = this.#next++
        slots.write(slot, n, ++this.#ref)
        if (this.#nOfRef !== undefined) this.#nOfRef[this.#ref % REFS] = n
        this.#sentAt[n % TIMES] = now
      }
      if (this.#next > this.sentUpTo) this.sentUpTo = this.#next - 1
      this.#isBusy = !this.#connection.sendInPlace(slots.bytes, slots.start(0), slots.start(count))
    }
  }

  drained(now: number): void {
    this.#isBusy = false
    this.flush(now)
  }

  /** The caller flushes, once it has handed on everything that one read brought. */
  acked(ref: number, nInLane: number, seq: number, now: number): void {
    const n = this.#nOfRef?.[ref % REFS] ?? nInLane
    if (n < this.firstN || n > this.sentUpTo) {
      this.#tally.violate(`an ack of n ${n}, which was not sent`)
      return
    }
    if (n >= this.seqs.length) this.#growSeqs()
    if (this.seqs[n] !== 0) {
      this.#ackedAgain(n, seq)
      return
    }
    this.seqs[n] = seq
    this.#tally.acked++
    this.#recordAck(n, now)
    const sentAt = this.#sentAt[n % TIMES]!
    if (sentAt >= this.#tally.measuredFrom) this.#tally.admitted.record((now - sentAt) * 1000)
    while (this.ackedUpTo < this.sentUpTo && this.seqs[this.ackedUpTo + 1]! > 0) this.ackedUpTo++
    if (this.#next <= this.ackedUpTo) this.#next = this.ackedUpTo + 1 // about to be resent, but accepted after all
    if (this.#isRunning && this.#schedule === undefined) this.#freeSlots(now)
  }

  /** 12xx: wait, then send again from what is missing on. */
  refused(ref: number, { n, expected, retryAfterMs }: Refused, now: number): void {
    if (ref < this.#attemptsFrom) return
    const refused = this.#nOfRef?.[ref % REFS] ?? n
    this.#resendFrom(expected > 0 ? refused - (n - expected) * this.#step : refused, now + retryAfterMs)
    setTimeout(() => this.flush(performance.now()), retryAfterMs + 1)
  }

  /** After a reconnect nobody knows what arrived of the unacked; resending is safe. */
  resumeOn(connection: Connection, now: number): void {
    this.#connection = connection
    this.#isBusy = false
    this.#resendFrom(this.ackedUpTo + 1, now)
    this.flush(now)
  }

  #resendFrom(n: number, notBefore: number): void {
    this.#attemptsFrom = this.#ref + 1
    this.#next = Math.min(this.#next, Math.max(this.ackedUpTo + 1, n))
    this.#heldUntil = notBefore
  }

  #freeSlots(now: number): void {
    while (this.#dueUpTo < this.ackedUpTo + this.#window) this.#dueAt[++this.#dueUpTo % TIMES] = now
  }

  #recordAck(n: number, now: number): void {
    const dueAt = this.dueAt(n)
    if (dueAt >= this.#tally.measuredFrom) this.#tally.ack.record((now - dueAt) * 1000)
  }

  #ackedAgain(n: number, seq: number): void {
    this.#tally.duplicateAcks++
    const before = this.seqs[n]
    if (before !== seq) this.#tally.violate(`n ${n} was acked at seq ${before} and again at ${seq}`)
  }

  #growSeqs(): void {
    const grown = new Uint32Array(2 * this.seqs.length)
    grown.set(this.seqs)
    this.seqs = grown
  }
}
