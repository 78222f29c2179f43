/**
 * The connections of a worker, found by number, by user and by shard.
 *
 * A number's low bits are its place in a table, so that a delivery finds its connection by one index; numbers only ever
 * grow, so that a late answer to a connection that is gone finds nobody.
 */
import type { Session } from '../actors/peers.js'
import { type ActorKey, type ShardId, shardOf } from '../domain/ids.js'
import { assert } from '../std/assert.js'
import type { Connection } from './connection.js'

const NO_SESSIONS: ReadonlySet<Session> = new Set()

export class Connections {
  /** Turned away since it was last told. */
  refused = 0
  /** A power of two of them, well above the number of connections that a worker holds. */
  readonly #slots: (Connection | undefined)[]
  readonly #shardCount: number
  readonly #perUser = new Map<ActorKey, number>()
  readonly #byShard = new Map<ShardId, Set<Session>>()
  readonly #mask: number
  #lastNumber = 0
  #count = 0

  constructor(shardCount: number, connectionsMax: number) {
    this.#slots = new Array(2 ** Math.ceil(Math.log2(connectionsMax * 1.5))).fill(undefined)
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

  add(connection: Connection): void {
    this.#slots[connection.number & this.#mask] = connection
    this.#count++
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

  *all(): Iterable<Connection> {
    for (const connection of this.#slots) if (connection !== undefined) yield connection
  }

  // ── Sessions ──────────────────────────────────────────────────────────────────────────────────────────────────

  sessionCountOf(inbox: ActorKey): number {
    return this.#perUser.get(inbox) ?? 0
  }

  addSession(session: Session): void {
    this.#perUser.set(session.inbox, this.sessionCountOf(session.inbox) + 1)
    const shard = shardOf(session.inbox, this.#shardCount)
    const inShard = this.#byShard.get(shard)
    if (inShard === undefined) this.#byShard.set(shard, new Set([session]))
    else inShard.add(session)
  }

  removeSession(session: Session): void {
    const left = this.sessionCountOf(session.inbox) - 1
    if (left > 0) this.#perUser.set(session.inbox, left)
    else this.#perUser.delete(session.inbox)
    this.#byShard.get(shardOf(session.inbox, this.#shardCount))?.delete(session)
  }

  sessionsOf(shard: number): ReadonlySet<Session> {
    return this.#byShard.get(shard as ShardId) ?? NO_SESSIONS
  }
}
