/**
 * Once a second over all connections: who has been silent for too long, whose token has ended, and who has caught up long enough ago. At
 * 19,000 connections a round takes well under a millisecond; a timer per connection would take more.
 */
import type { EndsGrant } from '../access/worker-access.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { GatewayEvents } from './events.js'
import type { GatewayLimits } from './limits.js'

const SWEEP_MS = 1_000
/** Late deliveries of what catch-up has served are recognized for so many seconds. */
const SERVED_KEPT_SECONDS = 5

export interface SweepParts {
  readonly clock: Clock
  readonly limits: GatewayLimits
  readonly connections: Connections
  readonly events: GatewayEvents
  readonly close: (connection: Connection, why: RefusalName) => void
}

export class Sweep {
  /** Rounds so far, from 1: the time by which silence is measured. */
  second = 1
  readonly #parts: SweepParts
  #timer: Timer

  constructor(parts: SweepParts) {
    this.#parts = parts
    this.#timer = this.#again()
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** Closes the connections whose tokens, or their keys, were taken back. */
  revoke(ends: EndsGrant): void {
    const { connections, close } = this.#parts
    for (const connection of connections.all()) {
      const { session, tokenIssuedAt: issuedAt, tokenKeyOrigin: keyOrigin } = connection
      if (session === undefined || keyOrigin === undefined) continue
      if (ends({ app: session.app, user: session.user, issuedAt, keyOrigin })) close(connection, 'token-revoked')
    }
  }

  #again(): Timer {
    return this.#parts.clock.after(SWEEP_MS, () => {
      this.#round()
      this.#timer = this.#again()
    })
  }

  #round(): void {
    const { clock, limits, connections, close } = this.#parts
    const now = clock.now()
    this.second++
    const silentSince = this.second - (2 * limits.heartbeatMs) / SWEEP_MS
    const newSince = this.second - limits.helloMs / SWEEP_MS
    for (const connection of connections.all()) {
      if (connection.heardAt < silentSince) close(connection, 'idle-timeout')
      else if (connection.phase === 'new' && connection.openedAt < newSince) close(connection, 'hello-first')
      else if (connection.tokenExpiresAt <= now) close(connection, 'session-expired')
      else if (connection.lag?.isOver) this.#settle(connection, connection.lag.servedAt)
    }
    this.#reportRefused()
  }

  #reportRefused(): void {
    const { connections, events } = this.#parts
    const refused = connections.takeRefusedCount()
    if (refused > 0) events.full({ connections: connections.count, refused })
  }

  #settle(connection: Connection, servedAt: number): void {
    if (servedAt === 0) connection.lag!.servedAt = this.second
    else if (this.second - servedAt >= SERVED_KEPT_SECONDS) connection.lag = undefined
  }
}
