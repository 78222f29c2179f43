/**
 * What a worker knows of one connection. Plain fields, because every message and every delivery touches some of them;
 * gateway.ts, send-queues.ts and catch-up.ts each say which are theirs.
 */
import type { KeyOrigin } from '../access/key-ring.js'
import type { Session } from '../actors/peers.js'
import type { ActorKey } from '../domain/ids.js'
import type { GrowingBytes } from '../std/bytes.js'
import type { Lag } from './lag.js'
import type { Rate } from './rate.js'
import type { SessionRates } from './rates.js'
import type { Socket } from './socket-server.js'
import type { Target } from './targets.js'

/** new: said nothing yet. greeting: its Hello is on its way. open: welcomed. leaving: its last bytes are being
 *  sent. closed: forgotten. */
export type Phase = 'new' | 'greeting' | 'open' | 'leaving' | 'closed'

export class Connection {
  /** From 1, not used again in the worker's life. */
  readonly number: number
  readonly socket: Socket

  phase: Phase = 'new'
  session: Session | undefined
  /** Of the session's user and app. */
  rates: SessionRates | undefined
  /** Of the token that the session rests on, in milliseconds since 1970. */
  tokenIssuedAt = 0
  tokenExpiresAt = Number.POSITIVE_INFINITY
  tokenKeyOrigin: KeyOrigin | undefined
  /** On the monotonic clock: the last token that came after the first. */
  refreshedAt = Number.NEGATIVE_INFINITY
  /** Among those of its address (connections.ts). */
  isCounted = false
  /** Verified frames that came behind Hello and wait for its answer. */
  held: GrowingBytes | undefined
  /** Commands without an answer. */
  inFlight = 0
  /** The sweep's second in which it was opened, and in which it was last heard. */
  readonly openedAt: number
  heardAt: number
  readonly rate: Rate
  lastTarget: Target | undefined
  /** watches.ts */
  watching: readonly ActorKey[] | undefined
  /** The sweep's second in which it last said that somebody types. */
  typedAt = 0

  // ── send-queues.ts ────────────────────────────────────────────────────────────────────────────────────────────
  isDirty = false
  /** This tick's bytes, where they are not just a range of the blocks that many share. */
  own: GrowingBytes | undefined
  sharedStart = 0
  /** Above sharedStart: the connection's bytes of this tick are that range of the shared blocks, and `own` is not used. */
  sharedEnd = 0
  /** As last seen. */
  unsentBytes = 0

  /** Undefined for all but those that read too slowly, or did until a moment ago. */
  lag: Lag | undefined

  constructor(number: number, socket: Socket, openedAt: number, rate: Rate) {
    this.number = number
    this.socket = socket
    this.openedAt = openedAt
    this.heardAt = openedAt
    this.rate = rate
  }

  /** Or about to be: nothing more is done for it. */
  get isClosed(): boolean {
    return this.phase === 'closed' || this.phase === 'leaving'
  }
}
