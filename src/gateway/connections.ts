/**
 * The connections of a worker, found by number and by shard; those of a user and of an address are counted over all
 * workers of the process.
 *
 * A number's low bits are its place in a table, so that a delivery finds its connection by one index; numbers only ever
 * grow, so that a late answer to a connection that is gone finds nobody.
 */

import { hostOf } from '../access/address.js'
import type { SharedCounts } from '../access/shared-counts.js'
import type { Session } from '../actors/peers.js'
import { type ShardId, shardOf } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import { assert } from '../std/assert.js'
import type { Connection } from './connection.js'
import type { GatewayLimits } from './limits.js'

const NO_SESSIONS: ReadonlySet<Session> = new Set()

export class Connections {
  /** A power of two of them, well above the number of connections that a worker holds. */
  readonly #slots: (Connection | undefined)[]
  readonly #shardCount: number
  readonly #counts: SharedCounts
  readonly #limits: GatewayLimits
  readonly #byShard = new Map<ShardId, Set<Session>>()
  readonly #mask: number
  #lastNumber = 0
  #count = 0
  #refusedCount = 0

  constructor(shardCount: number, limits: GatewayLimits, counts: SharedCounts) {
    this.#limits = limits
    this.#counts = counts
    this.#slots = new Array(2 ** Math.ceil(Math.log2(limits.connectionsPerWorkerMax * 1.5))).fill(undefined)
    this.#mask = this.#slots.length - 1
    this.#shardCount = shardCount
  }

  get count(): number {
    return this.#count
  }

  /** A number for a new connection. */
  nextNumber(): number {
    assert(this.#count < this.#mask, `too many connections for the table: ${this.#count}`)
    do this.#lastNumber++
    while (this.#slots[this.#lastNumber & this.#mask] !== undefined)
    return this.#lastNumber
  }

  /** Why it must be closed, where there are too many, here or of its address. */
  add(connection: Connection): RefusalName | undefined {
    this.#slots[connection.number & this.#mask] = connection
    this.#count++
    const refusal = this.#refusalOf(connection)
    if (refusal === undefined) connection.isCounted = true
    else this.#refusedCount++
    return refusal
  }

  #refusalOf(connection: Connection): RefusalName | undefined {
    if (this.#count > this.#limits.connectionsPerWorkerMax) return 'too-many-connections'
    const isTaken = this.#counts.take(
      nameOfAddress(connection.socket.remoteAddress),
      this.#limits.connectionsPerAddressMax,
    )
    return isTaken ? undefined : 'address-connections'
  }

  /** How many found no room since this was asked last. */
  takeRefusedCount(): number {
    const refused = this.#refusedCount
    this.#refusedCount = 0
    return refused
  }

  get(number: number): Connection | undefined {
    const connection = this.#slots[number & this.#mask]
    return connection !== undefined && connection.number === number ? connection : undefined
  }

  remove(connection: Connection): void {
    assert(this.get(connection.number) === connection, `connection ${connection.number} is not in the table`)
    this.#slots[connection.number & this.#mask] = undefined
    this.#count--
  }

  /** Its socket is gone, too, and makes room for another of its address. */
  released(connection: Connection): void {
    if (!connection.isCounted) return
    connection.isCounted = false
    this.#counts.release(nameOfAddress(connection.socket.remoteAddress))
  }

  *all(): Iterable<Connection> {
    for (const connection of this.#slots) if (connection !== undefined) yield connection
  }

  // ── Sessions ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** False where the user has as many as a user may. */
  addSession(session: Session): boolean {
    if (!this.#counts.take(userName(session), this.#limits.connectionsPerUserMax)) return false
    const shard = shardOf(session.inbox, this.#shardCount)
    const inShard = this.#byShard.get(shard)
    if (inShard === undefined) this.#byShard.set(shard, new Set([session]))
    else inShard.add(session)
    return true
  }

  removeSession(session: Session): void {
    this.#counts.release(userName(session))
    this.#byShard.get(shardOf(session.inbox, this.#shardCount))?.delete(session)
  }

  /** As many as the user, and the address, have in the whole process now. */
  countsOf(inbox: string, remoteAddress: string): { readonly ofUser: number; readonly ofAddress: number } {
    const [ofUser, ofAddress] = [`user ${inbox}`, nameOfAddress(remoteAddress)].map((name) =>
      this.#counts.countOf(name),
    )
    return { ofUser: ofUser!, ofAddress: ofAddress! }
  }

  sessionsOf(shard: number): ReadonlySet<Session> {
    return this.#byShard.get(shard as ShardId) ?? NO_SESSIONS
  }
}

function userName({ inbox }: Session): string {
  return `user ${inbox}`
}

function nameOfAddress(remoteAddress: string): string {
  return `address ${hostOf(remoteAddress)}`
}
