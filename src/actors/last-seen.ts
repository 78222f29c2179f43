/**
 * When users were last online, for the user shards of this worker: in memory for those who left lately, and in the row of
 * their inbox for ever. A time is no event: it is in no log, goes into the row with a checkpoint that comes after it, and what
 * a crash takes with it is minutes at most. ADR 98.
 */
import { type ActorKey, parseActorKey, shardOf } from '../domain/ids.js'
import type { Clock } from '../std/clock.js'
import type { InboxActivation } from './activation.js'
import { lastSeenOfRow } from './rows.js'
import type { Shard } from './shard.js'

/** While a user is online their row says a time that is no older. */
export const SEEN_WITHIN_MS = 300_000
/** Users whose time is in memory, and whose time waits to be stored, or read; the longest there are forgotten first. */
const USERS_MAX = 100_000
/** Once a second: each is a row to write, or to read. */
const STORED_PER_SWEEP = 500
const READ_PER_SWEEP = 250

const STILL_ONLINE = 0

/** Of a shard, as far as it matters here. */
export type SeenShard = Pick<Shard, 'activations' | 'carry'> & {
  readonly loop: Pick<Shard['loop'], 'isServing'>
  readonly parts: Pick<Shard['parts'], 'store'>
}

export interface LastSeenParts {
  readonly clock: Clock
  readonly shardCount: number
  /** Those of this worker. */
  readonly shards: ReadonlyMap<number, SeenShard>
  isConnected(inbox: ActorKey): boolean
  /** It is known now when this user was last seen. */
  found(inbox: ActorKey): void
}

export class LastSeen {
  readonly #parts: LastSeenParts
  /** Milliseconds since 1970; 0: nobody ever saw them. */
  readonly #times = new Map<ActorKey, number>()
  /** Who is online, and when their row is to be looked at again, on the monotonic clock; the earliest first. */
  readonly #online = new Map<ActorKey, number>()
  /** What rows do not say yet: when they left, or STILL_ONLINE. */
  readonly #unstored = new Map<ActorKey, number>()
  readonly #unread = new Set<ActorKey>()

  constructor(parts: LastSeenParts) {
    this.#parts = parts
  }

  came(inbox: ActorKey): void {
    this.#times.delete(inbox)
    this.#isOnline(inbox)
  }

  left(inbox: ActorKey): void {
    const now = this.#parts.clock.now()
    this.#online.delete(inbox)
    this.#remember(inbox, now)
    keep(this.#unstored, inbox, now)
  }

  /** Milliseconds since 1970; 0 where it is not known, or not known yet: see LastSeenParts.found. */
  of(inbox: ActorKey): number {
    const time = this.#times.get(inbox)
    if (time !== undefined) return time
    const activation = this.#shardOf(inbox)?.activations.get(inbox)
    if (activation?.kind === 'inbox') return activation.state.lastSeen
    if (this.#unread.size < USERS_MAX) this.#unread.add(inbox)
    return 0
  }

  /** Once a second. */
  sweep(): void {
    const now = this.#parts.clock.monotonic()
    for (const [inbox, dueAt] of this.#online) {
      if (dueAt > now) break
      this.#online.delete(inbox)
      if (this.#parts.isConnected(inbox)) this.#isOnline(inbox) // else their shard was given up meanwhile
    }
    for (const [inbox, time] of first(this.#unstored, STORED_PER_SWEEP)) {
      this.#unstored.delete(inbox)
      void this.#store(inbox, time)
    }
    for (const inbox of first(this.#unread, READ_PER_SWEEP)) {
      this.#unread.delete(inbox)
      void this.#read(inbox)
    }
  }

  /** It is not ours any more, and times of here would hide later ones should it come back. */
  forgetShard(shard: number): void {
    const { shardCount } = this.#parts
    for (const known of [this.#times, this.#online, this.#unstored, this.#unread]) {
      for (const inbox of known.keys()) if (shardOf(inbox, shardCount) === shard) known.delete(inbox)
    }
  }

  #isOnline(inbox: ActorKey): void {
    this.#online.set(inbox, this.#parts.clock.monotonic() + SEEN_WITHIN_MS)
    keep(this.#unstored, inbox, STILL_ONLINE)
  }

  #remember(inbox: ActorKey, time: number): void {
    keep(this.#times, inbox, time)
  }

  #shardOf(inbox: ActorKey): SeenShard | undefined {
    const shard = this.#parts.shards.get(shardOf(inbox, this.#parts.shardCount))
    return shard?.loop.isServing ? shard : undefined // a replay reads the rows it needs, and nobody puts actors beside it
  }

  /** What fails here is lost, but for who is still online: their turn comes again. */
  async #store(inbox: ActorKey, time: number): Promise<void> {
    const shard = this.#shardOf(inbox)
    if (shard === undefined) return
    const known = shard.activations.get(inbox)
    if (known?.kind === 'inbox') return this.#write(shard, known, time)
    const isCurrent = shard.activations.lifeCheck()
    const loaded = await shard.activations.load(parseActorKey(inbox))
    // Whoever came or left meanwhile waits to be stored with that.
    if (loaded?.kind === 'inbox' && isCurrent() && !this.#unstored.has(inbox)) this.#write(shard, loaded, time)
  }

  #write(shard: SeenShard, inbox: InboxActivation, time: number): void {
    const now = this.#parts.clock.now()
    const { state } = inbox
    if (time === STILL_ONLINE && Math.abs(now - state.lastSeen) < SEEN_WITHIN_MS) return
    state.lastSeen = time === STILL_ONLINE ? now : time
    shard.activations.touched(inbox)
    shard.carry() // the store passes over a second checkpoint at one position
  }

  async #read(inbox: ActorKey): Promise<void> {
    const shard = this.#shardOf(inbox)
    if (shard === undefined) return
    try {
      const row = await shard.parts.store.readActor(inbox)
      if (this.#times.has(inbox) || this.#online.has(inbox)) return
      this.#remember(inbox, row === undefined ? 0 : lastSeenOfRow(parseActorKey(inbox), row.row))
      this.#parts.found(inbox)
    } catch {
      // A row that cannot be read is reported when its inbox is needed; whoever watches this user asks again.
    }
  }
}

/** As the newest. */
function keep(map: Map<ActorKey, number>, inbox: ActorKey, time: number): void {
  map.delete(inbox)
  map.set(inbox, time)
  if (map.size <= USERS_MAX) return
  for (const oldest of map.keys()) return void map.delete(oldest)
}

function first<Item>(all: Iterable<Item>, count: number): Item[] {
  const found: Item[] = []
  for (const item of all) {
    if (found.length === count) break
    found.push(item)
  }
  return found
}
