/**
 * One worker's connections: from WebSocket messages to commands for the owners of shards, and from answers and
 * deliveries to one WebSocket message per socket and tick.
 *
 * Whatever arrives is verified completely before anything else looks at it, and bounded: size, rate, requests in
 * flight, connections, silence. A frame that is refused is answered here with a code; one that is accepted is answered
 * by the owner of its target, exactly once. The gateway decides nothing about chat and holds nothing that matters: if
 * this thread dies, clients reconnect and resume.
 * Elsewhere: what a tick sends (send-queues.ts), slow readers (catch-up.ts), tokens (token.ts), sockets (uws/).
 */
import type { Commands, Delivered, GatewayEnd, Session } from '../actors/peers.js'
import type { ActorKey } from '../domain/ids.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { writePong, writeRefusal } from '../protocol/answer-frames.js'
import { ClientFrame } from '../protocol/client-frame.js'
import { frameBytes } from '../protocol/table.js'
import { refusalOfVerdict, verifyClientFrame } from '../protocol/verify.js'
import { BODY_TYPE_MAX, BodyType } from '../protocol/wire-numbers.js'
import type { Bytes } from '../std/bytes.js'
import { type Clock, sleep } from '../std/clock.js'
import type { Random } from '../std/random.js'
import { Admission } from './admission.js'
import { CatchUp } from './catch-up.js'
import { Connection } from './connection.js'
import { Connections } from './connections.js'
import type { GatewayEvents } from './events.js'
import { Hellos } from './hello.js'
import { CLOSE_CODE_BASE, GATEWAY_LIMITS, type GatewayLimits, OWN_REF } from './limits.js'
import { Rate } from './rate.js'
import { RetryAfter } from './retry-after.js'
import { SendQueues } from './send-queues.js'
import type { Socket, SocketListener } from './socket-server.js'
import { Sweep } from './sweep.js'
import { Targets } from './targets.js'
import type { VerifyToken } from './token.js'

const DRAIN_LOOK_MS = 10
/** How long a drain waits for sockets to take the last answers. */
const LAST_BYTES_MS = 1_000

export interface GatewayParts {
  readonly commands: Commands
  readonly clock: Clock
  readonly random: Random
  readonly verifyToken: VerifyToken
  readonly shardCount: number
  readonly events: GatewayEvents
  readonly limits?: GatewayLimits
}

export class Gateway implements GatewayEnd, SocketListener {
  readonly #commands: Commands
  readonly #clock: Clock
  readonly #retryAfter: RetryAfter
  readonly #events: GatewayEvents
  readonly #limits: GatewayLimits
  readonly #connections: Connections
  readonly #queues: SendQueues
  readonly #catchUp: CatchUp
  readonly #hellos: Hellos
  readonly #sweep: Sweep
  readonly #targets = new Targets()
  readonly #frame = new ClientFrame()
  readonly #admission: Admission
  #isDraining = false

  constructor(parts: GatewayParts) {
    const { commands, clock, events, limits = GATEWAY_LIMITS } = parts
    this.#commands = commands
    this.#clock = clock
    this.#retryAfter = new RetryAfter(parts.random)
    this.#events = events
    this.#limits = limits
    this.#admission = new Admission(clock, parts.random)
    const connections = new Connections(parts.shardCount, limits.connectionsPerWorkerMax)
    this.#connections = connections
    this.#hellos = new Hellos({ commands, clock, limits, connections, verifyToken: parts.verifyToken })
    const queues = new SendQueues({ clock, limits, events, onBehind: (behind) => this.#catchUp.begin(behind) })
    const close = (connection: Connection, why: RefusalName) => this.#close(connection, why)
    this.#queues = queues
    this.#catchUp = new CatchUp({ commands, clock, limits, queues, events, close })
    this.#sweep = new Sweep({ clock, limits, connections, close, done: () => this.#reportRefused() })
  }

  // ── Sockets ───────────────────────────────────────────────────────────────────────────────────────────────────

  opened(socket: Socket): void {
    const rate = new Rate(this.#limits.framesPerSecondMax, this.#clock.monotonic())
    const connection = new Connection(this.#connections.nextNumber(), socket, this.#sweep.second, rate)
    socket.attachment = connection
    this.#connections.add(connection)
    if (this.#isDraining) return this.#close(connection, 'draining', this.#retryAfter.reconnectMs())
    if (this.#connections.count <= this.#limits.connectionsPerWorkerMax) return
    this.#connections.refused++
    this.#close(connection, 'too-many-connections', this.#retryAfter.crowdedMs())
  }

  received(socket: Socket, message: Bytes): void {
    const connection = socket.attachment as Connection
    if (connection.isClosed) return
    connection.heardAt = this.#sweep.second
    if (message.size > this.#limits.messageBytesMax) return this.#close(connection, 'message-too-large')
    const now = this.#clock.monotonic()
    for (let at = 0; at < message.size; ) {
      const verdict = verifyClientFrame(message, at, message.size)
      // Nothing behind a bad frame can be found, its ref included.
      if (verdict === -REFUSALS['bad-frame'].wire) return this.#close(connection, 'bad-frame')
      const end = at + frameBytes(message, at)
      this.#events.received(end - at)
      this.#take(connection, message, at, end, verdict, now)
      if (connection.isClosed) return
      at = end
    }
  }

  drained(socket: Socket): void {
    const connection = socket.attachment as Connection
    if (connection.isClosed) return
    this.#queues.drained(connection)
    this.#catchUp.drained(connection)
  }

  closed(socket: Socket): void {
    this.#forget(socket.attachment as Connection)
  }

  // ── From owners ───────────────────────────────────────────────────────────────────────────────────────────────

  answer(number: number, ref: number, bytes: Bytes, start: number, end: number): void {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    if (ref >= OWN_REF) return this.#catchUp.answered(connection, ref, bytes, start, end)
    this.#answered(connection, ref)
    const isOfHello = connection.phase === 'greeting'
    if (isOfHello) this.#hellos.answered(connection, bytes, start)
    this.#queues.append(connection, bytes, start, end)
    if (isOfHello) this.#release(connection)
  }

  unknown(number: number, ref: number): void {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    if (ref >= OWN_REF) return this.#catchUp.unknown(connection, ref)
    this.#answered(connection, ref)
    const isOfHello = connection.phase === 'greeting'
    if (isOfHello) this.#hellos.endSession(connection)
    this.#refuse(connection, 'unknown-outcome', ref, 0, this.#retryAfter.busyMs())
    if (isOfHello) this.#release(connection)
  }

  deliver(numbers: ArrayLike<number>, count: number, what: Delivered, bytes: Bytes, start: number, end: number): void {
    this.#events.delivered(count)
    if (count === 1) {
      const connection = this.#connections.get(numbers[0]!)
      if (connection !== undefined && this.#takes(connection, what)) this.#queues.append(connection, bytes, start, end)
      return
    }
    const block = this.#queues.share(bytes, start, end)
    const blockEnd = block + end - start
    for (let at = 0; at < count; at++) {
      const connection = this.#connections.get(numbers[at]!)
      if (connection !== undefined && this.#takes(connection, what)) {
        this.#queues.appendShared(connection, block, blockEnd)
      }
    }
  }

  sessionsOf(shard: number): Iterable<Session> {
    return this.#connections.sessionsOf(shard)
  }

  // ── For the worker ────────────────────────────────────────────────────────────────────────────────────────────

  get load(): { readonly connections: number; readonly inFlight: number; readonly unsentBytes: number } {
    const { count: connections } = this.#connections
    return { connections, inFlight: this.#admission.inFlight, unsentBytes: this.#queues.unsentBytes }
  }

  /**
   * Tells everybody to go, refuses what is new, lets answers in flight leave, and closes all within `withinMs`. The
   * caller has stopped listening.
   */
  async drain(withinMs: number): Promise<void> {
    this.#isDraining = true
    const connections = this.#connections.count
    for (const connection of this.#connections.all()) {
      this.#refuse(connection, 'draining', 0, 0, this.#retryAfter.reconnectMs())
    }
    const until = this.#clock.monotonic() + withinMs
    while (this.#admission.inFlight > 0 && this.#clock.monotonic() < until) await sleep(this.#clock, DRAIN_LOOK_MS)
    this.#events.drained({ connections, unanswered: this.#admission.inFlight })
    this.#queues.flush()
    const flushedBy = Math.min(until, this.#clock.monotonic() + LAST_BYTES_MS)
    while (this.#queues.unsentBytes > 0 && this.#clock.monotonic() < flushedBy) await sleep(this.#clock, DRAIN_LOOK_MS)
    for (const connection of this.#connections.all()) this.#end(connection, 'draining')
    this.#sweep.stop()
  }

  /** The worker is about to die: says so, as far as sockets take it now, and closes all. */
  abandon(): void {
    this.#isDraining = true
    this.#sweep.stop()
    for (const connection of this.#connections.all()) this.#end(connection, 'worker-failed')
  }

  // ── One frame ─────────────────────────────────────────────────────────────────────────────────────────────────

  #take(connection: Connection, bytes: Bytes, start: number, end: number, verdict: number, now: number): void {
    const isInTime = connection.rate.take(now)
    if (verdict > BODY_TYPE_MAX) return isInTime ? undefined : this.#tooFast(connection, 0, 0) // newer than this build
    const frame = this.#frame
    if (verdict < 0) frame.readRequest(bytes, start)
    else frame.read(bytes, start)
    const { ref, n } = frame
    if (ref >= OWN_REF) return this.#close(connection, 'bad-frame')
    if (!isInTime) return this.#tooFast(connection, ref, n)
    if (verdict < 0) return this.#refuse(connection, refusalOfVerdict(verdict), ref, n, 0)
    switch (verdict) {
      case BodyType.ping:
        return writePong(this.#queues.frames(connection), ref, this.#clock.now())
      case BodyType.hello:
        return this.#hello(connection, bytes, start, end)
      default:
        return this.#command(connection, bytes, start, end)
    }
  }

  #command(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref, n, conversationKind, conversationStart, conversationEnd } = this.#frame
    const { session, phase } = connection
    if (this.#isDraining) return this.#refuse(connection, 'draining', ref, n, this.#retryAfter.reconnectMs())
    if (phase === 'greeting' && this.#hellos.hold(connection, bytes, start, end)) return
    if (phase !== 'open' || session === undefined) {
      this.#refuse(connection, 'hello-first', ref, n, 0)
      return this.#end(connection, 'hello-first')
    }
    if (connection.inFlight >= this.#limits.inFlightMax) {
      return this.#refuse(connection, 'too-many-requests', ref, n, this.#retryAfter.busyMs())
    }
    if (!this.#admission.admits(this.#frame.type === BodyType.history ? 'history' : 'send')) {
      return this.#refuse(connection, 'overloaded', ref, n, this.#admission.retryAfterMs())
    }
    const { lastTarget } = connection
    const { app } = session
    const target = this.#targets.find(lastTarget, app, conversationKind, bytes, conversationStart, conversationEnd)
    connection.lastTarget = target
    if (this.#hand(connection, session, target.key, bytes, start, end)) return
    this.#refuse(connection, 'mailbox-full', ref, n, this.#retryAfter.busyMs())
  }

  #hello(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref } = this.#frame
    if (connection.phase !== 'new') return this.#close(connection, 'bad-frame') // one Hello, then its answer
    if (this.#isDraining) return this.#refuse(connection, 'draining', ref, 0, this.#retryAfter.reconnectMs())
    if (!this.#admission.admits('hello')) {
      return this.#refuse(connection, 'overloaded', ref, 0, this.#admission.retryAfterMs())
    }
    const session = this.#hellos.begin(connection, this.#frame, bytes)
    if (typeof session === 'string') {
      this.#refuse(connection, session, ref, 0, session === 'too-many-connections' ? this.#retryAfter.crowdedMs() : 0)
      return this.#end(connection, session)
    }
    if (this.#hand(connection, session, session.inbox, bytes, start, end)) return
    this.#hellos.endSession(connection)
    this.#refuse(connection, 'mailbox-full', ref, 0, this.#retryAfter.busyMs())
  }

  /** Hands the frame that was read last to the owner of `target`. */
  #hand(connection: Connection, session: Session, target: ActorKey, bytes: Bytes, start: number, end: number): boolean {
    // Counted before, since an owner in this thread may answer at once.
    const { ref } = this.#frame
    connection.inFlight++
    this.#admission.began(connection.number, ref)
    if (this.#commands.command(session, target, ref, bytes, start, end)) return true
    this.#answered(connection, ref)
    return false
  }

  /** Hello was answered: what came behind it goes on its way, or hears that it was too early. */
  #release(connection: Connection): void {
    const { held } = connection
    if (held === undefined) return
    connection.held = undefined
    for (let at = 0; at < held.size && !connection.isClosed; ) {
      const end = at + frameBytes(held.bytes, at)
      this.#frame.read(held.bytes, at)
      if (connection.phase === 'open') this.#command(connection, held.bytes, at, end)
      else this.#refuse(connection, 'hello-first', this.#frame.ref, this.#frame.n, 0)
      at = end
    }
  }

  // ── Helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

  #answered(connection: Connection, ref: number): void {
    connection.inFlight--
    this.#admission.ended(connection.number, ref)
  }

  /** Whether this connection gets a delivery now; a lagging one notes it instead. */
  #takes(connection: Connection, what: Delivered): boolean {
    const { lag } = connection
    if (lag === undefined) return connection.phase === 'open'
    if (lag.passes(what)) return true
    if (lag.missedCount > this.#limits.laggingConversationsMax) this.#close(connection, 'too-far-behind')
    return false
  }

  #refuse(connection: Connection, name: RefusalName, ref: number, n: number, retryAfterMs: number): void {
    this.#events.refused(name)
    writeRefusal(this.#queues.frames(connection), name, { ref, n, retryAfterMs, expected: 0 })
  }

  #tooFast(connection: Connection, ref: number, n: number): void {
    this.#refuse(connection, 'too-many-requests', ref, n, connection.rate.retryAfterMs())
  }

  /** Says why, then ends the connection. */
  #close(connection: Connection, why: RefusalName, retryAfterMs = 0): void {
    this.#refuse(connection, why, 0, 0, retryAfterMs)
    this.#end(connection, why)
  }

  #end(connection: Connection, why: RefusalName): void {
    if (connection.isClosed) return
    connection.phase = 'leaving'
    this.#queues.flushOne(connection)
    const { socket, unsentBytes } = connection
    this.#forget(connection)
    // A peer that does not read will not read a goodbye either, and its bytes would be kept for it.
    if (unsentBytes > this.#limits.sendQueueBytesMax || (unsentBytes > 0 && why === 'idle-timeout')) socket.abort()
    else socket.close(CLOSE_CODE_BASE + REFUSALS[why].wire, why)
  }

  #forget(connection: Connection): void {
    if (connection.phase === 'closed') return
    connection.phase = 'closed'
    this.#admission.forget(connection.number, connection.inFlight)
    connection.lag = undefined
    this.#connections.remove(connection)
    this.#queues.forget(connection)
    this.#hellos.endSession(connection)
  }

  #reportRefused(): void {
    const { count: connections, refused } = this.#connections
    if (refused > 0) this.#events.full({ connections, refused })
    this.#connections.refused = 0
  }
}
