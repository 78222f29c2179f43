/**
 * How many groups and channels a user may be in, as the user's shard holds it: conversations ask before they let somebody
 * in (join-checks.ts). A join that was allowed takes up room at once, for ten seconds or until the list has it, so that
 * conversations that ask at the same time cannot pass the limit together.
 *
 * What it may be passed by: joins under way while the user's shard has another owner, which knows of none, and those of
 * which the list hears later than that (docs/guarantees.md).
 */
import { type ActorKey, ActorKind, actorKey, parseActorKey, type Seq } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { InboxActivation } from './activation.js'
import type { HeadsQuestion, JoinsAsked, OwnerHandle } from './owner-link.js'
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

/** Below the limit by more: a join takes up no room, since so many are not under way at the same time. */
const NEAR = 1_024
/** What is over is looked for so often where there is no room for more. */
const SWEPT_FULL_MS = 1_000

/** A join that was allowed. */
interface Pending {
  /** As of the question: what the list hears of the membership after that counts instead. */
  readonly memberSeq: Seq
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
  async answer(from: OwnerHandle, question: HeadsQuestion, asked: JoinsAsked): Promise<void> {
    const { activations, loop } = this.#shard
    const { conversation, users } = asked
    if (!loop.isServing) return
    const { app } = parseActorKey(conversation)
    const isCurrent = activations.lifeCheck()
    const names = users.map((id) => ({ app, kind: ActorKind.inbox, id }))
    const missing = names.filter(({ id }) => activations.get(actorKey(app, ActorKind.inbox, id)) === undefined)
    if (missing.length > 0) await Promise.all(missing.map((name) => activations.load(name)))
    if (!isCurrent() || !loop.isServing) return
    this.#sweep(LIMITS.joinPendingMs)
    if (this.#pendingCount + users.length > LIMITS.joinsPendingMax) this.#sweep(SWEPT_FULL_MS)
    if (this.#pendingCount + users.length > LIMITS.joinsPendingMax) return
    const inboxes = names.map(({ id }) => activations.get(actorKey(app, ActorKind.inbox, id)))
    if (inboxes.some((inbox) => inbox?.kind !== 'inbox')) return
    const full = users.filter((_, at) => !this.#takes(inboxes[at] as InboxActivation, asked))
    from.joinsTold(question, full)
  }

  #takes(inbox: InboxActivation, { conversation: key, memberSeq }: JoinsAsked): boolean {
    const { conversationsMax, listedMax } = this.#shard.parts.listLimits ?? LIST_LIMITS
    const { list } = inbox.state
    const { kind, id } = parseActorKey(key)
    const entry = list.get(kind, id)
    if (entry?.isMember && entry.memberSeq > memberSeq) return true
    inbox.isWarm = true
    const now = this.#shard.parts.clock.monotonic()
    let pending = this.#pending.get(inbox.key)
    let others = 0
    for (const [other, { memberSeq, until }] of pending ?? []) {
      if (other !== key && !isHeardOf(inbox, other, memberSeq) && until > now) others++
    }
    const most = Math.min(conversationsMax, listedMax)
    if (list.size + others < most - NEAR) return true
    // Who is in it by the list has left, of which the list has yet to hear: they keep the room that they have.
    if (!entry?.isMember && list.size + others >= most) {
      const { joined, listed } = list.counted()
      if (joined + others >= conversationsMax) return false
      if (entry === undefined && listed + others >= listedMax) return false
    }
    if (pending === undefined) {
      pending = new Map()
      this.#pending.set(inbox.key, pending)
    }
    if (!pending.has(key)) this.#pendingCount++
    pending.set(key, { memberSeq, until: now + LIMITS.joinPendingMs })
    return true
  }

  /** Lets go of what has had its time, and of what lists in memory know by themselves, but not sooner again than this. */
  #sweep(everyMs: number): void {
    const { activations, parts } = this.#shard
    const now = parts.clock.monotonic()
    if (now - this.#sweptAt < everyMs) return
    this.#sweptAt = now
    for (const [inbox, pending] of this.#pending) {
      const activation = activations.get(inbox)
      for (const [conversation, { memberSeq, until }] of pending) {
        const isOver = activation?.kind === 'inbox' && isOverIn(activation, conversation, memberSeq)
        if (until > now && !isOver) continue
        pending.delete(conversation)
        this.#pendingCount--
      }
      if (pending.size === 0) this.#pending.delete(inbox)
    }
  }
}

/** The list has heard of the join, or of more. */
function isOverIn({ state: { list } }: InboxActivation, conversation: ActorKey, memberSeq: Seq): boolean {
  const { kind, id } = parseActorKey(conversation)
  return (list.get(kind, id)?.memberSeq ?? -1) > memberSeq
}

/** The list counts the join by itself, or knows that it is over. */
function isHeardOf({ state: { list } }: InboxActivation, conversation: ActorKey, memberSeq: Seq): boolean {
  const { kind, id } = parseActorKey(conversation)
  const entry = list.get(kind, id)
  return entry !== undefined && (entry.isMember || entry.memberSeq > memberSeq)
}
