/**
 * Peer traffic as bytes: the layout of an entry (schemas/peer.fbs), and the batches that leave once per tick.
 */
import { LIMITS } from '../domain/limits.js'
import type { Address, Bus } from '../log/bus.js'
import { align8, Bytes, GrowingBytes, writeU53 } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Delivered, Session } from './peers.js'

export const HEAD_BYTES = 64

export const Kind = {
  openLink: 1,
  linkOpened: 2,
  linkBroken: 3,
  command: 4,
  answer: 5,
  tell: 6,
  deliver: 7,
  sessions: 8,
  sessionEnded: 9,
  unknown: 10,
  heads: 11,
  headsTaken: 12,
  endSession: 13,
  signOut: 14,
  watch: 15,
  presence: 16,
  sessionHeard: 17,
  askHeads: 18,
  headsTold: 19,
  askEvents: 20,
  eventsTold: 21,
  askOnline: 22,
  onlineTold: 23,
  askJoins: 24,
  joinsTold: 25,
  list: 26,
  listUnknown: 27,
  tellList: 28,
  deliverList: 29,
} as const

export const AT = {
  kind: 0,
  actorKind: 1,
  shard: 2,
  epoch: 4,
  incarnation: 8,
  link: 12,
  k: 16,
  connection: 24,
  lane: 28,
  laneRandom: 32,
  firstSeq: 40,
  lastSeq: 48,
  textBytes: 56,
  bytes: 60,
} as const

const utf8 = new TextEncoder()
export const NO_BYTES = Bytes.ofSize(0)
export const SEPARATOR = '\u0001' // between lists of texts; ids hold no control characters, keys only U+0000 and U+001F

export interface Head {
  readonly kind: number
  readonly shard?: number
  readonly link?: number
  readonly epoch?: number
  readonly incarnation?: number
  readonly k?: number
  readonly connection?: number
  readonly session?: Session
  readonly what?: Delivered
  readonly text?: string
}

/** Collects entries per address and hands them to the bus at the end of the tick. */
export class Outboxes {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #open = new Map<Address, GrowingBytes>()
  #isScheduled = false

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
  }

  add(to: Address, head: Head, bytes: Bytes, start: number, end: number): void {
    const out = this.#outbox(to)
    const text = head.text === undefined ? NO_BYTES.u8 : utf8.encode(head.text)
    const at = out.reserve(HEAD_BYTES + align8(text.length + end - start))
    writeHead(out.bytes, at, head, text.length, end - start)
    out.bytes.u8.set(text, at + HEAD_BYTES)
    out.bytes.u8.set(bytes.u8.subarray(start, end), at + HEAD_BYTES + text.length)
    if (out.size >= LIMITS.messageBytesMax) this.#flush()
  }

  #outbox(to: Address): GrowingBytes {
    let out = this.#open.get(to)
    if (out === undefined) {
      out = new GrowingBytes(4096)
      this.#open.set(to, out)
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#clock.soon(() => {
        this.#isScheduled = false
        this.#flush()
      })
    }
    return out
  }

  #flush(): void {
    for (const [to, out] of this.#open) this.#bus.publish(to, out.written())
    this.#open.clear() // the bus owns those buffers now
  }
}

function writeHead({ u8, view }: Bytes, at: number, head: Head, textBytes: number, bytes: number): void {
  u8[at + AT.kind] = head.kind
  view.setUint16(at + AT.shard, head.shard ?? 0, true)
  view.setUint32(at + AT.epoch, head.epoch ?? 0, true)
  view.setUint32(at + AT.incarnation, head.incarnation ?? 0, true)
  view.setUint32(at + AT.link, head.link ?? 0, true)
  writeU53(view, at + AT.k, head.k ?? 0)
  view.setUint32(at + AT.connection, head.session?.connection ?? head.connection ?? 0, true)
  view.setUint32(at + AT.lane, head.session?.laneNumber ?? 0, true)
  view.setBigUint64(at + AT.laneRandom, head.session?.laneRandom ?? 0n, true)
  writeU53(view, at + AT.firstSeq, head.what?.firstSeq ?? 0)
  writeU53(view, at + AT.lastSeq, head.what?.lastSeq ?? 0)
  view.setUint32(at + AT.textBytes, textBytes, true)
  view.setUint32(at + AT.bytes, bytes, true)
}

export function textOf(session: Session): string {
  return `${session.app}${SEPARATOR}${session.user}${SEPARATOR}${session.device}`
}
