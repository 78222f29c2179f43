/**
 * Connections that read too slowly: told once, left alone, and served from history when their socket has drained.
 *
 * Reads are History commands on the connection's behalf, with refs that clients cannot use; one at a time, and the next
 * only when the socket has taken what the last one brought. Their end frames are for us, not for the client: it just
 * sees the events and skips that it missed, in order, and then live ones again (lag.ts).
 *
 * Elsewhere: who is behind (send-queues.ts), what is missing (lag.ts).
 */
import type { Commands } from '../actors/peers.js'
import { type ActorKey, type ConversationKind, parseActorKey } from '../domain/ids.js'
import { isFinal, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import { writeInbox, writeRefusal } from '../protocol/answer-frames.js'
import { decodeFrame } from '../protocol/decode.js'
import { encodeFrame } from '../protocol/encode.js'
import { bodyTableOf, bodyTypeOf, fieldAt, frameBytes } from '../protocol/table.js'
import { BodyType, HistoryMode } from '../protocol/wire-numbers.js'
import { Bytes, readU53 } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { GatewayEvents } from './events.js'
import { Lag } from './lag.js'
import { type GatewayLimits, OWN_REF } from './limits.js'
import type { SendQueues } from './send-queues.js'

/** Deliveries resume when the queue has fallen to this share of what it may be. */
const RESUME_FRACTION = 1 / 4
/** A lagging connection's answers still go; one whose queue reaches this many times its limit is cut off. */
const CUT_OFF_FACTOR = 4
const RETRY_MS = 100
/** Ten seconds of reads that bring nothing, then the client is better off elsewhere. */
const STALLS_MAX = 100

export interface CatchUpParts {
  readonly commands: Commands
  readonly clock: Clock
  readonly limits: GatewayLimits
  readonly queues: SendQueues
  readonly events: GatewayEvents
  readonly close: (connection: Connection, why: RefusalName) => void
}

export class CatchUp {
  readonly #parts: CatchUpParts
  #lastRef = OWN_REF

  constructor(parts: CatchUpParts) {
    this.#parts = parts
  }

  /** Stops delivering to it; says so where it did not know yet. */
  begin(connection: Connection): void {
    const { limits, queues, events, close } = this.#parts
    if (connection.isClosed) return
    const isHopeless = connection.unsentBytes > CUT_OFF_FACTOR * limits.sendQueueBytesMax
    if (isHopeless || connection.phase !== 'open') return close(connection, 'too-far-behind')
    const isTold = connection.lag !== undefined && !connection.lag.isOver
    connection.lag ??= new Lag()
    connection.lag.isPaused = true
    connection.lag.servedAt = 0
    if (isTold) return
    events.lagging({ connection: connection.number, unsentBytes: connection.unsentBytes })
    writeRefusal(queues.frames(connection), 'lagging', { ref: 0, n: 0, retryAfterMs: 0, expected: 0 })
  }

  /** The socket has taken some of what waited. */
  drained(connection: Connection): void {
    const { lag } = connection
    if (lag === undefined || connection.unsentBytes > this.#parts.limits.sendQueueBytesMax * RESUME_FRACTION) return
    lag.isPaused = false
    this.#tellInbox(connection, lag)
    this.#read(connection, lag)
  }

  /** A step or a beacon of its user's inbox was not delivered. */
  missedInbox(lag: Lag, bytes: Bytes, start: number, end: number): void {
    const frame = decodeFrame(bytes.u8.subarray(start, end))
    // Heads of large conversations say nothing of the list, and come again within a minute.
    if (frame.kind === 'inbox' && frame.incarnation > 0)
      lag.inbox = { incarnation: frame.incarnation, version: frame.version }
  }

  /** The beacon that the owner would send next: who holds less asks for the rest. */
  #tellInbox(connection: Connection, lag: Lag): void {
    if (lag.inbox === undefined) return
    const { incarnation, version } = lag.inbox
    lag.inbox = undefined
    const beacon = { ref: 0, incarnation, prev: version, version, entries: [], more: false }
    writeInbox(this.#parts.queues.frames(connection), beacon)
  }

  /** Owners answered a request of ours. */
  answered(connection: Connection, ref: number, bytes: Bytes, start: number, end: number): void {
    const { lag } = connection
    if (lag === undefined || lag.ref !== ref) return
    lag.ref = 0
    const conversation = lag.reading!
    const { code, isStep } = this.#pass(connection, lag, conversation, bytes, start, end)
    if (code !== undefined && isFinal(code)) lag.drop(conversation)
    if (isStep || (code !== undefined && isFinal(code))) return this.#soon(connection, lag)
    this.#later(connection, lag)
  }

  /** Nobody knows what became of our request. */
  unknown(connection: Connection, ref: number): void {
    const { lag } = connection
    if (lag === undefined || lag.ref !== ref) return
    lag.ref = 0
    this.#later(connection, lag)
  }

  #read(connection: Connection, lag: Lag): void {
    if (lag.ref !== 0 || connection.phase !== 'open') return
    const next = lag.nextRead()
    if (next === undefined) return
    const frame = historyFrame(next.conversation, next.after, this.#nextRef(), this.#parts.limits.historyLimitMax)
    lag.ref = this.#lastRef
    lag.reading = next.conversation
    const bytes = Bytes.over(frame)
    if (this.#parts.commands.command(connection.session!, next.conversation, lag.ref, bytes, 0, bytes.size)) return
    lag.ref = 0
    this.#later(connection, lag)
  }

  /** Hands events and skips to the client and takes the rest in. */
  #pass(
    connection: Connection,
    lag: Lag,
    conversation: ActorKey,
    bytes: Bytes,
    start: number,
    end: number,
  ): { readonly isStep: boolean; readonly code?: RefusalName | undefined } {
    const { queues } = this.#parts
    for (let at = start; at < end; ) {
      const next = at + frameBytes(bytes, at)
      const table = bodyTableOf(bytes.view, at)
      switch (bodyTypeOf(bytes, at)) {
        case BodyType.refusal:
          return { isStep: false, code: refusalOfWire(bytes.view.getUint16(fieldAt(bytes.view, table, 1), true)) }
        case BodyType.historyEnd:
          return { isStep: lag.served(conversation, longField(bytes, table, 4)) }
        case BodyType.skip:
          this.#passSkip(connection, bytes, at, next)
          break
        default:
          queues.append(connection, bytes, at, next)
      }
      at = next
    }
    return { isStep: false }
  }

  /** A skip names the request that it answers; the client never made this one. */
  #passSkip(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const copy = Bytes.over(bytes.u8.slice(start, end))
    const ref = fieldAt(copy.view, bodyTableOf(copy.view, 0), 0)
    if (ref !== 0) copy.view.setUint32(ref, 0, true)
    this.#parts.queues.append(connection, copy, 0, copy.size)
  }

  /** After this tick's bytes have been sent, if the socket keeps up. */
  #soon(connection: Connection, lag: Lag): void {
    lag.stalls = 0
    this.#parts.clock.soon(() => {
      if (connection.lag === lag) this.drained(connection)
    })
  }

  #later(connection: Connection, lag: Lag): void {
    if (++lag.stalls > STALLS_MAX) return this.#parts.close(connection, 'too-far-behind')
    this.#parts.clock.after(RETRY_MS, () => {
      if (connection.lag === lag) this.drained(connection)
    })
  }

  #nextRef(): number {
    this.#lastRef = this.#lastRef === 0xffff_ffff ? OWN_REF : this.#lastRef + 1
    return this.#lastRef
  }
}

function historyFrame(key: ActorKey, anchor: number, ref: number, limit: number): Uint8Array {
  const { kind, id } = parseActorKey(key)
  return encodeFrame({
    kind: 'history',
    ref,
    mode: HistoryMode.after,
    conversationKind: kind as ConversationKind,
    conversation: id,
    anchor,
    limit,
    minSeq: 0,
  })
}

function longField(bytes: Bytes, table: number, index: number): number {
  const at = fieldAt(bytes.view, table, index)
  return at === 0 ? 0 : readU53(bytes.view, at)
}
