/**
 * The owner's answer to a user shard that wants the newest events of conversations for a device that comes back: from
 * memory alone, so that a thousand devices at once cost no reading. What is not there the device asks of History.
 */
import { GrowingBytes } from '../std/bytes.js'
import { HistoryPage } from './history-page.js'
import type { EventsAsked, HeadsQuestion, OwnerHandle } from './owner-link.js'
import type { Shard } from './shard.js'

export class FirstEventsTeller {
  readonly #shard: Shard

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** Answers once what it tells is durable; not at all where the shard is not served. */
  answer(from: OwnerHandle, question: HeadsQuestion, asked: EventsAsked): void {
    const { activations, loop } = this.#shard
    if (!loop.isServing) return
    const out = new GrowingBytes(1024)
    for (const { conversation: key, after } of asked.wanted) {
      const activation = activations.get(key)
      if (activation?.kind !== 'conversation') continue
      const { name, head, members } = activation.state
      const member = members.get(asked.user)
      if (member === undefined || !member.isNow) continue
      const first = Math.max(after + 1, activation.tail.newestFrom(asked))
      if (first > head) continue
      activation.isWarm = true
      const page = new HistoryPage(out, member, { ref: 0, conversationKind: name.kind, conversation: name.id }, first)
      for (const slice of activation.tail.slices(first, head)) page.add(slice)
      page.close(head)
    }
    loop.whenDurable(() => from.eventsTold(question, out.bytes, 0, out.size))
  }
}
