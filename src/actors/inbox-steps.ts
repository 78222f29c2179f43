/**
 * What the sessions of a shard's users hear of their inboxes: steps, each from the last version told to the present one,
 * once that is durable (rules §7). The first change goes at the next tick, what follows within LIMITS.inboxStepMs goes
 * in one: a user in a hundred busy conversations hears of them once a second, beside their messages.
 *
 * Whoever says Hello resumes, so a step is only for those who are connected. One that is lost is noticed by the next, or
 * by a beacon; and of more entries than an answer to Resume may have, there is a beacon instead.
 */
import type { ActorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { writeInbox } from '../protocol/answer-frames.js'
import { GrowingBytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import type { Shard } from './shard.js'

interface Step {
  /** The newest activation: it may have retired, and have been read again, while a step of the one before was due. */
  inbox: InboxActivation
  readonly entries: Set<ListEntry>
  /** The version before the first of these changes. */
  prev: number
  dueAt: number
}

export class InboxSteps {
  readonly #shard: Shard
  readonly #steps = new Map<ActorKey, Step>()

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** An entry has changed, in an inbox that was at version `prev` before. */
  add(inbox: InboxActivation, entry: ListEntry, prev: number): void {
    const { key } = inbox
    let step = this.#steps.get(key)
    if (!this.#shard.parts.sessions.has(key)) {
      if (step !== undefined) this.#steps.delete(key)
      return
    }
    if (step === undefined) {
      step = { inbox, entries: new Set(), prev, dueAt: 0 }
      this.#steps.set(key, step)
      this.#shard.stir()
    }
    step.inbox = inbox
    if (step.entries.size === 0) step.prev = prev
    step.entries.add(entry)
  }

  get isWaiting(): boolean {
    return this.#steps.size > 0
  }

  tick(now: number): void {
    for (const [key, step] of this.#steps) {
      if (step.dueAt > now) continue
      if (step.entries.size === 0) {
        this.#steps.delete(key)
        continue
      }
      step.dueAt = now + LIMITS.inboxStepMs
      this.#tell(step)
      step.entries.clear()
    }
  }

  reset(): void {
    this.#steps.clear()
  }

  #tell({ inbox, entries, prev }: Step): void {
    const { loop, beacons, parts } = this.#shard
    const { key, state } = inbox
    const { list } = state
    const { version } = list
    if (entries.size > LIMITS.resumeEntriesMax) return beacons.repeat(key, false)
    const now = new Set([...entries].map(({ kind, conversation }) => list.get(kind, conversation)!))
    const changed = [...now].sort((a, b) => a.version - b.version)
    const out = new GrowingBytes(256)
    const frame = {
      ref: 0,
      incarnation: loop.logIncarnation,
      prev,
      version,
      entries: changed.map(entryFacts),
      more: false,
    }
    writeInbox(out, frame)
    const leave = () => {
      parts.sessions.tellInbox(key, out.bytes, 0, out.size)
      beacons.changed(key)
    }
    const batch = loop.horizon()
    if (batch === undefined) leave()
    else batch.whenDurable.push(leave)
  }
}

export function entryFacts(entry: ListEntry) {
  const {
    kind: conversationKind,
    conversation,
    head,
    ordinal,
    time,
    readSeq,
    readOrdinal,
    isMember,
    version,
    flags,
    incarnation,
    mentionSeq,
    sinceSeq,
  } = entry
  const read = { readSeq, readOrdinal, mentionSeq }
  return {
    conversationKind,
    conversation,
    head,
    ordinal,
    time,
    ...read,
    isMember,
    version,
    flags,
    incarnation,
    sinceSeq,
  }
}
