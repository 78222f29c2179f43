/**
 * Resume: what changed in the user's inbox after a cursor, in the order of the last changes, so that every answer ends at
 * a version from which the next goes on (rules §7). The last one says that heads of large conversations are to be asked
 * for, where there are any (large-heads.ts).
 */
import { LIMITS } from '../domain/limits.js'
import { writeInbox } from '../protocol/answer-frames.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import type { InboxActivation } from './activation.js'
import { entryFacts } from './inbox-steps.js'
import type { InLink } from './owner-link.js'
import type { Shard } from './shard.js'

export class ResumeCommand {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  answer(inbox: InboxActivation, link: InLink, k: number, frame: ClientFrame): void {
    if (frame.headsFrom > 0) return this.#shard.largeHeads.answer(inbox, link, k, frame)
    const { ref, incarnation, version } = frame
    const { logIncarnation } = this.#shard.loop
    const { list } = inbox.state
    if (incarnation > logIncarnation || (incarnation === logIncarnation && version > list.version)) {
      return this.#shard.refuse(link, k, 'cursor-ahead', ref, 0)
    }
    const prev = incarnation === logIncarnation ? version : 0
    const changed = list.changedAfter(prev, LIMITS.resumeEntriesMax + 1)
    const page = changed.slice(0, LIMITS.resumeEntriesMax)
    const more = page.length < changed.length
    const upTo = more ? page[page.length - 1]!.version : list.version
    const answers = this.#shard.answers()
    const entries = page.map(entryFacts)
    const headsNext = more || list.largeFrom(0, 1).length === 0 ? 0 : 1
    writeInbox(answers.bytes, { ref, incarnation: logIncarnation, prev, version: upTo, entries, more, headsNext })
    answers.add(link, k, ref, 0)
    this.#shard.leave(answers)
  }
}
