/**
 * One worker's connections: from WebSocket messages to commands for the owners of shards, and from answers and
 * deliveries to one WebSocket message per socket and tick.
 *
 * Whatever arrives is verified completely before anything else looks at it, and bounded: size, rate, requests in
 * flight, connections, silence. A frame that is refused is answered here with a code; one that is accepted is answered
 * by the owner of its target, exactly once. The gateway decides nothing about chat and holds nothing that matters: if
 * this thread dies, clients reconnect and resume.
 * Elsewhere: what a tick sends (send-queues.ts), slow readers (catch-up.ts), tokens (access/), sockets (uws/).
 */
import type { Entrance } from '../access/entrance.js'
import type { SharedCounts } from '../access/shared-counts.js'
import type { SharedRates } from '../access/shared-rates.js'
import type { VerifyToken } from '../access/token.js'
import type { EndsGrant } from '../access/worker-access.js'
import type { Commands, Delivered, GatewayEnd, PresenceState, Session } from '../actors/peers.js'
import type { ActorKey } from '../domain/ids.js'
import { isToWait, REFUSALS, type RefusalName } from '../domain/refusal.js'
import { writePong } from '../protocol/answer-frames.js'
import { ClientFrame } from '../protocol/client-frame.js'
import { frameBytes } from '../protocol/table.js'
import { refusalOfVerdict, verifyClientFrame } from '../protocol/verify.js'
import { BODY_TYPE_MAX, BodyType } from '../protocol/wire-numbers.js'
import type { Bytes } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { Admission } from './admission.js'
import { CatchUp } from './catch-up.js'
import { Connection } from './connection.js'
import { Connections } from './connections.js'
import { Deliveries } from './deliveries.js'
import { drain } from './drain.js'
import type { GatewayEvents } from './events.js'
import { Hellos } from './hello.js'
import { GATEWAY_LIMITS, type GatewayLimits, OWN_REF } from './limits.js'
import { Partings } from './partings.js'
import { Rate } from './rate.js'
import { Rates } from './rates.js'
import { RetryAfter } from './retry-after.js'
import { SendQueues } from './send-queues.js'
import type { Socket, SocketListener } from './socket-server.js'
import { Sweep } from './sweep.js'
import { Targets } from './targets.js'
import { TokenRefresh } from './token-refresh.js'
import { Watches } from './watches.js'

export interface GatewayParts {
  readonly commands: Commands
  /** Of the worker: requests of servers take part of it. */
  readonly admission: Admission
  readonly clock: Clock
  readonly random: Random
  readonly verifyToken: VerifyToken
  readonly entrance: Pick<Entrance, 'refuses'>
  /** Of the connections of users and addresses, all workers together. */
  readonly counts: SharedCounts
  readonly rates: SharedRates
  readonly shardCount: number
  readonly events: GatewayEvents
  readonly limits?: GatewayLimits
}

export class Gateway implements GatewayEnd, SocketListener {
  readonly refuses: SocketListener['refuses']
  readonly #commands: Commands
  readonly #clock: Clock
  readonly #retryAfter: RetryAfter
  readonly #events: GatewayEvents
  readonly #limits: GatewayLimits
  readonly #connections: Connections
  readonly #queues: SendQueues
  readonly #catchUp: CatchUp
  readonly #hellos: Hellos
  readonly #refresh: TokenRefresh
  readonly #sweep: Sweep
  readonly #targets = new Targets()
  readonly #frame = new ClientFrame()
  readonly #admission: Admission
  readonly #partings: Partings
  readonly #rates: Rates
  readonly #watches: Watches
  readonly #deliveries: Deliveries
  #isDraining = false

  constructor(parts: GatewayParts) {
    const { commands, clock, events, verifyToken, limits = GATEWAY_LIMITS } = parts
    this.#commands = commands
    this.refuses = (arrival) => parts.entrance.refuses(arrival)
    this.#clock = clock
    this.#retryAfter = new RetryAfter(parts.random)
    this.#events = events
    this.#limits = limits
    const retryAfter = this.#retryAfter
    const { admission } = parts
    this.#admission = admission
    const connections = new Connections(parts.shardCount, limits, parts.counts)
    this.#connections = connections
    const rates = new Rates(parts.rates, limits)
    this.#rates = rates
    const hellos = new Hellos({ commands, clock, limits, connections, verifyToken, rates })
    this.#hellos = hellos
    const queues = new SendQueues({ clock, limits, events, onBehind: (behind) => this.#catchUp.begin(behind) })
    this.#queues = queues
    const watches = new Watches({ commands, clock, queues, shardCount: parts.shardCount })
    this.#watches = watches
    this.#partings = new Partings({ limits, events, admission, connections, queues, hellos, watches })
    this.#deliveries = new Deliveries({ limits, events, connections, queues, partings: this.#partings })
    const close = (connection: Connection, why: RefusalName) => this.#partings.close(connection, why)
    this.#refresh = new TokenRefresh({ clock, limits, verifyToken, queues, retryAfter, partings: this.#partings })
    this.#catchUp = new CatchUp({ commands, clock, limits, queues, events, close })
    this.#sweep = new Sweep({ clock, limits, connections, events, close })
  }

  // ── Sockets ───────────────────────────────────────────────────────────────────────────────────────────────────

  opened(socket: Socket): void {
    const rate = new Rate(this.#limits.framesPerSecondMax, this.#clock.monotonic())
    const connection = new Connection(this.#connections.nextNumber(), socket, this.#sweep.second, rate)
    socket.attachment = connection
    const refusal = this.#connections.add(connection)
    if (this.#isDraining) return this.#partings.close(connection, 'draining', this.#retryAfter.reconnectMs())
    if (refusal !== undefined) this.#partings.close(connection, refusal, this.#retryAfter.crowdedMs())
  }

  received(socket: Socket, message: Bytes): void {
    const connection = socket.attachment as Connection
    if (connection.isClosed) return
    connection.heardAt = this.#sweep.second
    if (message.size > this.#limits.messageBytesMax) return this.#partings.close(connection, 'message-too-large')
    const now = this.#clock.monotonic()
    const second = Math.floor(this.#clock.now() / 1000)
    for (let at = 0; at < message.size; ) {
      const verdict = verifyClientFrame(message, at, message.size)
      // Nothing behind a bad frame can be found, its ref included.
      if (verdict === -REFUSALS['bad-frame'].wire) return this.#partings.close(connection, 'bad-frame')
      const end = at + frameBytes(message, at)
      this.#events.received(end - at)
      this.#take(connection, message, at, end, verdict, this.#rates.over(connection, now, second))
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
    const connection = socket.attachment as Connection
    this.#partings.forget(connection)
    this.#connections.released(connection)
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
    this.#partings.refuse(connection, 'unknown-outcome', ref, 0, this.#retryAfter.busyMs())
    if (isOfHello) this.#release(connection)
  }

  deliver(numbers: ArrayLike<number>, count: number, what: Delivered, bytes: Bytes, start: number, end: number): void {
    this.#deliveries.deliver(numbers, count, what, bytes, start, end)
  }

  endSession(number: number, why: RefusalName, lane: number): void {
    const connection = this.#connections.get(number)
    if (connection !== undefined) this.#partings.close(connection, why, 0, lane)
  }

  presence(states: readonly PresenceState[]): void {
    this.#watches.take(states)
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
    const tell = (connection: Connection) =>
      this.#partings.refuse(connection, 'draining', 0, 0, this.#retryAfter.reconnectMs())
    const end = (connection: Connection, why: RefusalName) => this.#partings.end(connection, why)
    const [clock, connections, queues] = [this.#clock, this.#connections, this.#queues]
    const [admission, events] = [this.#admission, this.#events]
    await drain({ clock, connections, queues, admission, events, tell, end }, withinMs)
    this.#sweep.stop()
    this.#watches.stop()
  }

  /** Connections of the user and the address now, all workers together. */
  countsOf(inbox: ActorKey, remoteAddress: string): { readonly ofUser: number; readonly ofAddress: number } {
    return this.#connections.countsOf(inbox, remoteAddress)
  }

  /** Tokens or keys were taken back: who came with one of them goes. */
  revoked(ends: EndsGrant): void {
    this.#sweep.revoke(ends)
  }

  /** The worker is about to die: says so, as far as sockets take it now, and closes all. */
  abandon(): void {
    this.#isDraining = true
    this.#sweep.stop()
    this.#watches.stop()
    for (const connection of this.#connections.all()) this.#partings.end(connection, 'worker-failed')
  }

  // ── One frame ─────────────────────────────────────────────────────────────────────────────────────────────────

  #take(
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
    if (ref >= OWN_REF) return this.#partings.close(connection, 'bad-frame')
    if (over !== undefined) return this.#tooFast(connection, over, ref, n)
    if (verdict < 0) return this.#partings.refuse(connection, refusalOfVerdict(verdict), ref, n, 0)
    switch (verdict) {
      case BodyType.ping:
        return writePong(this.#queues.frames(connection), ref, this.#clock.now())
      case BodyType.hello:
        return this.#hello(connection, bytes, start, end)
      case BodyType.watch:
        if (connection.phase === 'open') return this.#watches.watch(connection, ref, frame.users(bytes))
        return this.#partings.refuse(connection, 'hello-first', ref, n, 0)
      case BodyType.typing: {
        if (connection.typedAt === this.#sweep.second) return // said this second already, and worth no answer
        connection.typedAt = this.#sweep.second
        return this.#command(connection, bytes, start, end)
      }
      default:
        return this.#command(connection, bytes, start, end)
    }
  }

  #command(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref, n } = this.#frame
    const { session, phase } = connection
    if (this.#isDraining) return this.#partings.refuse(connection, 'draining', ref, n, this.#retryAfter.reconnectMs())
    if (phase === 'greeting' && this.#hellos.hold(connection, bytes, start, end)) return
    if (phase !== 'open' || session === undefined) {
      this.#partings.refuse(connection, 'hello-first', ref, n, 0)
      return this.#partings.end(connection, 'hello-first')
    }
    if (connection.inFlight >= this.#limits.inFlightMax) {
      return this.#partings.refuse(connection, 'too-many-requests', ref, n, this.#retryAfter.busyMs())
    }
    if (!this.#admission.admits(this.#frame.isRead ? 'history' : 'send')) {
      return this.#partings.refuse(connection, 'overloaded', ref, n, this.#admission.retryAfterMs())
    }
    const key = this.#targets.ofFrame(this.#frame, connection, session, bytes)
    if (this.#hand(connection, session, key, bytes, start, end)) return
    this.#partings.refuse(connection, 'mailbox-full', ref, n, this.#retryAfter.busyMs())
  }

  #hello(connection: Connection, bytes: Bytes, start: number, end: number): void {
    const { ref } = this.#frame
    if (connection.phase === 'open' && this.#refresh.take(connection, this.#frame, bytes)) return
    if (connection.phase !== 'new') return this.#partings.close(connection, 'bad-frame') // one Hello, then its answer
    if (this.#isDraining) return this.#partings.refuse(connection, 'draining', ref, 0, this.#retryAfter.reconnectMs())
    if (!this.#admission.admits('hello')) {
      return this.#partings.refuse(connection, 'overloaded', ref, 0, this.#admission.retryAfterMs())
    }
    const session = this.#hellos.begin(connection, this.#frame, bytes)
    if (typeof session === 'string') {
      this.#partings.refuse(connection, session, ref, 0, this.#retryAfter.ofHelloMs(session, this.#clock.now()))
      return isToWait(session) ? undefined : this.#partings.end(connection, session)
    }
    if (this.#hand(connection, session, session.inbox, bytes, start, end)) return
    this.#hellos.endSession(connection)
    this.#partings.refuse(connection, 'mailbox-full', ref, 0, this.#retryAfter.busyMs())
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
      else this.#partings.refuse(connection, 'hello-first', this.#frame.ref, this.#frame.n, 0)
      at = end
    }
  }

  // ── Helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

  #answered(connection: Connection, ref: number): void {
    connection.inFlight--
    this.#admission.ended(connection.number, ref)
  }

  #tooFast(connection: Connection, over: RefusalName, ref: number, n: number): void {
    const isOwn = over === 'connection-rate'
    const retryAfterMs = isOwn ? connection.rate.retryAfterMs() : this.#retryAfter.ofRateMs(this.#clock.now())
    this.#partings.refuse(connection, over, ref, n, retryAfterMs)
  }
}
