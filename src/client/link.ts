/**
 * One connection at a time, kept up: dials, says Hello, pings, gives up on silence, waits longer each time, dials again.
 * Pairs answers with questions; what was asked on a connection that broke is not answered.
 */
import { LIMITS } from '../domain/limits.js'
import { isFinalCode, refusalOfWire } from '../domain/refusal.js'
import { decodeFrames } from '../protocol/decode.js'
import type { DecodedFrame, EncodableFrame, HelloFrame, RefusalFrame, WelcomeFrame } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import type { Clock, Timer } from '../std/clock.js'
import { fraction, type Random } from '../std/random.js'

/** One connection. Its events come later, never within the call that made it; after `close` none comes. */
export interface Connection {
  send(message: Uint8Array): void
  close(): void
}

export interface ConnectionEvents {
  opened(): void
  /** One WebSocket message; valid only until this returns. */
  received(message: Uint8Array): void
  closed(): void
}

export type Dialer = (events: ConnectionEvents) => Connection

export interface LinkParts {
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dialer
  hello(ref: number): HelloFrame
  /** Hello was said; what is asked now is answered right behind Welcome. */
  greeted(): void
  /** The number of our lane. */
  lane(): number
  up(welcome: WelcomeFrame): void
  /** The connection is gone, with all that was asked on it. */
  down(): void
  /** What answers no question. */
  received(frame: DecodedFrame): void
  /** The server will not have us, for a reason that dialling again does not change. The link has stopped. */
  rejected(refusal: RefusalFrame): void
  changed(state: LinkState): void
}

/** `waiting` for the time to dial again; `connecting` until the server says Welcome. */
export type LinkState = 'stopped' | 'waiting' | 'connecting' | 'online'

/** What waits for the answer to a ref. */
export interface Asked {
  answered(frame: DecodedFrame): void
  /** No answer came in time, though the connection is up. */
  unanswered(): void
}

const BACKOFF_MS_MIN = 100
const BACKOFF_MS_MAX = 10_000
/** A connection that lasted so long was none of those that fail again and again. */
const STEADY_MS = 10_000
/** Replaced so often in a row by our own lane, we are not alone in it: another program has a copy of our storage. */
const REPLACED_MAX = 3
/** Longer than the server parks a command (LIMITS.parkMs) and than a log's timeout. */
const ANSWER_MS_MAX = 15_000

export class Link {
  readonly #parts: LinkParts
  readonly #asked = new Map<number, Asked & { readonly deadline: number }>()
  #state: LinkState = 'stopped'
  #connection: Connection | undefined
  #nextRef = 1
  /** In a row: connections that did not come to last. */
  #failures = 0
  /** As many of the last ones as were replaced from our own lane. */
  #replaced = 0
  #onlineAt = 0
  #heardAt = 0
  #timer: Timer | undefined

  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  get isOnline(): boolean {
    return this.#state === 'online'
  }

  /** Questions without an answer. */
  get inFlight(): number {
    return this.#asked.size
  }

  start(): void {
    if (this.#state !== 'stopped') return
    this.#failures = this.#replaced = 0
    this.#connect()
  }

  stop(): void {
    this.#hangUp()
    this.#become('stopped')
  }

  /** The network is back: dials now, where it waits to. */
  wake(): void {
    if (this.#state !== 'waiting') return
    this.#timer?.cancel()
    this.#connect()
  }

  /** Breaks the connection and makes another: what a change of network does. */
  reconnect(atLeastMs = 0): void {
    if (this.#state === 'stopped') return
    if (this.#isSteady) this.#failures = this.#replaced = 0
    this.#hangUp()
    this.#become('waiting')
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures++)
    // Full jitter: devices that lost one server come back spread over the whole of the wait.
    const delayMs = atLeastMs + backoffMs * fraction(this.#parts.random)
    this.#timer = this.#parts.clock.after(delayMs, () => this.#connect())
  }

  /** The connection that there is has lasted. */
  get #isSteady(): boolean {
    return this.isOnline && this.#parts.clock.monotonic() - this.#onlineAt >= STEADY_MS
  }

  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void {
    const ref = this.#nextRef++
    const deadline = this.#parts.clock.monotonic() + ANSWER_MS_MAX
    this.#asked.set(ref, { answered: asked.answered, unanswered: asked.unanswered, deadline })
    this.#write(frame(ref))
  }

  /** Writes what nobody answers, or whose answer nobody waits for; nothing, where there is no connection. */
  tell(frame: EncodableFrame): void {
    if (this.isOnline) this.#write(frame)
  }

  #connect(): void {
    this.#become('connecting')
    const isCurrent = () => this.#connection === connection
    const connection = this.#parts.dial({
      opened: () => {
        if (isCurrent()) this.#hello()
      },
      received: (message) => {
        if (isCurrent()) this.#received(message)
      },
      closed: () => {
        if (isCurrent()) this.reconnect()
      },
    })
    this.#connection = connection
    this.#heardAt = this.#parts.clock.monotonic()
    this.#watch(LIMITS.helloMs)
  }

  #hello(): void {
    this.ask((ref) => this.#parts.hello(ref), {
      answered: (frame) => {
        if (frame.kind === 'welcome') this.#welcomed(frame)
        else if (frame.kind === 'refusal') this.#refused(frame)
      },
      unanswered: () => this.reconnect(),
    })
    this.#parts.greeted()
  }

  #welcomed(welcome: WelcomeFrame): void {
    this.#onlineAt = this.#parts.clock.monotonic()
    this.#watch(welcome.heartbeatMs)
    this.#become('online')
    // Only who says something after Welcome is taken to have heard it, and takes the place of an older connection.
    this.#write({ kind: 'ping', ref: this.#nextRef++ })
    this.#parts.up(welcome)
  }

  #refused(refusal: RefusalFrame): void {
    if (!isFinalCode(refusal.code)) {
      this.reconnect(refusal.retryAfterMs)
      return
    }
    this.#reject(refusal)
  }

  /** Pings as often as the server wants to hear us, and gives up on a server that says nothing for twice as long. */
  #watch(periodMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.clock.after(Math.min(periodMs, ANSWER_MS_MAX) / 2, () => {
      const now = this.#parts.clock.monotonic()
      if (now - this.#heardAt > 2 * periodMs) {
        this.reconnect()
        return
      }
      this.#giveUpOnOld(now)
      if (this.isOnline) this.#write({ kind: 'ping', ref: this.#nextRef++ })
      if (this.#connection !== undefined) this.#watch(periodMs)
    })
  }

  #giveUpOnOld(now: number): void {
    for (const [ref, asked] of this.#asked) {
      if (asked.deadline > now) continue
      this.#asked.delete(ref)
      asked.unanswered()
    }
  }

  #hangUp(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#timer?.cancel()
    this.#asked.clear()
    this.#parts.down()
  }

  #received(message: Uint8Array): void {
    this.#heardAt = this.#parts.clock.monotonic()
    const connection = this.#connection
    const frames = framesOf(message)
    if (frames === undefined) return this.reconnect()
    for (const frame of frames) {
      this.#frame(frame)
      if (this.#connection !== connection) return
    }
  }

  #frame(frame: DecodedFrame): void {
    const isAnswer = 'ref' in frame && frame.kind !== 'skip'
    const asked = isAnswer ? this.#asked.get(frame.ref) : undefined
    if (asked !== undefined && isAnswer) {
      this.#asked.delete(frame.ref)
      asked.answered(frame)
    } else if (frame.kind === 'refusal' && frame.ref === 0) {
      this.#refusedAll(frame)
    } else {
      this.#parts.received(frame)
    }
  }

  /** A refusal of the connection as a whole. */
  #refusedAll(refusal: RefusalFrame): void {
    const hundreds = Math.floor(refusal.code / 100)
    if (refusalOfWire(refusal.code) === 'replaced') this.#replacedBy(refusal)
    else if (hundreds === 13) this.reconnect(refusal.retryAfterMs)
    else if (hundreds === 14) this.#reject(refusal)
  }

  /** By our own lane: by a connection of ours that we gave up, unless that goes on and on. */
  #replacedBy(refusal: RefusalFrame): void {
    const times = this.#isSteady ? 1 : this.#replaced + 1
    if (refusal.expected !== this.#parts.lane() || times >= REPLACED_MAX) return this.#reject(refusal)
    this.reconnect(refusal.retryAfterMs)
    this.#replaced = times
  }

  #reject(refusal: RefusalFrame): void {
    this.stop()
    this.#parts.rejected(refusal)
  }

  #write(frame: EncodableFrame): void {
    this.#connection?.send(encodeFrame(frame))
  }

  #become(state: LinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.#parts.changed(state)
  }
}

/** Undefined for bytes that are no frames: whoever sent them does not speak our protocol, or something lies between. */
function framesOf(message: Uint8Array): DecodedFrame[] | undefined {
  try {
    return decodeFrames(message)
  } catch {
    return undefined
  }
}
