/**
 * Who is online, for the user shards of this worker, told to the gateway workers that watch. Soft state and signals: a change
 * that was lost on the way is told again with the watcher's next digest.
 *
 * A user who left is online for AWAY_MS more, because most come right back; changes of a tick travel together.
 */
import type { ActorKey } from '../domain/ids.js'
import type { Clock, Timer } from '../std/clock.js'
import type { LastSeen } from './last-seen.js'
import type { GatewayHandle } from './owner-link.js'
import type { PresenceState } from './peers.js'

const TICK_MS = 250
const AWAY_MS = 2_000

export interface PresenceParts {
  readonly clock: Clock
  readonly lastSeen: Pick<LastSeen, 'came' | 'left' | 'of'>
  isConnected(inbox: ActorKey): boolean
  /** When gateway workers have told which sessions of this shard there are, on the monotonic clock; infinity: not served here. */
  settlesAt(shard: number): number
}

export class Presence {
  readonly #parts: PresenceParts
  readonly #watchers = new Map<ActorKey, Set<GatewayHandle>>()
  /** What each gateway worker watches, by its address and the shard. */
  readonly #watched = new Map<string, { readonly gateway: GatewayHandle; readonly inboxes: ReadonlySet<ActorKey> }>()
  /** When what changed is due to be told, on the monotonic clock. */
  readonly #changed = new Map<ActorKey, number>()
  #timer: Timer | undefined

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  /** The gateway worker watches exactly these users of the shard, and hears how all of them are. */
  watch(gateway: GatewayHandle, shard: number, inboxes: readonly ActorKey[]): void {
    const place = `${gateway.address} ${shard}`
    this.#unwatch(place)
    if (inboxes.length === 0) return
    this.#watched.set(place, { gateway, inboxes: new Set(inboxes) })
    for (const inbox of inboxes) {
      const watchers = this.#watchers.get(inbox)
      if (watchers === undefined) this.#watchers.set(inbox, new Set([gateway]))
      else watchers.add(gateway)
    }
    const isYoung = this.#parts.clock.monotonic() < this.#parts.settlesAt(shard)
    const known = isYoung ? inboxes.filter((inbox) => this.#parts.isConnected(inbox)) : inboxes
    if (known.length > 0) gateway.presence(known.map((inbox) => this.#stateOf(inbox)))
    if (known.length < inboxes.length) this.#tellOnceSettled(shard, inboxes)
  }

  /** Who is not connected yet may be so without our knowing: gateway workers are still registering with us. */
  #tellOnceSettled(shard: number, inboxes: readonly ActorKey[]): void {
    const settlesAt = this.#parts.settlesAt(shard)
    if (settlesAt === Number.POSITIVE_INFINITY) return // the watcher's next digest asks again
    for (const inbox of inboxes) if (!this.#parts.isConnected(inbox)) this.#changed.set(inbox, settlesAt)
    this.#timer ??= this.#parts.clock.after(TICK_MS, () => this.#tick())
  }

  /** Their first session began, or their last one ended. */
  changed(inbox: ActorKey): void {
    const isConnected = this.#parts.isConnected(inbox)
    if (isConnected) this.#parts.lastSeen.came(inbox)
    else this.#parts.lastSeen.left(inbox)
    if (!this.#watchers.has(inbox)) return
    this.#changed.set(inbox, this.#parts.clock.monotonic() + (isConnected ? 0 : AWAY_MS))
    this.#timer ??= this.#parts.clock.after(TICK_MS, () => this.#tick())
  }

  /** It is known now when they were last seen. */
  found(inbox: ActorKey): void {
    if (!this.#watchers.has(inbox) || this.#changed.has(inbox)) return
    this.#changed.set(inbox, this.#parts.clock.monotonic())
    this.#timer ??= this.#parts.clock.after(TICK_MS, () => this.#tick())
  }

  /** The worker is gone. */
  forgetGateway(address: string): void {
    for (const place of this.#watched.keys()) if (place.startsWith(`${address} `)) this.#unwatch(place)
  }

  /** It is not ours any more, and what we would say of its users is of the past. */
  forgetShard(shard: number): void {
    for (const place of this.#watched.keys()) if (place.endsWith(` ${shard}`)) this.#unwatch(place)
  }

  #tick(): void {
    this.#timer = undefined
    const now = this.#parts.clock.monotonic()
    const news = new Map<GatewayHandle, PresenceState[]>()
    for (const [inbox, dueAt] of this.#changed) {
      if (dueAt > now) continue
      this.#changed.delete(inbox)
      for (const gateway of this.#watchers.get(inbox) ?? []) {
        news.set(gateway, [...(news.get(gateway) ?? []), this.#stateOf(inbox)])
      }
    }
    for (const [gateway, states] of news) gateway.presence(states)
    if (this.#changed.size > 0) this.#timer = this.#parts.clock.after(TICK_MS, () => this.#tick())
  }

  #stateOf(inbox: ActorKey): PresenceState {
    const isOnline = this.#parts.isConnected(inbox) || (this.#changed.get(inbox) ?? 0) > this.#parts.clock.monotonic()
    return { inbox, isOnline, lastSeen: isOnline ? 0 : this.#parts.lastSeen.of(inbox) }
  }

  #unwatch(place: string): void {
    const watched = this.#watched.get(place)
    if (watched === undefined) return
    this.#watched.delete(place)
    for (const inbox of watched.inboxes) {
      const watchers = this.#watchers.get(inbox)
      watchers?.delete(watched.gateway)
      if (watchers?.size === 0) this.#watchers.delete(inbox)
    }
  }
}
