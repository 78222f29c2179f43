/**
 * When users were last online, for the user shards of this worker: in memory for those who left lately, and in the row of
 * their inbox for ever. A time is no event: it is in no log, goes into the row with a checkpoint that comes after it, and what
 * a crash takes with it is minutes at most. ADR 98.
 *
 * Such a checkpoint needs a frame in the log, and a log that refuses one costs the shard its state (commit-loop.ts): while
 * it takes nothing, times wait, and reads go on.
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
/** After the log refused something nothing is stored for so long; what is not known to be stored then is tried again. */
const AGAIN_MS = 60_000

const STILL_ONLINE = 0

/** Of a shard, as far as it matters here. */
export type SeenShard = Pick<Shard, 'activations' | 'carry' | 'refusal'> & {
  readonly loop: Pick<Shard['loop'], 'isServing' | 'refusedAt' | 'whenDurable'>
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
  /** Of those, what is on its way into the log: since when, on the monotonic clock; the earliest first. */
  readonly #underWay = new Map<ActorKey, { readonly time: number; readonly since: number }>()
  /** The log refused something, and has taken nothing of ours since: it is asked by one shard. */
  #isRefused = false
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
    this.#returnLost(now)
    if (this.#unstored.size > 0 && this.#mayStore(now)) {
      for (const [inbox, time] of first(this.#unstored, this.#isRefused ? 1 : STORED_PER_SWEEP)) {
        this.#unstored.delete(inbox)
        void this.#store(inbox, time)
      }
    }
    for (const inbox of first(this.#unread, READ_PER_SWEEP)) {
      this.#unread.delete(inbox)
      void this.#read(inbox)
    }
  }

  /** It is not ours any more, and times of here would hide later ones should it come back. */
  forgetShard(shard: number): void {
    const { shardCount } = this.#parts
    for (const known of [this.#times, this.#online, this.#unstored, this.#underWay, this.#unread]) {
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

  /** The shards of a worker have one log, so what one was refused the others would be. */
  #mayStore(now: number): boolean {
    for (const { loop, refusal } of this.#parts.shards.values()) {
      if (now - loop.refusedAt < AGAIN_MS) this.#isRefused = true
      else if (!loop.isServing || refusal === undefined) continue
      return false
    }
    return true
  }

  /** What went with a state that was given up waits again, but for users of whom there is newer. */
  #returnLost(now: number): void {
    for (const [inbox, { time, since }] of this.#underWay) {
      if (now - since < AGAIN_MS) return
      this.#underWay.delete(inbox)
      if (!this.#unstored.has(inbox)) keep(this.#unstored, inbox, time)
    }
  }

  /** A row that cannot be read is given up, but for who is still online: their turn comes again. */
  async #store(inbox: ActorKey, time: number): Promise<void> {
    this.#underWay.delete(inbox)
    this.#underWay.set(inbox, { time, since: this.#parts.clock.monotonic() })
    const shard = this.#shardOf(inbox)
    if (shard === undefined) return
    const known = shard.activations.get(inbox)
    if (known?.kind === 'inbox') return this.#write(shard, known, time)
    const isCurrent = shard.activations.lifeCheck()
    const loaded = await shard.activations.load(parseActorKey(inbox))
    if (!isCurrent()) return
    // Whoever came or left meanwhile waits to be stored with that.
    if (loaded?.kind === 'inbox' && !this.#unstored.has(inbox)) this.#write(shard, loaded, time)
    else this.#underWay.delete(inbox)
  }

  #write(shard: SeenShard, inbox: InboxActivation, time: number): void {
    const now = this.#parts.clock.now()
    const { key, state } = inbox
    if (time === STILL_ONLINE && Math.abs(now - state.lastSeen) < SEEN_WITHIN_MS) return void this.#underWay.delete(key)
    state.lastSeen = time === STILL_ONLINE ? now : time
    shard.activations.touched(inbox)
    shard.carry() // the store passes over a second checkpoint at one position
    const written = this.#underWay.get(key)
    shard.loop.whenDurable(() => {
      this.#isRefused = false
      if (this.#underWay.get(key) === written) this.#underWay.delete(key)
    })
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
