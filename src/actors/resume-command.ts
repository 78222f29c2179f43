/**
 * Resume: what changed in the user's inbox after a cursor, in the order of the last changes, so that every answer ends at
 * a version from which the next goes on (rules §7). The last one says that heads of large conversations are to be asked
 * for, where there are any (large-heads.ts), and brings the newest unread events, where they are wanted (first-events.ts).
 */
import { LIMITS } from '../domain/limits.js'
import { writeInbox } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { GrowingBytes } from '../std/bytes.js'
import type { InboxActivation } from './activation.js'
import type { ListEntry } from './conversation-list.js'
import { entryFacts } from './inbox-steps.js'
import type { InLink } from './owner-link.js'
import type { Shard } from './shard.js'

interface Asked {
  readonly link: InLink
  readonly k: number
  readonly ref: number
  /** The cursor's version, where it is one of the present list; else 0. */
  readonly prev: number
}

export class ResumeCommand {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  answer(inbox: InboxActivation, link: InLink, k: number, frame: ClientFrame): void {
    if (frame.headsFrom > 0) return this.#shard.largeHeads.answer(inbox, link, k, frame)
    const { ref, incarnation, version, eventsMax } = frame
    const { logIncarnation } = this.#shard.loop
    const { list } = inbox.state
    if (incarnation > logIncarnation || (incarnation === logIncarnation && version > list.version)) {
      return this.#shard.refuse(link, k, 'cursor-ahead', ref, 0)
    }
    const asked = { link, k, ref, prev: incarnation === logIncarnation ? version : 0 }
    const unread = eventsMax === 0 ? [] : this.#unread(inbox, asked.prev)
    if (unread.length === 0) return this.#list(inbox, asked)
    const { activations, firstEvents } = this.#shard
    firstEvents.gather(inbox, unread, Math.min(eventsMax, LIMITS.firstEventsMax), {
      // The list is read now: what changed meanwhile was told to the session as steps, which follow on this answer.
      answered: (events) => {
        const now = activations.get(inbox.key)
        if (now?.kind === 'inbox') this.#list(now, asked, events)
        else link.unknown(k)
      },
      lost: () => link.unknown(k),
    })
  }

  /** Those that changed last and hold anything unread; none before the last page, and none of a list that is new. */
  #unread({ state: { list } }: InboxActivation, prev: number): readonly ListEntry[] {
    if (prev === 0 || this.#shard.firstEvents.isFull) return []
    const changed = list.changedAfter(prev, LIMITS.resumeEntriesMax + 1)
    if (changed.length > LIMITS.resumeEntriesMax) return []
    return changed.filter((entry) => entry.isMember && entry.head > entry.readSeq).slice(-LIMITS.firstConversationsMax)
  }

  #list({ state: { list } }: InboxActivation, { link, k, ref, prev }: Asked, events?: GrowingBytes): void {
    const changed = list.changedAfter(prev, LIMITS.resumeEntriesMax + 1)
    const page = changed.slice(0, LIMITS.resumeEntriesMax)
    const more = page.length < changed.length
    const upTo = more ? page[page.length - 1]!.version : list.version
    const answers = this.#shard.answers()
    const entries = page.map(entryFacts)
    const headsNext = more || list.largeFrom(0, 1).length === 0 ? 0 : 1
    if (events !== undefined) answers.bytes.appendFrom(events.bytes, 0, events.size)
    const { logIncarnation: incarnation } = this.#shard.loop
    writeInbox(answers.bytes, { ref, incarnation, prev, version: upTo, entries, more, headsNext })
    answers.add(link, k, ref, 0)
    this.#shard.leave(answers)
  }
}
