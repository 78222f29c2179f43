/**
 * Whose presence the connections of a worker want to hear of. Each user is watched once for all of them, at the owner of the
 * user's shard, which is told what is watched when that changes and every few seconds besides; what it says is passed on to
 * each connection at most four times a second, the last state only.
 */
import type { Commands, PresenceState } from '../actors/peers.js'
import { type ActorKey, ActorKind, actorKey, parseActorKey, shardOf } from '../domain/ids.js'
import type { PresenceFacts } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { Bytes } from '../std/bytes.js'
import type { Clock, Timer } from '../std/clock.js'
import type { Connection } from './connection.js'
import type { SendQueues } from './send-queues.js'

const TICK_MS = 250
const DIGEST_MS = 10_000
/** Users watched by a worker; beyond it no new ones are, and nothing is heard of them. */
const WATCHED_MAX = 100_000

interface Watched {
  readonly inbox: ActorKey
  readonly shard: number
  readonly connections: Set<Connection>
  state: PresenceState | undefined
}

export interface WatchesParts {
  readonly commands: Commands
  readonly clock: Clock
  readonly queues: SendQueues
  readonly shardCount: number
}

export class Watches {
  readonly #parts: WatchesParts
  readonly #watched = new Map<ActorKey, Watched>()
  readonly #byShard = new Map<number, Set<ActorKey>>()
  readonly #news = new Map<Connection, Set<Watched>>()
  /** Whose owners are to be told. */
  readonly #changedShards = new Set<number>()
  #timer: Timer | undefined
  #digestAt = 0

  constructor(parts: WatchesParts) {
    this.#parts = parts
  }

  /** Instead of those it watched before. Answers with what is known of them. */
  watch(connection: Connection, ref: number, users: readonly string[]): void {
    this.forget(connection)
    const app = connection.session!.app
    const inboxes = [...new Set(users)].map((user) => actorKey(app, ActorKind.inbox, user))
    const entries: PresenceFacts[] = []
    connection.watching = inboxes.filter((inbox) => {
      const watched = this.#watchedOf(inbox)
      watched?.connections.add(connection)
      if (watched?.state !== undefined) entries.push(factsOf(watched.state))
      return watched !== undefined
    })
    this.#say(connection, ref, entries)
    this.#tickLater()
  }

  /** The connection is gone, or watches others. */
  forget(connection: Connection): void {
    for (const inbox of connection.watching ?? []) {
      const watched = this.#watched.get(inbox)!
      watched.connections.delete(connection)
      if (watched.connections.size > 0) continue
      this.#watched.delete(inbox)
      this.#byShard.get(watched.shard)!.delete(inbox)
      this.#changedShards.add(watched.shard)
    }
    if (connection.watching !== undefined) this.#tickLater()
    connection.watching = undefined
    this.#news.delete(connection)
  }

  /** From owners. */
  take(states: readonly PresenceState[]): void {
    for (const state of states) {
      const watched = this.#watched.get(state.inbox)
      if (watched === undefined || isSame(watched.state, state)) continue
      watched.state = state
      for (const connection of watched.connections) {
        const news = this.#news.get(connection)
        if (news === undefined) this.#news.set(connection, new Set([watched]))
        else news.add(watched)
      }
    }
    if (this.#news.size > 0) this.#tickLater()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #watchedOf(inbox: ActorKey): Watched | undefined {
    const known = this.#watched.get(inbox)
    if (known !== undefined) return known
    if (this.#watched.size >= WATCHED_MAX) return undefined
    const shard = shardOf(inbox, this.#parts.shardCount)
    const watched: Watched = { inbox, shard, connections: new Set(), state: undefined }
    this.#watched.set(inbox, watched)
    const inShard = this.#byShard.get(shard)
    if (inShard === undefined) this.#byShard.set(shard, new Set([inbox]))
    else inShard.add(inbox)
    this.#changedShards.add(shard)
    return watched
  }

  #tickLater(): void {
    this.#timer ??= this.#parts.clock.after(TICK_MS, () => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    const now = this.#parts.clock.monotonic()
    if (now - this.#digestAt >= DIGEST_MS) {
      this.#digestAt = now
      for (const shard of this.#byShard.keys()) this.#changedShards.add(shard)
    }
    for (const shard of this.#changedShards) {
      const inboxes = this.#byShard.get(shard) ?? []
      this.#parts.commands.watch(shard, [...inboxes])
    }
    this.#changedShards.clear()
    for (const [connection, news] of this.#news) {
      this.#say(
        connection,
        0,
        [...news].map(({ state }) => factsOf(state!)),
      )
    }
    this.#news.clear()
    if (this.#watched.size > 0) this.#tickLater()
  }

  #say(connection: Connection, ref: number, entries: readonly PresenceFacts[]): void {
    const frame = Bytes.over(encodeFrame({ kind: 'presence', ref, entries }))
    this.#parts.queues.append(connection, frame, 0, frame.size)
  }
}

function factsOf({ inbox, isOnline, lastSeen }: PresenceState): PresenceFacts {
  return { user: parseActorKey(inbox).id, online: isOnline, lastSeen }
}

function isSame(a: PresenceState | undefined, b: PresenceState): boolean {
  return a !== undefined && a.isOnline === b.isOnline && a.lastSeen === b.lastSeen
}
