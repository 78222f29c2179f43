/**
 * Commands of servers, one HTTP request each: they go to the owners of conversations over the same links as those of
 * sockets, are decided by the same actors, and wait until they are durable. Each is a session of its own, in a lane that no
 * device can have, whose random stands for its idempotency key (ADR 62).
 */
import { createHash } from 'node:crypto'
import { type Commands, FIRST_REQUEST, type GatewayEnd, type Session } from '../actors/peers.js'
import {
  ActorKind,
  type ActorName,
  type AppId,
  actorKey,
  type DeviceId,
  SERVER_LANE,
  SYSTEM_LANE,
  type UserId,
} from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import { decodeFrames } from '../protocol/decode.js'
import type { DecodedFrame, EncodableFrame } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { refusalOfVerdict, verifyClientFrame } from '../protocol/verify.js'
import { Bytes } from '../std/bytes.js'

/** The device that events of servers bear. */
const DEVICE = 'api' as DeviceId
const REF = 1
/** What is shed first, as on sockets. */
const READS: ReadonlySet<EncodableFrame['kind']> = new Set(['history', 'members', 'resume'])

/** How much the worker takes in at all (gateway/admission.ts). */
export interface AdmissionGate {
  admits(what: 'history' | 'send'): boolean
  began(connection: number, ref: number): void
  ended(connection: number, ref: number): void
  retryAfterMs(): number
}

export interface ServerCommandsParts {
  readonly commands: Commands
  readonly admission: AdmissionGate
}

/** In whose name, where, and under which key. */
export interface AskedBy {
  readonly app: AppId
  /** The server's own name: who is shown where it speaks for the app. */
  readonly server: UserId
  /** Absent: the app itself, which needs no membership. */
  readonly user?: UserId | undefined
  readonly conversation: Omit<ActorName, 'app'>
  /** Of this sender in this conversation. Reads have none. */
  readonly key: string
}

export type Answered =
  | { readonly ok: true; readonly frames: readonly DecodedFrame[] }
  | { readonly ok: false; readonly refusal: RefusalName; readonly retryAfterMs: number }

interface Waiting {
  readonly session: Session
  readonly settle: (answer: Answered) => void
}

export class ServerCommands implements Pick<GatewayEnd, 'answer' | 'unknown'> {
  readonly #parts: ServerCommandsParts
  readonly #waiting = new Map<number, Waiting>()
  #lastNumber = FIRST_REQUEST

  constructor(parts: ServerCommandsParts) {
    this.#parts = parts
  }

  /** Under way now. */
  get inFlight(): number {
    return this.#waiting.size
  }

  /** Resolves within seconds. `frame` has `ref` 1 and, where it is a command, `n` 1. */
  ask(by: AskedBy, frame: EncodableFrame): Promise<Answered> {
    const { commands, admission } = this.#parts
    const bytes = Bytes.over(encodeFrame(frame))
    const verdict = verifyClientFrame(bytes, 0, bytes.size)
    if (verdict < 0) return refused(refusalOfVerdict(verdict), 0)
    const isFull = this.#waiting.size >= LIMITS.serverCommandsMax
    if (isFull || !admission.admits(READS.has(frame.kind) ? 'history' : 'send')) {
      return refused('overloaded', admission.retryAfterMs())
    }
    const session = this.#sessionOf(by)
    const number = session.connection
    return new Promise((resolve) => {
      this.#waiting.set(number, { session, settle: resolve })
      admission.began(number, REF)
      const { kind, id } = by.conversation
      if (commands.command(session, actorKey(by.app, kind, id), REF, bytes, 0, bytes.size)) return
      this.#settle(number, { ok: false, refusal: 'mailbox-full', retryAfterMs: admission.retryAfterMs() })
    })
  }

  answer(number: number, _ref: number, bytes: Bytes, start: number, end: number): void {
    if (!this.#waiting.has(number)) return
    const frames = decodeFrames(bytes.u8.slice(start, end))
    const [first] = frames
    if (first?.kind !== 'refusal') return this.#settle(number, { ok: true, frames })
    const { name, retryAfterMs } = first
    this.#settle(number, { ok: false, refusal: name as RefusalName, retryAfterMs })
  }

  unknown(number: number): void {
    this.#settle(number, { ok: false, refusal: 'unknown-outcome', retryAfterMs: this.#parts.admission.retryAfterMs() })
  }

  #settle(number: number, answer: Answered): void {
    const waiting = this.#waiting.get(number)
    if (waiting === undefined) return
    this.#waiting.delete(number)
    this.#parts.admission.ended(number, REF)
    waiting.settle(answer)
  }

  #sessionOf({ app, server, user, conversation: { kind, id }, key }: AskedBy): Session {
    // Two billion requests later the first of that number has long been answered.
    this.#lastNumber = this.#lastNumber === 0xffff_ffff ? FIRST_REQUEST : this.#lastNumber + 1
    const sender = user ?? server
    return {
      connection: this.#lastNumber,
      app,
      user: sender,
      device: DEVICE,
      inbox: actorKey(app, ActorKind.inbox, sender),
      laneNumber: user === undefined ? SYSTEM_LANE : SERVER_LANE,
      startedAt: 0,
      isHeard: true,
      laneRandom: digestOf([app, `${kind}`, id, sender, key]).readBigUInt64LE(0),
    }
  }
}

/** The message id of what is sent under a key: the same at every repetition, or a resend would be another message. */
export function messageIdOf({ app, server, user, conversation: { kind, id }, key }: AskedBy): bigint {
  const digest = digestOf([app, `${kind}`, id, user ?? server, key])
  return (digest.readBigUInt64LE(8) << 64n) | digest.readBigUInt64LE(16)
}

/** Ids have no control characters, and keys are visible characters: joined, they cannot be told apart wrongly. */
function digestOf(parts: readonly string[]): Buffer {
  return createHash('sha256').update(parts.join('\u0000')).digest()
}

function refused(refusal: RefusalName, retryAfterMs: number): Promise<Answered> {
  return Promise.resolve({ ok: false, refusal, retryAfterMs })
}
