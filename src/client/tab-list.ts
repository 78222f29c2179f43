/** The conversation list as this tab has heard it: the next leader may know less of it for a moment, which is no news. */
import type { InboxEntryFacts } from '../protocol/decoded-frame.js'

export class TabList {
  /** 0: no list was had yet. */
  incarnation = 0
  readonly #known = new Map<string, InboxEntryFacts>()

  heard(entries: readonly InboxEntryFacts[], incarnation: number): void {
    this.incarnation = incarnation
    for (const entry of entries) this.#known.set(keyOf(entry), entry)
  }

  restart(conversation: { readonly kind: number; readonly id: string } | undefined): void {
    if (conversation === undefined) this.#known.clear()
    else this.#known.delete(`${conversation.kind} ${conversation.id}`)
  }

  /** Those whose conversation has lost events since, and gives their seqs again. */
  raised(entries: readonly InboxEntryFacts[]): InboxEntryFacts[] {
    return entries.filter((entry) => {
      const before = this.#known.get(keyOf(entry))?.incarnation ?? 0
      return before > 0 && before < entry.incarnation
    })
  }

  /** Those of a leader's entries that say more than was heard. */
  news(entries: readonly InboxEntryFacts[]): InboxEntryFacts[] {
    return entries.filter((entry) => {
      const known = this.#known.get(keyOf(entry))
      if (known === undefined || known.incarnation < entry.incarnation) return true
      return known.version < entry.version || known.head < entry.head
    })
  }
}

function keyOf({ conversationKind, conversation }: InboxEntryFacts): string {
  return `${conversationKind} ${conversation}`
}
