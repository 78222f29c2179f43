/**
 * What one load process has counted. The counters only grow; whoever measures takes them twice and subtracts.
 *
 * A latency is counted from the moment its message was *due*: when its slot became free, or when the schedule wanted
 * it, not when a busy client got round to sending it. So a stall of the server or of the client itself is seen by every
 * message that had to wait for it (no coordinated omission).
 */
import { Histogram } from './histogram.js'

export class Tally {
  acked = 0
  /** Events that reached a device other than the one that sent them. */
  delivered = 0
  /** Events that a connection had already, which the protocol allows. */
  redelivered = 0
  duplicateAcks = 0
  /** Wire code → how often. */
  readonly refusals = new Map<number, number>()
  /** 12xx answers that do not say how long to wait. */
  refusalsWithoutWait = 0
  /** Sum over decoded events of the CRC of who said what; the same whenever the same messages are sent. */
  digest = 0

  /** Only messages due since then enter the histograms; in milliseconds of performance.now(). */
  measuredFrom = Number.POSITIVE_INFINITY
  readonly ack = new Histogram()
  readonly deliver = new Histogram()
  /** From the last attempt to send a message to its ack: what those see who were admitted. */
  readonly admitted = new Histogram()

  readonly #complaints: string[] = []
  #violations = 0

  /** Something that must never be. The first few are kept in words. */
  violate(complaint: string): void {
    this.#violations++
    if (this.#complaints.length < COMPLAINTS_KEPT) this.#complaints.push(complaint)
  }

  get violations(): number {
    return this.#violations
  }

  get complaints(): readonly string[] {
    return this.#complaints
  }

  refused(code: number, retryAfterMs: number): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    if (Math.floor(code / 100) === 12 && retryAfterMs === 0) this.refusalsWithoutWait++
  }
}

const COMPLAINTS_KEPT = 20
