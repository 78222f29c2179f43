/**
 * Repeats to sessions at which version their user's inbox is (rules §11): 2 s and 8 s after a change, a takeover or the
 * news of the session, and to all once a minute, so that a push that was lost last is noticed. A beacon is an Inbox frame
 * without entries. Where more than a push may be lost, the heads of large conversations go with it (large-heads.ts).
 */
import { type ActorKey, parseActorKey } from '../domain/ids.js'
import { writeInbox } from '../protocol/answer-frames.js'
import { GrowingBytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import type { Shard } from './shard.js'

const AFTER_MS = [2_000, 8_000] as const
const DIGEST_MS = 60_000

export class Beacons {
  readonly #shard: Shard
  /** Inboxes that changed, and when, for each delay: a Map keeps the order, oldest first. */
  readonly #changed = AFTER_MS.map(() => new Map<ActorKey, number>())
  /** Those whose sessions may have missed what owners of large conversations said. */
  readonly #unheard = new Set<ActorKey>()
  /** At first spread over the minute: all shards at once would hold the thread up. */
  #digestAt: number | undefined
  #provedAt = 0

  constructor(shard: Shard) {
    this.#shard = shard
  }

  changed(inbox: ActorKey): void {
    const now = this.#shard.parts.clock.monotonic()
    for (const changed of this.#changed) {
      changed.delete(inbox)
      changed.set(inbox, now)
    }
    this.#shard.stir()
  }

  get isWaiting(): boolean {
    return this.#changed.some(({ size }) => size > 0)
  }

  /** The shard has sessions of this inbox that it did not know. */
  found(inbox: ActorKey): void {
    this.changed(inbox)
    this.#unheard.add(inbox)
  }

  tick(now: number): void {
    if (!this.#shard.loop.isServing) return
    for (let index = 0; index < AFTER_MS.length; index++) this.#repeatDue(index, now - AFTER_MS[index]!)
  }

  /** Once a minute to all, changed or not. */
  digest(now: number): void {
    this.#prove(now)
    const { id, router } = this.#shard.parts
    this.#digestAt ??= now - (DIGEST_MS * id) / router.shardCount
    if (now - this.#digestAt < DIGEST_MS) return
    this.#digestAt = now
    for (const inbox of this.#inboxes()) this.repeat(inbox, true)
  }

  #repeatDue(index: number, before: number): void {
    const changed = this.#changed[index]!
    if (changed.size === 0) return
    for (const [inbox, at] of changed) {
      if (at > before) break
      changed.delete(inbox)
      this.repeat(inbox, this.#unheard.has(inbox))
      if (index === AFTER_MS.length - 1) this.#unheard.delete(inbox)
    }
  }

  /**
   * An owner of a shard in which nothing happens looks now and then whether it still is one: 1. another takes the shard over;
   * 2. it takes a message, or the heads that are told meanwhile; 3. placement gives the shard back to the first one, which
   * never heard of this: nobody would tell it, or its sessions, or the lists of that message, of what happened.
   */
  #prove(now: number): void {
    const { loop, parts } = this.#shard
    if (now - this.#provedAt < parts.ownerSilenceMs) return
    this.#provedAt = now
    if (loop.isServing) loop.horizon()
  }

  /** The state is another one now, and steps of the one before may not have left: every session hears where it stands. */
  reset(): void {
    for (const changed of this.#changed) changed.clear()
    this.#unheard.clear()
    for (const inbox of this.#inboxes()) this.found(inbox)
  }

  #inboxes(): readonly ActorKey[] {
    const { sessions, id } = this.#shard.parts
    return sessions.inboxesOf(id) as ActorKey[]
  }

  /** Says it now; with where the user's large conversations stand, or without. */
  repeat(inbox: ActorKey, withHeads: boolean): void {
    const { activations, loop, parts } = this.#shard
    if (!loop.isServing || !parts.sessions.has(inbox)) return
    const isCurrent = activations.lifeCheck()
    const activation = activations.get(inbox)
    const say = (loaded: InboxActivation) => {
      this.#say(loaded)
      if (withHeads) this.#shard.largeHeads.tell(loaded)
    }
    if (activation?.kind === 'inbox') return say(activation)
    void activations.load(parseActorKey(inbox)).then((loaded) => {
      if (isCurrent() && loaded?.kind === 'inbox') say(loaded)
    })
  }

  #say({ key, state }: InboxActivation): void {
    const { loop, parts } = this.#shard
    if (!loop.isServing) return
    const { version } = state.list
    if (version === 0) return
    const out = new GrowingBytes(128)
    writeInbox(out, {
      ...{ ref: 0, incarnation: loop.logIncarnation },
      ...{ prev: version, version, entries: [], more: false },
    })
    const leave = () => parts.sessions.tellInbox(key, out.bytes, 0, out.size)
    const batch = loop.horizon()
    if (batch === undefined) leave()
    else batch.whenDurable.push(leave)
  }
}
