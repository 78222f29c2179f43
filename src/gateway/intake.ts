/**
 * What connections say, one verified frame after another: answered here, handed to the owner of its target, or refused
 * with a code. Each is counted against its connection, and against what the worker lets in.
 */
import type { Commands, Session } from '../actors/peers.js'
import type { ActorKey } from '../domain/ids.js'
import { isToWait, type RefusalName } from '../domain/refusal.js'
import { writePong } from '../protocol/answer-frames.js'
import { ClientFrame } from '../protocol/client-frame.js'
import { frameBytes } from '../protocol/table.js'
import { refusalOfVerdict } from '../protocol/verify.js'
import { BODY_TYPE_MAX, BodyType } from '../protocol/wire-numbers.js'
import type { Bytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Admission } from './admission.js'
import type { Connection } from './connection.js'
import type { Hellos } from './hello.js'
import { type GatewayLimits, OWN_REF } from './limits.js'
import type { Partings } from './partings.js'
import type { RetryAfter } from './retry-after.js'
import type { SendQueues } from './send-queues.js'
import type { Sweep } from './sweep.js'
import { Targets } from './targets.js'
import type { TokenRefresh } from './token-refresh.js'
import type { Watches } from './watches.js'

export interface IntakeParts {
  readonly commands: Commands
  readonly clock: Clock
  readonly limits: GatewayLimits
  readonly queues: SendQueues
  readonly admission: Admission
  readonly hellos: Hellos
  readonly refresh: TokenRefresh
  readonly sweep: Sweep
  readonly partings: Partings
  readonly watches: Watches
  readonly retryAfter: RetryAfter
}

export class Intake {
  /** Whoever says something new is sent away. */
  isDraining = false
  readonly #parts: IntakeParts
  readonly #targets = new Targets()
  readonly #frame = new ClientFrame()

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** `verdict` is that of the verifier; `over`: the rate that this frame exceeds. */
  take(
    connection: Connection,
    bytes: Bytes,
    start: number,
    end: number,
    verdict: number,
    over: RefusalName | undefined,
  ): void {
    if (verdict > BODY_TYPE_MAX) return over === undefined ? undefined : this.#tooFast(connection, over, 0, 0) // newer than this build
    const frame = this.#frame
    if (verdict < 0) frame.readRequest(bytes, start)
    else frame.read(bytes, start)
    const { ref, n } = frame
    if (ref >= OWN_REF) return this.#parts.partings.close(connection, 'bad-frame')
    if (over !== undefined) return this.#tooFast(connection, over, ref, n)
    if (verdict < 0) return this.#parts.partings.refuse(connection, refusalOfVerdict(verdict), ref, n, 0)
    switch (verdict) {
      case BodyType.ping:
        return writePong(this.#parts.queues.frames(connection), ref, this.#parts.clock.now())
      case BodyType.hello:
        return this.#hello(connection, bytes, start, end)
      case BodyType.watch:
        if (connection.phase === 'open') return this.#parts.watches.watch(connection, ref, frame.users(bytes))
        // Whose Hello is on its way may ask again; what it commanded is held, a watch is not worth that.
        if (connection.phase === 'greeting') return this.#parts.partings.refuse(connection, 'hello-first', ref, n, 0)
        return this.#helloFirst(connection, ref, n)
      case BodyType.typing: {
        if (connection.typedAt === this.#parts.sweep.second) return // said this second already, and worth no answer
        if (!this.#parts.admission.admits('history')) return // what may be lost goes first
        connection.typedAt = this.#parts.sweep.second
        return this.#command(connection, bytes, start, end)
      }
      default:
        return this.#command(connection, bytes, start, end)
    }
  }

  #command(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref, n } = this.#frame
    const { session, phase } = connection
    if (this.isDraining)
      return this.#parts.partings.refuse(connection, 'draining', ref, n, this.#parts.retryAfter.reconnectMs())
    if (phase === 'greeting' && this.#parts.hellos.hold(connection, bytes, start, end)) return
    if (phase !== 'open' || session === undefined) {
      return this.#helloFirst(connection, ref, n)
    }
    if (connection.inFlight >= this.#parts.limits.inFlightMax) {
      return this.#parts.partings.refuse(connection, 'too-many-requests', ref, n, this.#parts.retryAfter.busyMs())
    }
    if (!this.#parts.admission.admits(this.#frame.isRead ? 'history' : 'send')) {
      return this.#parts.partings.refuse(connection, 'overloaded', ref, n, this.#parts.admission.retryAfterMs())
    }
    const key = this.#targets.ofFrame(this.#frame, connection, session, bytes)
    if (this.#hand(connection, session, key, bytes, start, end)) return
    this.#parts.partings.refuse(connection, 'mailbox-full', ref, n, this.#parts.retryAfter.busyMs())
  }

  #helloFirst(connection: Connection, ref: number, n: number): void {
    this.#parts.partings.refuse(connection, 'hello-first', ref, n, 0)
    this.#parts.partings.end(connection, 'hello-first')
  }

  #hello(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref } = this.#frame
    if (connection.phase === 'open' && this.#parts.refresh.take(connection, this.#frame, bytes)) return
    if (connection.phase !== 'new') return this.#parts.partings.close(connection, 'bad-frame') // one Hello, then its answer
    if (this.isDraining)
      return this.#parts.partings.refuse(connection, 'draining', ref, 0, this.#parts.retryAfter.reconnectMs())
    if (!this.#parts.admission.admits('hello')) {
      return this.#parts.partings.refuse(connection, 'overloaded', ref, 0, this.#parts.admission.retryAfterMs())
    }
    const session = this.#parts.hellos.begin(connection, this.#frame, bytes)
    if (typeof session === 'string') {
      const retryAfterMs = this.#parts.retryAfter.ofHelloMs(session, this.#parts.clock.now())
      this.#parts.partings.refuse(connection, session, ref, 0, retryAfterMs)
      return isToWait(session) ? undefined : this.#parts.partings.end(connection, session)
    }
    if (this.#hand(connection, session, session.inbox, bytes, start, end)) return
    this.#parts.hellos.endSession(connection)
    this.#parts.partings.refuse(connection, 'mailbox-full', ref, 0, this.#parts.retryAfter.busyMs())
  }

  /** Hands the frame that was read last to the owner of `target`. */
  #hand(connection: Connection, session: Session, target: ActorKey, bytes: Bytes, start: number, end: number): boolean {
    // Counted before, since an owner in this thread may answer at once.
    const { ref } = this.#frame
    connection.inFlight++
    this.#parts.admission.began(connection.number, ref)
    if (this.#parts.commands.command(session, target, ref, bytes, start, end)) return true
    this.answered(connection, ref)
    return false
  }

  /** Hello was answered: what came behind it goes on its way, or hears that it was too early. */
  release(connection: Connection): void {
    const { held } = connection
    if (held === undefined) return
    connection.held = undefined
    for (let at = 0; at < held.size && !connection.isClosed; ) {
      const end = at + frameBytes(held.bytes, at)
      this.#frame.read(held.bytes, at)
      if (connection.phase === 'open') this.#command(connection, held.bytes, at, end)
      else this.#parts.partings.refuse(connection, 'hello-first', this.#frame.ref, this.#frame.n, 0)
      at = end
    }
  }

  answered(connection: Connection, ref: number): void {
    connection.inFlight--
    this.#parts.admission.ended(connection.number, ref)
  }

  #tooFast(connection: Connection, over: RefusalName, ref: number, n: number): void {
    const isOwn = over === 'connection-rate'
    const retryAfterMs = isOwn
      ? connection.rate.retryAfterMs()
      : this.#parts.retryAfter.ofRateMs(this.#parts.clock.now())
    this.#parts.partings.refuse(connection, over, ref, n, retryAfterMs)
  }
}
