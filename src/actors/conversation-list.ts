/**
 * The conversation list of one user: where each conversation stands, up to where the user has read, and whether they
 * are still in it. The fold of the heads records in the user shard's log that name the user (rules §7).
 *
 * Everything goes by max, heads by seq and membership by the seq of what changed it, so records may repeat and overtake
 * each other. `version` counts the records that changed anything: the fold of the same log gives the same versions.
 */
import type { ConversationKind, Seq } from '../domain/ids.js'
import type { HeadsFacts, MemberStateFacts } from '../protocol/heads-record.js'
import type { MarkFacts } from '../protocol/mark-record.js'
import { LIST_FLAGS } from '../protocol/wire-numbers.js'
import { assert } from '../std/assert.js'

export const ENTRIES_PER_PAGE = 32

export class ListEntry {
  readonly kind: ConversationKind
  readonly conversation: string
  /** Place in the row's pages, ENTRIES_PER_PAGE to a page. */
  readonly index: number
  /** The last seq that the user may see, and the countable messages up to it. */
  head: Seq = 0
  ordinal = 0
  time = 0
  /** The last event that let the user in or out; -1: none was heard of. */
  memberSeq: Seq = -1
  isMember = false
  readSeq: Seq = 0
  /** Countable messages up to where the user has read or last joined: unread are those beyond. */
  readOrdinal = 0
  /** What the user has set: bits of ListFlag. */
  flags = 0
  /** The list's version when this entry last changed. */
  version = 0

  constructor(kind: ConversationKind, conversation: string, index: number) {
    this.kind = kind
    this.conversation = conversation
    this.index = index
  }
}

export class ConversationList {
  /** 0 while nothing was ever heard. */
  version = 0
  readonly #byName = new Map<string, ListEntry>()
  readonly #slots: ListEntry[] = []

  get(kind: number, conversation: string): ListEntry | undefined {
    return this.#byName.get(`${kind}${conversation}`)
  }

  /** Whether `apply` would change anything. */
  isNews(heads: HeadsFacts, member: MemberStateFacts): boolean {
    const entry = this.get(heads.actorKind, heads.conversation)
    if (entry === undefined) return true
    return member.memberSeq > entry.memberSeq || headOf(heads, member) > entry.head || member.readSeq > entry.readSeq
  }

  /** Takes one conversation's state, which is news. */
  apply(heads: HeadsFacts, member: MemberStateFacts): ListEntry {
    assert(this.isNews(heads, member), () => `no news of ${heads.conversation} for ${member.user}`)
    const entry = this.get(heads.actorKind, heads.conversation) ?? this.#add(heads)
    if (member.memberSeq > entry.memberSeq) {
      entry.memberSeq = member.memberSeq
      entry.isMember = member.isMember
      entry.readOrdinal = Math.max(entry.readOrdinal, member.joinOrdinal)
    }
    const head = headOf(heads, member)
    if (head > entry.head) {
      entry.head = head
      entry.ordinal = member.isMember ? heads.ordinal : member.endOrdinal
      if (member.isMember) entry.time = heads.time
    }
    if (member.readSeq > entry.readSeq) {
      entry.readSeq = member.readSeq
      entry.readOrdinal = Math.max(entry.readOrdinal, member.readOrdinal)
    }
    entry.version = ++this.version
    return entry
  }

  /** Takes what the user says of a conversation that is listed: markers by max, flags as they are. */
  mark({ conversationKind, conversation, seq, ordinal, set, flags }: MarkFacts): ListEntry {
    const entry = this.get(conversationKind, conversation)
    assert(entry !== undefined, () => `a mark of ${conversation}, which is not listed`)
    if (seq > entry.readSeq) {
      entry.readSeq = seq
      // Who marks a seq tells its ordinal, since the list knows that of the head only; beyond it, it knows nothing yet.
      const known = seq === entry.head ? entry.ordinal : seq < entry.head ? Math.min(ordinal, entry.ordinal) : ordinal
      entry.readOrdinal = Math.max(entry.readOrdinal, known)
    }
    entry.flags = (entry.flags & ~set) | (flags & set & LIST_FLAGS)
    entry.version = ++this.version
    return entry
  }

  #add({ actorKind, conversation }: HeadsFacts): ListEntry {
    const entry = new ListEntry(actorKind as ConversationKind, conversation, this.#slots.length)
    this.restore(entry)
    return entry
  }

  /** Puts back an entry read from a row. */
  restore(entry: ListEntry): void {
    this.#byName.set(`${entry.kind}${entry.conversation}`, entry)
    this.#slots[entry.index] = entry
  }

  page(number: number): ListEntry[] {
    const first = number * ENTRIES_PER_PAGE
    return this.#slots.slice(first, first + ENTRIES_PER_PAGE)
  }

  /** Those that changed after `version`, in the order of their last change. */
  changedAfter(version: number): ListEntry[] {
    return this.#slots.filter((entry) => entry.version > version).sort((a, b) => a.version - b.version)
  }
}

/** Who has left does not learn what came after. */
function headOf(heads: HeadsFacts, member: MemberStateFacts): Seq {
  return member.isMember ? heads.head : member.memberSeq
}
