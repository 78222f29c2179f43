/**
 * One device that is mostly just there: says Hello, takes its lane up again after a loss, pings, and can say one thing to
 * another to prove that its session is alive. It counts the bytes it hears.
 */
import { directId, type UserId } from '../src/domain/ids.js'
import { encodeContent } from '../src/protocol/content.js'
import { decodeFrame } from '../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame } from '../src/protocol/decoded-frame.js'
import { encodeFrame } from '../src/protocol/encode.js'
import { bodyTableOf, bodyTypeOf, fieldAt } from '../src/protocol/table.js'
import { BodyType } from '../src/protocol/wire-numbers.js'
import { Bytes } from '../src/std/bytes.js'
import { type Address, Connection, type ConnectionListener, HEADER_BYTES_MAX } from './connection.js'
import type { Histogram } from './histogram.js'
import { DEVICE } from './participant.js'
import type { Schedule, TakesTurns } from './schedule.js'
import { messageIdOf } from './send-slots.js'
import type { Tally } from './tally.js'

const ANSWER_MS = 30_000
const PINGS_MAX = 64
/** Requests have their refs above those of pings. */
const REQUEST_REFS_FROM = 0x4000_0000
/** Of pings that only keep the connection. */
const HEARTBEAT_REF = 0x3fff_ffff
const PING = encodeFrame({ kind: 'ping', ref: HEARTBEAT_REF })
const PING_REF = refPlace(Bytes.over(PING), 0)

export interface Resumed {
  /** Of frames. */
  readonly bytes: number
  readonly conversations: readonly string[]
}

export class IdleDevice implements ConnectionListener, TakesTurns {
  readonly index: number
  /** Of frames heard on the present connection. */
  bytesHeard = 0
  /** Events heard of others. */
  heard = 0
  pongs = 0
  readonly #user: string
  readonly #token: string
  readonly #tally: Tally
  readonly #roundTrip: Histogram
  #connection!: Connection
  #isWelcome = false
  #laneNumber = 0
  #cursor = { incarnation: 0, version: 0 }
  /** By whom it was said to: n is dense in each conversation. */
  readonly #lastNs = new Map<string, number>()
  #nextRef = REQUEST_REFS_FROM
  #now = 0
  #waiting: { ref: number; resolve(answer: DecodedFrame): void; reject(cause: Error): void } | undefined
  #opened: (() => void) | undefined

  // Pings in flight are the refs from #oldest up to #newest; each was due at its time.
  readonly #dueAt = new Float64Array(PINGS_MAX)
  #oldest = 1
  #newest = 0
  #dueUpTo = 0
  #window = 0
  #schedule: Schedule | undefined
  #from = 1

  constructor(index: number, user: string, token: string, tally: Tally, roundTrip: Histogram) {
    this.index = index
    this.#user = user
    this.#token = token
    this.#tally = tally
    this.#roundTrip = roundTrip
  }

  /** Resolves once welcome, with the lane that it had before, if any. */
  async connect(address: Address): Promise<void> {
    this.bytesHeard = 0
    this.#isWelcome = false
    await new Promise<void>((resolve, reject) => {
      this.#opened = resolve
      this.#waiting = { ref: 0, resolve: () => {}, reject }
      this.#connection = new Connection(address, this)
    })
    const lane = { number: this.#laneNumber, random: BigInt(this.index) | (0x69646c65n << 32n) }
    const welcome = await this.#ask((ref) => ({ kind: 'hello', ref, token: this.#token, device: DEVICE, lane }))
    if (welcome.kind !== 'welcome') throw new Error(`Cannot say Hello: the server answered ${JSON.stringify(welcome)}`)
    if (this.#laneNumber !== 0 && welcome.lane.number !== this.#laneNumber) {
      this.#tally.violate(`device ${this.index} had lane ${this.#laneNumber} and came back to ${welcome.lane.number}`)
    }
    this.#laneNumber = welcome.lane.number
    this.#isWelcome = true
  }

  /** As when its network is gone: nobody says goodbye. */
  cut(): void {
    this.#connection.cut()
  }

  /** All that changed in the inbox since the cursor that the last call reached; zeros at first. */
  async resume(): Promise<Resumed> {
    const before = this.bytesHeard
    const conversations: string[] = []
    for (;;) {
      const { incarnation, version } = this.#cursor
      const inbox = await this.#ask((ref) => ({
        kind: 'resume',
        ref,
        incarnation,
        version,
        headsFrom: 0,
        eventsMax: 0,
      }))
      if (inbox.kind !== 'inbox') throw new Error(`Cannot resume: the server answered ${JSON.stringify(inbox)}`)
      conversations.push(...inbox.entries.map((entry) => entry.conversation))
      this.#cursor = { incarnation: inbox.incarnation, version: inbox.version }
      if (!inbox.more) return { bytes: this.bytesHeard - before, conversations }
    }
  }

  /** Forgets where it is. */
  forgetCursor(): void {
    this.#cursor = { incarnation: 0, version: 0 }
  }

  /** Says something in the direct conversation with `other`; resolves once it is acked. */
  async tell(other: string): Promise<void> {
    const n = (this.#lastNs.get(other) ?? 0) + 1
    this.#lastNs.set(other, n)
    const content = encodeContent({ messageId: messageIdOf(this.index, n), body: new Uint8Array([n]) })
    const conversation = directId(this.#user as UserId, other as UserId)
    const answer = await this.#ask((ref) => ({ kind: 'send', ref, n, conversationKind: 1, conversation, content }))
    if (answer.kind !== 'ack') this.#tally.violate(`device ${this.index} got ${JSON.stringify(answer)} for its message`)
  }

  /** Sends a request; refusals to wait are obeyed. */
  async #ask(frameOf: (ref: number) => EncodableFrame): Promise<DecodedFrame> {
    for (;;) {
      const ref = this.#nextRef++
      let timer: NodeJS.Timeout | undefined
      const answer = await new Promise<DecodedFrame>((resolve, reject) => {
        this.#waiting = { ref, resolve, reject }
        this.#connection.send(encodeFrame(frameOf(ref)))
        timer = setTimeout(() => reject(new Error(`Device ${this.index} got no answer in ${ANSWER_MS} ms`)), ANSWER_MS)
      }).finally(() => clearTimeout(timer))
      this.#waiting = undefined
      if (answer.kind !== 'refusal' || Math.floor(answer.code / 100) !== 12) return answer
      this.#tally.refused(answer.code, answer.retryAfterMs)
      await new Promise((resolve) => setTimeout(resolve, answer.retryAfterMs))
    }
  }

  // ── Pings ─────────────────────────────────────────────────────────────────────────────────────────────────────

  ping(): void {
    if (this.#isWelcome) this.#connection.send(PING)
  }

  /** Keeps `window` pings unanswered, or sends them when they are due. */
  startPings(window: number, schedule: Schedule | undefined, now: number): void {
    this.#window = Math.min(window, PINGS_MAX)
    this.#schedule = schedule
    this.#from = this.#newest + 1
    this.#dueUpTo = this.#newest
    if (schedule === undefined) this.#freeSlots(now)
    this.flush(now)
  }

  stopPings(): void {
    this.#window = 0
    this.#schedule = undefined
    this.#dueUpTo = this.#newest
  }

  get unanswered(): number {
    return this.#newest - this.#oldest + 1
  }

  becomeDue(): void {
    this.#dueUpTo++
  }

  flush(now: number): void {
    const to = Math.min(this.#dueUpTo, this.#oldest - 1 + (this.#schedule === undefined ? this.#window : PINGS_MAX))
    if (to <= this.#newest) return
    const pings = Bytes.ofSize(HEADER_BYTES_MAX + (to - this.#newest) * PING.length)
    for (let at = HEADER_BYTES_MAX; this.#newest < to; at += PING.length) {
      this.#newest++
      const { startsAt, everyMs } = this.#schedule ?? { startsAt: now, everyMs: 0 }
      this.#dueAt[this.#newest % PINGS_MAX] = startsAt + (this.#newest - this.#from) * everyMs
      pings.u8.set(PING, at)
      pings.view.setUint32(at + PING_REF, this.#newest % HEARTBEAT_REF, true)
    }
    this.#connection.sendInPlace(pings, HEADER_BYTES_MAX, pings.size)
  }

  #freeSlots(now: number): void {
    if (this.#schedule !== undefined) return
    this.#dueUpTo = Math.max(this.#dueUpTo, this.#oldest - 1 + this.#window)
    this.#now = now
  }

  #pong(bytes: Bytes, start: number): void {
    const ref = bytes.view.getUint32(refPlace(bytes, start), true)
    if (ref === HEARTBEAT_REF) return
    if (ref !== this.#oldest % HEARTBEAT_REF) {
      return this.#tally.violate(`device ${this.index} heard pong ${ref}, not ${this.#oldest}`)
    }
    const dueAt = this.#dueAt[this.#oldest++ % PINGS_MAX]!
    this.pongs++
    if (dueAt >= this.#tally.measuredFrom) this.#roundTrip.record((this.#now - dueAt) * 1000)
  }

  // ── ConnectionListener ────────────────────────────────────────────────────────────────────────────────────────

  opened(): void {
    this.#opened?.()
  }

  readStarted(): void {
    this.#now = performance.now()
  }

  frame(bytes: Bytes, start: number, end: number): void {
    this.bytesHeard += end - start
    const type = bodyTypeOf(bytes, start)
    if (type === BodyType.pong) return this.#pong(bytes, start)
    if (type === BodyType.event) {
      this.heard++
      return
    }
    const frame = decodeFrame(bytes.u8.slice(start, end))
    if ('ref' in frame && frame.ref === this.#waiting?.ref) this.#waiting.resolve(frame)
    else if (frame.kind === 'refusal') this.#tally.violate(`device ${this.index}: ${frame.code} ${frame.name}`)
  }

  readEnded(): void {
    if (this.#window === 0 && this.#schedule === undefined) return
    this.#freeSlots(this.#now)
    this.flush(this.#now)
  }

  /** Pings are sent from buffers of their own. */
  drained(): void {}

  closed(cause: Error): void {
    const isExpected = this.#waiting !== undefined
    this.#waiting?.reject(cause)
    if (!isExpected) this.#tally.violate(`device ${this.index} was cut off: ${cause.message}`)
  }
}

/** Where the ref of a Ping or Pong lies. */
function refPlace(bytes: Bytes, start: number): number {
  return fieldAt(bytes.view, bodyTableOf(bytes.view, start), 0)
}
