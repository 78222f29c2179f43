/**
 * How many groups and channels a user may be in, as the user's shard holds it: conversations ask before they let somebody
 * in (join-checks.ts). A join that was allowed takes up room at once, for ten seconds or until the list has it, so that
 * conversations that ask at the same time cannot pass the limit together.
 *
 * What it may be passed by: joins under way while the user's shard has another owner, which knows of none, and those of
 * which the list hears later than that (docs/guarantees.md).
 */
import { type ActorKey, ActorKind, actorKey, parseActorKey, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { InboxActivation } from './activation.js'
import type { HeadsQuestion, OwnerHandle } from './owner-link.js'
import type { Shard } from './shard.js'

export interface ListLimits {
  /** Groups and channels that a user is in. */
  readonly conversationsMax: number
  /** Those that stand in the list: with the ones that were left. */
  readonly listedMax: number
}

const LIST_LIMITS: ListLimits = {
  conversationsMax: LIMITS.conversationsPerUserMax,
  listedMax: LIMITS.listedPerUserMax,
}

/** A join that was allowed. */
interface Pending {
  /** The last that the list had heard of the membership then: whatever it hears after that counts instead. */
  readonly memberSeq: number
  readonly until: number
}

export class JoinLimits {
  readonly #shard: Shard
  /** By inbox and conversation. Kept where the shard's state is built again: what was allowed may be on its way still. */
  readonly #pending = new Map<ActorKey, Map<ActorKey, Pending>>()
  #pendingCount = 0
  #sweptAt = 0

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** Says who of `users` has no room for this conversation; nothing, where that cannot be known now. */
  async answer(
    from: OwnerHandle,
    question: HeadsQuestion,
    conversation: ActorKey,
    users: readonly UserId[],
  ): Promise<void> {
    const { activations, loop } = this.#shard
    if (!loop.isServing) return
    const { app } = parseActorKey(conversation)
    const isCurrent = activations.lifeCheck()
    const names = users.map((id) => ({ app, kind: ActorKind.inbox, id }))
    const missing = names.filter(({ id }) => activations.get(actorKey(app, ActorKind.inbox, id)) === undefined)
    if (missing.length > 0) await Promise.all(missing.map((name) => activations.load(name)))
    if (!isCurrent() || !loop.isServing) return
    this.#sweep()
    if (this.#pendingCount + users.length > LIMITS.joinsPendingMax) return
    const inboxes = names.map(({ id }) => activations.get(actorKey(app, ActorKind.inbox, id)))
    if (inboxes.some((inbox) => inbox?.kind !== 'inbox')) return
    const full = users.filter((_, at) => !this.#takes(inboxes[at] as InboxActivation, conversation))
    from.joinsTold(question, full)
  }

  #takes(inbox: InboxActivation, key: ActorKey): boolean {
    const { conversationsMax, listedMax } = this.#shard.parts.listLimits ?? LIST_LIMITS
    const { list } = inbox.state
    const { kind, id } = parseActorKey(key)
    const entry = list.get(kind, id)
    if (entry?.isMember) return true
    inbox.isWarm = true
    let pending = this.#pending.get(inbox.key)
    let others = 0
    for (const [other, { memberSeq }] of pending ?? []) {
      if (other !== key && !isHeardOf(inbox, other, memberSeq)) others++
    }
    if (list.size + others >= Math.min(conversationsMax, listedMax)) {
      const { joined, listed } = list.counted()
      if (joined + others >= conversationsMax) return false
      if (entry === undefined && listed + others >= listedMax) return false
    }
    if (pending === undefined) {
      pending = new Map()
      this.#pending.set(inbox.key, pending)
    }
    if (!pending.has(key)) this.#pendingCount++
    const until = this.#shard.parts.clock.monotonic() + LIMITS.joinPendingMs
    pending.set(key, { memberSeq: entry?.memberSeq ?? -1, until })
    return true
  }

  /** Lets go of what has had its time, once in that time. */
  #sweep(): void {
    const now = this.#shard.parts.clock.monotonic()
    if (now - this.#sweptAt < LIMITS.joinPendingMs) return
    this.#sweptAt = now
    for (const [inbox, pending] of this.#pending) {
      for (const [conversation, { until }] of pending) {
        if (until > now) continue
        pending.delete(conversation)
        this.#pendingCount--
      }
      if (pending.size === 0) this.#pending.delete(inbox)
    }
  }
}

/** The list counts the join by itself, or knows that it is over. */
function isHeardOf({ state: { list } }: InboxActivation, conversation: ActorKey, memberSeq: number): boolean {
  const { kind, id } = parseActorKey(conversation)
  const entry = list.get(kind, id)
  return entry !== undefined && (entry.isMember || entry.memberSeq > memberSeq)
}
