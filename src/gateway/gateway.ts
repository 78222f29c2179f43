/**
 * One worker's connections: from WebSocket messages to commands for the owners of shards, and from answers and
 * deliveries to one WebSocket message per socket and tick.
 *
 * Whatever arrives is verified completely before anything else looks at it, and bounded: size, rate, requests in
 * flight, connections, silence. A frame that is refused is answered here with a code; one that is accepted is answered
 * by the owner of its target, exactly once. The gateway decides nothing about chat and holds nothing that matters: if
 * this thread dies, clients reconnect and resume.
 * Elsewhere: what becomes of a frame (intake.ts), what a tick sends (send-queues.ts), slow readers (catch-up.ts), tokens
 * (access/), sockets (uws/).
 */
import type { Entrance } from '../access/entrance.js'
import type { SharedCounts } from '../access/shared-counts.js'
import type { SharedRates } from '../access/shared-rates.js'
import type { VerifyToken } from '../access/token.js'
import type { EndsGrant } from '../access/worker-access.js'
import type { Commands, Delivered, GatewayEnd, PresenceState, Session } from '../actors/peers.js'
import type { ActorKey } from '../domain/ids.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import { frameBytes } from '../protocol/table.js'
import { verifyClientFrame } from '../protocol/verify.js'
import { BodyType } from '../protocol/wire-numbers.js'
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
import { Intake } from './intake.js'
import { GATEWAY_LIMITS, type GatewayLimits, OWN_REF } from './limits.js'
import { Partings } from './partings.js'
import { Rate } from './rate.js'
import { Rates } from './rates.js'
import { RetryAfter } from './retry-after.js'
import { SendQueues } from './send-queues.js'
import type { Socket, SocketListener } from './socket-server.js'
import { Sweep } from './sweep.js'
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
  readonly #clock: Clock
  readonly #retryAfter: RetryAfter
  readonly #events: GatewayEvents
  readonly #limits: GatewayLimits
  readonly #connections: Connections
  readonly #queues: SendQueues
  readonly #catchUp: CatchUp
  readonly #hellos: Hellos
  readonly #sweep: Sweep
  readonly #admission: Admission
  readonly #partings: Partings
  readonly #rates: Rates
  readonly #watches: Watches
  readonly #deliveries: Deliveries
  readonly #intake: Intake

  constructor(parts: GatewayParts) {
    const { commands, clock, events, verifyToken, limits = GATEWAY_LIMITS } = parts
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
    const close = (connection: Connection, why: RefusalName) => this.#partings.close(connection, why)
    this.#catchUp = new CatchUp({ commands, clock, limits, queues, events, close })
    const [partings, catchUp] = [this.#partings, this.#catchUp]
    this.#deliveries = new Deliveries({ limits, events, connections, queues, partings, catchUp })
    const sweep = new Sweep({ clock, limits, connections, events, close })
    this.#sweep = sweep
    const refresh = new TokenRefresh({ clock, limits, verifyToken, queues, retryAfter, partings })
    const own = { commands, clock, limits, queues, admission, hellos, watches }
    this.#intake = new Intake({ ...own, refresh, sweep, partings, retryAfter })
  }

  // ── Sockets ───────────────────────────────────────────────────────────────────────────────────────────────────

  opened(socket: Socket): void {
    const rate = new Rate(this.#limits.framesPerSecondMax, this.#clock.monotonic())
    const connection = new Connection(this.#connections.nextNumber(), socket, this.#sweep.second, rate)
    socket.attachment = connection
    const refusal = this.#connections.add(connection)
    if (this.#intake.isDraining) return this.#partings.close(connection, 'draining', this.#retryAfter.reconnectMs())
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
      // Resume is sent behind Hello (ADR 58): it does not say that Welcome has come.
      const isUnheard = connection.phase === 'open' && !connection.session!.isHeard
      if (isUnheard && verdict !== BodyType.resume) this.#hellos.heard(connection.session!)
      this.#intake.take(connection, message, at, end, verdict, this.#rates.over(connection, now, second))
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
    this.#intake.answered(connection, ref)
    const isOfHello = connection.phase === 'greeting'
    if (isOfHello) this.#hellos.answered(connection, bytes, start)
    this.#queues.append(connection, bytes, start, end)
    if (isOfHello) this.#intake.release(connection)
  }

  unknown(number: number, ref: number): void {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    if (ref >= OWN_REF) return this.#catchUp.unknown(connection, ref)
    this.#intake.answered(connection, ref)
    const isOfHello = connection.phase === 'greeting'
    if (isOfHello) this.#hellos.endSession(connection)
    this.#partings.refuse(connection, 'unknown-outcome', ref, 0, this.#retryAfter.busyMs())
    if (isOfHello) this.#intake.release(connection)
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
    this.#intake.isDraining = true
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
    this.#intake.isDraining = true
    this.#sweep.stop()
    this.#watches.stop()
    for (const connection of this.#connections.all()) this.#partings.end(connection, 'worker-failed')
  }
}
