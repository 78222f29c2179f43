/**
 * One device of the load: says Hello, sends through its `Outgoing`, and hears what the others of its conversation say.
 *
 * Of an event it looks at a few numbers in their fixed places, and checks with them that what it hears has no gap. Every
 * message is also summed up, so that at the end what was heard live is compared with the whole history. A sample is
 * decoded in full and compared with what the sender must have written.
 */
import { crc32 } from 'node:zlib'
import { decodeContent } from '../src/protocol/content.js'
import { decodeFrame } from '../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame, RefusalFrame } from '../src/protocol/decoded-frame.js'
import { encodeFrame } from '../src/protocol/encode.js'
import { EVENT } from '../src/protocol/event-frame.js'
import { bodyTableOf, bodyTypeOf, fieldAt } from '../src/protocol/table.js'
import { BodyType, EventKind } from '../src/protocol/wire-numbers.js'
import type { Bytes } from '../src/std/bytes.js'
import { type Address, Connection, type ConnectionListener } from './connection.js'
import type { Outgoing } from './outgoing.js'
import { placeIn, type Turn } from './partners.js'
import { messageIdOf } from './send-slots.js'
import type { Tally } from './tally.js'
import { mixOf, type Timeline } from './timeline.js'

/** Who is who, for all participants of a crowd. */
export interface Cast {
  readonly tally: Tally
  /** The conversation of one client with another, or of all. */
  readonly conversationOf: (client: number, other: number) => string
  /** Where what a client says to another is in all that it says. */
  readonly turnOf: (client: number, other: number) => Turn
  /** All are in one conversation; else each client's messages that one hears are of a conversation of their own. */
  readonly isGroup: boolean
  readonly userOf: (client: number) => string
  readonly bodyOf: (client: number) => Uint8Array
  readonly outgoingOf: (client: number) => Outgoing | undefined
  /** The first messages of a lane are decoded by participants whose number is a multiple of this. */
  readonly sampleEvery: number
  readonly clients: number
}

interface Waiter {
  resolve(answer: DecodedFrame): void
  reject(cause: Error): void
}

export const DEVICE = 'bench'
const DECODED_FIRST = 16
/** After that, one message in so many. */
const DECODED_EVERY = 1024
/** Requests count from here; sends have their refs below. The server keeps 2^31 and above for itself. */
const REQUEST_REFS_FROM = 0x4000_0000
const HELLO_RETRIES = 50
/** Every request is answered, if only with a refusal. */
const ANSWER_MS = 30_000

export class Participant implements ConnectionListener {
  readonly index: number
  outgoing: Outgoing | undefined
  /** What was heard live of others, by content; see timeline.ts. */
  heardSum = 0
  /** False once the connection was lost: events may have been missed, and that is no violation. */
  heardAll = true
  /** Set while history is read: events are answers then. */
  reading: Timeline | undefined
  connection!: Connection
  readonly #cast: Cast
  readonly #token: string
  #laneNumber = 0
  #app = ''
  /** The last seq of each conversation, by the number of who else is in it; of a group at 0. */
  readonly #heardUpTo: Uint32Array
  readonly #turns: Turn[] = []
  #now = 0
  #nextRef = REQUEST_REFS_FROM
  readonly #requests = new Map<number, Waiter>()
  #opened: (() => void) | undefined
  #failed: ((cause: Error) => void) | undefined
  #onLost: (() => void) | undefined

  constructor(index: number, cast: Cast, token: string) {
    this.index = index
    this.#cast = cast
    this.#token = token
    this.#heardUpTo = new Uint32Array(cast.isGroup ? 1 : cast.clients)
  }

  /** Resolves once welcome. A lane that was given before is taken up again. */
  async connect(address: Address): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#opened = resolve
      this.#failed = reject
      this.connection = new Connection(address, this)
    })
    const lane = { number: this.#laneNumber, random: BigInt(this.index) | (0x62656e63n << 32n) }
    const hello = { kind: 'hello', token: this.#token, device: DEVICE, lane } as const
    const welcome = await this.ask((ref) => ({ ...hello, ref }), HELLO_RETRIES)
    if (welcome.kind !== 'welcome') throw new Error(`Cannot say Hello: the server answered ${JSON.stringify(welcome)}`)
    this.#laneNumber = welcome.lane.number
    this.#app = welcome.app
    this.#failed = undefined
  }

  /** Sends a request and resolves with its answer; refusals to wait are obeyed up to `retries` times. */
  async ask(frameOf: (ref: number) => EncodableFrame, retries = 1000): Promise<DecodedFrame> {
    for (;;) {
      const ref = this.#nextRef++
      const frame = frameOf(ref)
      let timer: NodeJS.Timeout | undefined
      const answer = await new Promise<DecodedFrame>((resolve, reject) => {
        this.#requests.set(ref, { resolve, reject })
        this.connection.send(encodeFrame(frame))
        timer = setTimeout(() => {
          reject(new Error(`Client ${this.index} got no answer to its ${frame.kind} in ${ANSWER_MS} ms`))
        }, ANSWER_MS)
      }).finally(() => clearTimeout(timer))
      if (answer.kind !== 'refusal' || Math.floor(answer.code / 100) !== 12 || retries-- === 0) return answer
      await new Promise((resolve) => setTimeout(resolve, answer.retryAfterMs))
    }
  }

  ping(): void {
    const isWelcome = this.#app !== '' && this.#failed === undefined
    if (isWelcome) this.connection.send(encodeFrame({ kind: 'ping', ref: 0 }))
  }

  /** From now on losing the connection is no violation; `onLost` hears of it each time. */
  expectLoss(onLost: () => void): void {
    this.#onLost = onLost
  }

  opened(): void {
    this.#opened?.()
  }

  readStarted(): void {
    this.#now = performance.now()
  }

  frame(bytes: Bytes, start: number, end: number): void {
    const type = bodyTypeOf(bytes, start)
    if (type === BodyType.event) this.#event(bytes, start, end)
    else if (type === BodyType.ack) this.#ack(bytes, start, end)
    else this.#rare(decodeFrame(bytes.u8.slice(start, end)))
  }

  readEnded(): void {
    this.outgoing?.flush(this.#now)
  }

  drained(): void {
    this.outgoing?.drained(performance.now())
  }

  closed(cause: Error): void {
    this.heardAll = false
    const isConnecting = this.#failed !== undefined
    this.#failed?.(cause)
    for (const { reject } of this.#requests.values()) reject(cause)
    this.#requests.clear()
    if (isConnecting) return
    if (this.#onLost === undefined) this.#cast.tally.violate(`client ${this.index} was cut off: ${cause.message}`)
    this.#onLost?.()
  }

  #event(bytes: Bytes, start: number, end: number): void {
    const { view } = bytes
    const seq = view.getUint32(start + EVENT.seq, true)
    if (this.reading !== undefined) {
      this.reading.take(bytes, start, end)
      return
    }
    const sender = view.getUint32(start + EVENT.laneRandom, true)
    const { tally, isGroup } = this.#cast
    const place = isGroup ? 0 : sender
    const heardUpTo = this.#heardUpTo[place]!
    if (seq <= heardUpTo) {
      tally.redelivered++
      return
    }
    // A sender may not be told its own events again: its acks name them. Sums and read-back cover senders.
    if (seq !== heardUpTo + 1 && heardUpTo > 0 && this.outgoing === undefined && this.heardAll) {
      tally.violate(`client ${this.index} heard seq ${seq} after ${heardUpTo}`)
    }
    this.#heardUpTo[place] = seq
    if (sender === this.index || view.getUint16(start + EVENT.eventKind, true) !== EventKind.message) return
    this.#message(bytes, start, end, seq, sender)
  }

  #message(bytes: Bytes, start: number, end: number, seq: number, sender: number): void {
    const { tally, sampleEvery, outgoingOf } = this.#cast
    const n = bytes.view.getUint32(start + EVENT.n, true)
    tally.delivered++
    this.heardSum = (this.heardSum + mixOf(seq, sender, n)) | 0
    const outgoing = outgoingOf(sender)
    if (outgoing === undefined) {
      tally.violate(`client ${this.index} heard from ${sender}, who sends nothing`)
      return
    }
    const dueAt = outgoing.dueAt(placeIn(this.#turnOf(sender), n))
    if (dueAt >= tally.measuredFrom) tally.deliver.record((this.#now - dueAt) * 1000)
    const isFirst = n - outgoing.firstN < DECODED_FIRST && this.index % sampleEvery === 0
    if (isFirst || n % DECODED_EVERY === 0) this.#decode(bytes.u8.slice(start, end), sender, n, isFirst)
  }

  #turnOf(sender: number): Turn {
    this.#turns[sender] ??= this.#cast.turnOf(sender, this.index)
    return this.#turns[sender]
  }

  #decode(frame: Uint8Array, sender: number, n: number, isDigested: boolean): void {
    const { tally, userOf, conversationOf, bodyOf } = this.#cast
    const place = placeIn(this.#turnOf(sender), n)
    const event = decodeFrame(frame)
    if (event.kind !== 'event' || event.content === undefined) {
      tally.violate(`event ${n} of ${sender} is empty`)
      return
    }
    const content = decodeContent(event.content)
    const isRight =
      event.app === this.#app &&
      event.from === userOf(sender) &&
      event.device === DEVICE &&
      event.conversation === conversationOf(sender, this.index) &&
      content.messageId === messageIdOf(sender, place) &&
      content.body !== undefined &&
      Buffer.compare(content.body, bodyOf(sender)) === 0
    if (!isRight) tally.violate(`event ${n} of ${sender} is not what was sent`)
    if (isDigested) tally.digest = (tally.digest + crc32(event.content, crc32(event.from, n))) >>> 0
  }

  #ack(bytes: Bytes, start: number, end: number): void {
    const { view } = bytes
    const body = fieldAt(view, bodyTableOf(view, start), 0)
    const ref = view.getUint32(body + 24, true)
    if (ref >= REQUEST_REFS_FROM) {
      this.#answered(ref, decodeFrame(bytes.u8.slice(start, end)))
      return
    }
    const seq = view.getUint32(body + 8, true)
    if (seq === 0) {
      this.#cast.tally.violate(`client ${this.index}: a seq was forgotten inside the lane's window`)
      return
    }
    this.outgoing!.acked(ref, view.getUint32(body, true), seq, this.#now)
  }

  #rare(frame: DecodedFrame): void {
    if (frame.kind === 'refusal') {
      this.#refusal(frame)
      return
    }
    if (frame.kind === 'skip') {
      if (this.reading !== undefined) this.reading.skip(frame.from, frame.to)
      else if (this.#cast.isGroup) this.#heardUpTo[0] = Math.max(this.#heardUpTo[0]!, frame.to)
    } else if ('ref' in frame) {
      this.#answered(frame.ref, frame)
    }
  }

  #refusal(refusal: RefusalFrame): void {
    const { tally } = this.#cast
    tally.refused(refusal.code, refusal.retryAfterMs)
    if (refusal.ref >= REQUEST_REFS_FROM) {
      this.#answered(refusal.ref, refusal)
      return
    }
    if (refusal.ref === 0) return
    if (Math.floor(refusal.code / 100) !== 12) {
      tally.violate(`client ${this.index}: ${refusal.code} ${refusal.name}`)
      return
    }
    this.outgoing!.refused(refusal.ref, refusal, this.#now)
  }

  #answered(ref: number, frame: DecodedFrame): void {
    const waiter = this.#requests.get(ref)
    this.#requests.delete(ref)
    waiter?.resolve(frame)
  }
}
