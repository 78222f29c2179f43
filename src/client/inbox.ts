/**
 * The user's conversation list as one device holds it, and the cursor up to which it is complete (rules §7).
 *
 * A frame that begins at or below the cursor and ends above it brings the list to its end; one that begins above the
 * cursor says that something was missed, and is left alone: whoever holds the list asks from the cursor. Nothing else
 * moves the cursor, so it never skips. Heads of large conversations are beside that: they come by themselves and go by max.
 */
import type { HeadFacts, InboxEntryFacts, InboxFrame } from '../protocol/decoded-frame.js'

export interface Cursor {
  /** 0: no list was had yet. */
  readonly incarnation: number
  readonly version: number
  /** The first list, or the first of an incarnation, has not come to its end yet. */
  readonly isPartial?: true
}

export interface KeptInbox {
  readonly cursor: Cursor
  readonly entries: readonly InboxEntryFacts[]
}

const NOTHING: Cursor = { incarnation: 0, version: 0 }

export class Inbox {
  #cursor: Cursor = NOTHING
  /** What is known to exist, in the cursor's incarnation or a later one. */
  #known: Cursor = NOTHING
  readonly #entries = new Map<string, InboxEntryFacts>()

  /** Goes on from what an earlier life kept. */
  constructor(kept?: KeptInbox) {
    if (kept === undefined) return
    this.#cursor = kept.cursor
    this.#known = kept.cursor
    for (const entry of kept.entries) this.#keep(entry)
  }

  get cursor(): Cursor {
    return this.#cursor
  }

  get isBehind(): boolean {
    return isBelow(this.#cursor, this.#known)
  }

  get entries(): Iterable<InboxEntryFacts> {
    return this.#entries.values()
  }

  /** Takes a step of the list, where it follows; returns the entries that are news. */
  take({ incarnation, prev, version, entries, more }: InboxFrame): readonly InboxEntryFacts[] {
    const end = { incarnation, version }
    const known = more ? { incarnation, version: version + 1 } : end
    if (isBelow(this.#known, known)) this.#known = known
    if (!isBelow(this.#cursor, end)) return []
    if (incarnation !== this.#cursor.incarnation) {
      if (prev > 0) return []
      this.#entries.clear() // the server has lost a part of its log: what it does not list is gone
    } else if (prev > this.#cursor.version) return []
    // A step beside the pages of a first list cannot end it: it begins above them, and is left alone.
    const isPartial = more && (prev === 0 || this.#cursor.isPartial === true)
    this.#cursor = isPartial ? { ...end, isPartial } : end
    return entries.flatMap((entry) => this.#keep(entry) ?? [])
  }

  /** The conversation may have lost events since this list was told of it (rules §14). */
  isRaised(entry: InboxEntryFacts): boolean {
    const known = this.#entries.get(keyOf(entry))?.incarnation ?? 0
    return known > 0 && entry.incarnation > known
  }

  /** Takes heads of large conversations that are in the list; returns their entries where they have changed. */
  takeHeads(heads: readonly HeadFacts[]): readonly InboxEntryFacts[] {
    return heads.flatMap((told) => {
      const known = this.#entries.get(keyOf(told))
      if (known === undefined || !known.isMember || told.head <= known.head) return []
      const { head, ordinal, time } = told
      const entry = { ...known, head, ordinal, time }
      this.#entries.set(keyOf(entry), entry)
      return entry
    })
  }

  #keep(entry: InboxEntryFacts): InboxEntryFacts | undefined {
    const known = this.#entries.get(keyOf(entry))
    if (known !== undefined && known.version >= entry.version) return undefined
    // The list may hear of a large conversation later than its members do. Who was told of a head above the one at which
    // they left has come back since.
    const isAhead = known !== undefined && known.head > entry.head && !this.isRaised(entry)
    let kept = entry
    if (isAhead) {
      const { head, ordinal, time, isMember } = known
      kept = { ...entry, head, ordinal, time, isMember }
    }
    this.#entries.set(keyOf(kept), kept)
    return kept
  }
}

function keyOf({ conversationKind, conversation }: Pick<HeadFacts, 'conversationKind' | 'conversation'>): string {
  return `${conversationKind} ${conversation}`
}

function isBelow(a: Cursor, b: Cursor): boolean {
  return a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.version < b.version)
}
