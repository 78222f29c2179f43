/**
 * How many members of a conversation are online, for those who ask its owner. Counted by every worker for the users it has
 * sessions of (online-scan.ts), and asked of them again while somebody asks us: one message per worker and conversation, however
 * many members there are. A signal: a lost message is mended by the next question. ADR 99.
 */
import type { ActorKey } from '../domain/ids.js'
import type { Clock } from '../std/clock.js'
import type { OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

/** Between two counts of a conversation; more where more than a thousand ask a second, which is then what they are told. */
const COUNTED_EVERY_MS = 5_000
const COUNTED_EVERY_MS_MAX = 60_000
const MS_PER_READER = 1
/** To whom nothing was counted yet. */
const AGAIN_SOON_MS = 1_000
/** Conversations whose counts are kept; the one not asked for the longest is forgotten first. */
const CONVERSATIONS_MAX = 10_000

export interface Online {
  readonly online: number
  /** Milliseconds since 1970; 0: not counted yet. */
  readonly onlineAt: number
  /** Milliseconds after which another number may be known. */
  readonly againMs: number
}

interface Count {
  /** What each worker told last, and when. */
  readonly told: Map<OwnerHandle, { readonly online: number; readonly at: number }>
  /** On the monotonic clock: when the workers are to be asked again. */
  dueAt: number
  /** Who asked since they were. */
  readers: number
}

export interface OnlineCountsParts {
  readonly clock: Clock
  readonly router: Router
  readonly self: OwnerHandle
}

export class OnlineCounts {
  readonly #parts: OnlineCountsParts
  readonly #counts = new Map<ActorKey, Count>()

  constructor(parts: OnlineCountsParts) {
    this.#parts = parts
  }

  of(conversation: ActorKey): Online {
    const now = this.#parts.clock.monotonic()
    const count = this.#counts.get(conversation) ?? { told: new Map(), dueAt: now, readers: 0 }
    count.readers++
    const owners = this.#owners()
    if (now >= count.dueAt) this.#ask(conversation, count, owners)
    let online = 0
    let onlineAt = Number.POSITIVE_INFINITY
    for (const owner of owners) {
      const told = count.told.get(owner)
      online += told?.online ?? 0
      onlineAt = Math.min(onlineAt, told?.at ?? 0)
    }
    if (onlineAt === 0 || owners.size === 0) return { online: 0, onlineAt: 0, againMs: AGAIN_SOON_MS }
    return { online, onlineAt, againMs: Math.max(AGAIN_SOON_MS, count.dueAt - now) }
  }

  /** One worker's part of it. */
  told(from: OwnerHandle, conversation: ActorKey, online: number): void {
    this.#counts.get(conversation)?.told.set(from, { online, at: this.#parts.clock.now() })
  }

  #ask(conversation: ActorKey, count: Count, owners: ReadonlySet<OwnerHandle>): void {
    const everyMs = Math.min(COUNTED_EVERY_MS_MAX, Math.max(COUNTED_EVERY_MS, count.readers * MS_PER_READER))
    count.dueAt = this.#parts.clock.monotonic() + everyMs
    count.readers = 0
    for (const owner of count.told.keys()) if (!owners.has(owner)) count.told.delete(owner)
    this.#counts.delete(conversation)
    this.#counts.set(conversation, count)
    if (this.#counts.size > CONVERSATIONS_MAX) {
      const [oldest] = this.#counts.keys()
      this.#counts.delete(oldest!)
    }
    for (const owner of owners) owner.askOnline(this.#parts.self, conversation)
  }

  /** Those who have any shard, and so may have sessions. */
  #owners(): ReadonlySet<OwnerHandle> {
    const { router } = this.#parts
    const owners = new Set<OwnerHandle>()
    for (let shard = 0; shard < router.shardCount; shard++) {
      const owner = router.ownerOf(shard)
      if (owner !== undefined) owners.add(owner)
    }
    return owners
  }
}
