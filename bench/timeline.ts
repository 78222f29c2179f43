/**
 * A conversation as History tells it, against what its senders were told: the check that an ack is never a lie.
 *
 * Filled by events in any order. Then: seq 1, 2, 3 … without a hole; every sender's n in order, each once; every acked n
 * at exactly the seq of its ack, under its own message id; and what every device heard live is what is here.
 */

import { decodeContent } from '../src/protocol/content.js'
import { decodeFrame } from '../src/protocol/decode.js'
import { EVENT } from '../src/protocol/event-frame.js'
import { EventKind } from '../src/protocol/wire-numbers.js'
import type { Bytes } from '../src/std/bytes.js'
import type { Outgoing } from './outgoing.js'
import { placeIn, type Turn } from './partners.js'
import { messageIdOf } from './send-slots.js'
import type { Tally } from './tally.js'

/** One in so many events is compared in its decoded form; of all others the id's bytes are. */
const DECODED_EVERY = 512
const NOT_A_MESSAGE = 0xffff_ffff

export class Timeline {
  readonly #conversation: string
  readonly #tally: Tally
  readonly #turnOf: (sender: number) => Turn
  /** By seq: the sender's number, and its n; 0 where nothing was read. */
  #senders = new Uint32Array(1024)
  #ns = new Uint32Array(1024)
  /** Where the message id lies, from the frame's end backwards… found in the first message of each frame size. */
  readonly #idPlaces = new Map<number, number>()
  messages = 0

  /** `turnOf` says which of all that a sender says is said here. */
  constructor(conversation: string, tally: Tally, turnOf: (sender: number) => Turn) {
    this.#conversation = conversation
    this.#tally = tally
    this.#turnOf = turnOf
  }

  take(bytes: Bytes, start: number, end: number): void {
    const { view } = bytes
    const seq = view.getUint32(start + EVENT.seq, true)
    const sender = view.getUint32(start + EVENT.laneRandom, true)
    const n = view.getUint32(start + EVENT.n, true)
    if (seq >= this.#ns.length) this.#grow(seq)
    if (this.#ns[seq] !== 0) {
      this.#tally.violate(`${this.#where(seq)} came twice from History`)
      return
    }
    if (view.getUint16(start + EVENT.eventKind, true) !== EventKind.message) {
      this.#senders[seq] = NOT_A_MESSAGE
      this.#ns[seq] = 1 // what nobody asked for, such as becoming large, has no n of its own
      return
    }
    this.#senders[seq] = sender
    this.#ns[seq] = n
    this.messages++
    this.#checkId(bytes, start, end, sender, n)
  }

  skip(from: number, to: number): void {
    this.#tally.violate(`${this.#where(from)} to ${to} are skipped for a member who never left`)
  }

  /** Compares with what was acked; `outgoings` are all senders of this conversation, by number. */
  check(head: number, outgoings: ReadonlyMap<number, Outgoing>): void {
    const lastN = new Map<number, number>()
    const acked = new Map<number, number>()
    for (const [sender, { firstN }] of outgoings) lastN.set(sender, firstN - 1)
    for (let seq = 1; seq <= head; seq++) {
      const sender = this.#senders[seq]!
      const n = this.#ns[seq]!
      if (n === 0) this.#tally.violate(`${this.#where(seq)} is missing`)
      if (n === 0 || sender === NOT_A_MESSAGE) continue
      const outgoing = outgoings.get(sender)
      if (outgoing === undefined) {
        this.#tally.violate(`${this.#where(seq)} is of ${sender}, who is a stranger here`)
        continue
      }
      if (n !== lastN.get(sender)! + 1) this.#tally.violate(`${this.#where(seq)} is n ${n} after ${lastN.get(sender)}`)
      lastN.set(sender, n)
      const ackedAt = outgoing.seqs[placeIn(this.#turnOf(sender), n)] ?? 0
      if (ackedAt === seq) acked.set(sender, (acked.get(sender) ?? 0) + 1)
      else if (ackedAt !== 0) this.#tally.violate(`${this.#where(seq)}: n ${n} of ${sender} was acked at ${ackedAt}`)
    }
    for (const [sender, outgoing] of outgoings) {
      const found = acked.get(sender) ?? 0
      const { first, step } = this.#turnOf(sender)
      const lost = Math.floor((outgoing.ackedUpTo - first) / step) + 1 - (outgoing.firstN - 1) - found
      if (lost !== 0) this.#tally.violate(`${this.#conversation}: ${lost} acked messages of ${sender} are lost`)
    }
  }

  /** The sum of `mixOf` over the messages of everybody but `client`. */
  sumOfOthers(client: number): number {
    let sum = 0
    for (let seq = 1; seq < this.#ns.length; seq++) {
      const sender = this.#senders[seq]!
      if (this.#ns[seq] === 0 || sender === NOT_A_MESSAGE || sender === client) continue
      sum = (sum + mixOf(seq, sender, this.#ns[seq]!)) | 0
    }
    return sum
  }

  #checkId(bytes: Bytes, start: number, end: number, sender: number, n: number): void {
    const place = this.#idPlaces.get(end - start)
    if (place === undefined || n % DECODED_EVERY === 0) {
      this.#decode(bytes.u8.slice(start, end), sender, n)
      return
    }
    const at = start + place
    const said = placeIn(this.#turnOf(sender), n)
    if (bytes.view.getUint32(at, true) !== said || bytes.view.getUint32(at + 4, true) !== sender) {
      this.#tally.violate(`${this.#conversation}: n ${n} of ${sender} has the id of another message`)
    }
  }

  #decode(frame: Uint8Array, sender: number, n: number): void {
    const event = decodeFrame(frame)
    const content = event.kind === 'event' && event.content !== undefined ? decodeContent(event.content) : undefined
    const id = messageIdOf(sender, placeIn(this.#turnOf(sender), n))
    if (content?.messageId !== id) {
      this.#tally.violate(`${this.#conversation}: n ${n} of ${sender} has the id of another message`)
      return
    }
    const mark = Buffer.alloc(8)
    mark.writeBigUInt64LE(BigInt.asUintN(64, id))
    this.#idPlaces.set(frame.length, Buffer.from(frame).lastIndexOf(mark))
  }

  #where(seq: number): string {
    return `${this.#conversation} seq ${seq}`
  }

  #grow(seq: number): void {
    const grownTo = (old: Uint32Array) => {
      const grown = new Uint32Array(Math.max(2 * old.length, seq + 1))
      grown.set(old)
      return grown
    }
    this.#senders = grownTo(this.#senders)
    this.#ns = grownTo(this.#ns)
  }
}

/** Folds one message into a sum that does not depend on the order of its terms. */
export function mixOf(seq: number, sender: number, n: number): number {
  return (Math.imul(seq ^ Math.imul(sender + 1, 0x9e3779b1), 0x85ebca6b) + Math.imul(n, 0xc2b2ae35)) | 0
}
