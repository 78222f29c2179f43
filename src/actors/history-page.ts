/**
 * A range of one timeline being written for one user: visible events as they are, skips for the others, then the end.
 */
import type { Seq } from '../domain/ids.js'
import { writeHistoryEnd, writeSkip } from '../protocol/answer-frames.js'
import { Bytes, type GrowingBytes } from '../std/bytes.js'
import type { Member } from './members.js'
import type { Slice } from './recent-tail.js'

export interface PageOf {
  /** Of the request that asks for nothing else; 0 in an answer to Resume. */
  readonly ref: number
  readonly conversationKind: number
  readonly conversation: string
}

export class HistoryPage {
  readonly #out: GrowingBytes
  readonly #member: Member
  readonly #of: PageOf
  readonly #from: Seq
  readonly #start: number
  /** The seq that comes next. */
  next: Seq
  #skipFrom: Seq = 0

  constructor(out: GrowingBytes, member: Member, of: PageOf, from: Seq) {
    this.#out = out
    this.#member = member
    this.#of = of
    this.#from = from
    this.#start = out.size
    this.next = from
  }

  get bytes(): number {
    return this.#out.size - this.#start
  }

  add(slice: Slice): void {
    if (slice.firstSeq !== this.next) return // trimmed while the store was read: the client asks again from here
    if (this.#seesAll(slice)) {
      this.#closeSkip()
      this.#out.append(slice.bytes)
      this.next = slice.lastSeq + 1
      return
    }
    const bytes = Bytes.over(slice.bytes)
    let at = 0
    for (let seq = slice.firstSeq; seq <= slice.lastSeq; seq++) {
      const end = at + 4 + bytes.view.getUint32(at, true)
      this.#one(seq, slice.bytes.subarray(at, end))
      at = end
    }
  }

  close(head: Seq): void {
    this.#closeSkip()
    writeHistoryEnd(this.#out, { from: this.#from, completeTo: this.next - 1, head, ...this.#of })
  }

  #one(seq: Seq, frame: Uint8Array): void {
    if (this.#member.wasAt(seq)) {
      this.#closeSkip()
      this.#out.append(frame)
    } else if (this.#skipFrom === 0) {
      this.#skipFrom = seq
    }
    this.next = seq + 1
  }

  #closeSkip(): void {
    if (this.#skipFrom === 0) return
    writeSkip(this.#out, { ...this.#of, from: this.#skipFrom, to: this.next - 1 })
    this.#skipFrom = 0
  }

  #seesAll({ firstSeq, lastSeq }: Slice): boolean {
    return this.#member.intervals.some((interval) => interval.from <= firstSeq && lastSeq <= interval.to)
  }
}
