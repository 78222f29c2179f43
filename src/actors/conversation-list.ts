/**
 * The conversation list of one user: where each conversation stands, up to where the user has read, and whether they
 * are still in it. The fold of the heads records in the user shard's log that name the user (rules §7).
 *
 * Everything goes by max, heads by seq and membership by the seq of what changed it, so records may repeat and overtake
 * each other. `version` counts the records that changed anything: the fold of the same log gives the same versions.
 */
import { ActorKind, type ConversationKind, type Seq } from '../domain/ids.js'
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
  /** The last event heard of that said how lists hear of the conversation; 0: of none. */
  modeSeq: Seq = 0
  /** By read fan-out: the head here is only a lower bound (large-heads.ts). */
  isLarge = false
  readSeq: Seq = 0
  /** Countable messages up to where the user has read or last joined: unread are those beyond. */
  readOrdinal = 0
  /** Of the conversation's log, as far as was heard; where it is raised, no seq of before counts (rules §14). */
  incarnation = 0
  /** The first event of that incarnation. */
  sinceSeq: Seq = 0
  /** The last event that mentions the user; 0: none was heard of. */
  mentionSeq: Seq = 0
  /** Up to where the conversation knows that the user has read. */
  toldReadSeq: Seq = 0
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
  /** Made with the first entry: there are many empty inboxes. */
  #byName: Map<string, ListEntry> | undefined
  readonly #slots: ListEntry[] = []
  /** Made when somebody resumes, and put in order again when somebody else does. */
  #byVersion: ListEntry[] | undefined
  #isInOrder = false

  get(kind: number, conversation: string): ListEntry | undefined {
    return this.#byName?.get(entryName(kind, conversation))
  }

  /** The user is a member now, as far as the list heard; `name` by entryName. */
  isIn(name: string): boolean {
    return this.#byName?.get(name)?.isMember === true
  }

  /** Whether `apply` would change anything. */
  isNews(heads: HeadsFacts, member: MemberStateFacts): boolean {
    const entry = this.get(heads.actorKind, heads.conversation)
    if (entry === undefined || heads.incarnation > entry.incarnation) return true
    if (heads.incarnation < entry.incarnation) return false // an owner who is not one any more
    if (heads.modeSeq > entry.modeSeq || member.mentionSeq > entry.mentionSeq) return true
    return member.memberSeq > entry.memberSeq || headOf(heads, member) > entry.head || isReadFurther(member, entry)
  }

  get size(): number {
    return this.#slots.length
  }

  /** Of the entries, groups and channels: those that the user is in, and all. */
  counted(): { readonly joined: number; readonly listed: number } {
    let [joined, listed] = [0, 0]
    for (const { kind, isMember } of this.#slots) {
      if (!isCounted(kind)) continue
      listed++
      if (isMember) joined++
    }
    return { joined, listed }
  }

  /** Takes one conversation's state, which is news. */
  apply(heads: HeadsFacts, member: MemberStateFacts): ListEntry {
    assert(this.isNews(heads, member), () => `no news of ${heads.conversation} for ${member.user}`)
    const entry = this.get(heads.actorKind, heads.conversation) ?? this.#add(heads)
    if (heads.incarnation > entry.incarnation) beginAnew(entry, heads)
    if (member.memberSeq > entry.memberSeq) {
      entry.memberSeq = member.memberSeq
      entry.isMember = member.isMember
      entry.readOrdinal = Math.max(entry.readOrdinal, member.joinOrdinal)
    }
    if (heads.modeSeq > entry.modeSeq) {
      entry.modeSeq = heads.modeSeq
      entry.isLarge = heads.isLarge
    }
    const head = headOf(heads, member)
    if (head > entry.head) {
      entry.head = head
      entry.ordinal = member.isMember ? heads.ordinal : member.endOrdinal
      if (member.isMember) entry.time = heads.time
    }
    if (isReadFurther(member, entry)) {
      entry.readSeq = member.readSeq
      entry.readOrdinal = Math.max(entry.readOrdinal, member.readOrdinal)
    }
    entry.mentionSeq = Math.max(entry.mentionSeq, member.mentionSeq)
    entry.toldReadSeq = Math.max(entry.toldReadSeq, member.readSeq)
    // Who marked a head that the list had not heard of may not have known its ordinal: a message of their own, just acked.
    if (entry.readSeq >= entry.head) entry.readOrdinal = Math.max(entry.readOrdinal, entry.ordinal)
    return this.#changed(entry)
  }

  /** Takes what the user says of a conversation that is listed: markers by max, flags as they are. What is so already makes
   *  no version. */
  mark({ conversationKind, conversation, seq, ordinal, set, flags }: MarkFacts): ListEntry {
    const entry = this.get(conversationKind, conversation)
    assert(entry !== undefined, () => `a mark of ${conversation}, which is not listed`)
    const said = (entry.flags & ~set) | (flags & set & LIST_FLAGS)
    if (seq <= entry.readSeq && said === entry.flags) return entry
    if (seq > entry.readSeq) {
      entry.readSeq = seq
      // Who marks a seq tells its ordinal, since the list knows that of the head only; beyond it, it knows nothing yet.
      const known = seq === entry.head ? entry.ordinal : seq < entry.head ? Math.min(ordinal, entry.ordinal) : ordinal
      entry.readOrdinal = Math.max(entry.readOrdinal, known)
    }
    entry.flags = said
    return this.#changed(entry)
  }

  #changed(entry: ListEntry): ListEntry {
    entry.version = ++this.version
    this.#isInOrder = false
    return entry
  }

  #add({ actorKind, conversation }: HeadsFacts): ListEntry {
    const entry = new ListEntry(actorKind as ConversationKind, conversation, this.#slots.length)
    this.restore(entry)
    return entry
  }

  /** Puts back an entry read from a row. */
  restore(entry: ListEntry): void {
    this.#byName ??= new Map()
    this.#byName.set(entryName(entry.kind, entry.conversation), entry)
    this.#slots[entry.index] = entry
    this.#byVersion = undefined
  }

  all(): Iterable<ListEntry> {
    return this.#slots
  }

  page(number: number): ListEntry[] {
    const first = number * ENTRIES_PER_PAGE
    return this.#slots.slice(first, first + ENTRIES_PER_PAGE)
  }

  /** Large conversations that the user is in, at most `limit` of them, from place `index` on. */
  largeFrom(index: number, limit: number): ListEntry[] {
    const found: ListEntry[] = []
    for (let at = index; at < this.#slots.length && found.length < limit; at++) {
      const entry = this.#slots[at]!
      if (entry.isLarge && entry.isMember) found.push(entry)
    }
    return found
  }

  /** Those that changed after `version`, in the order of their last change, at most `limit` of them. */
  changedAfter(version: number, limit: number): ListEntry[] {
    this.#byVersion ??= [...this.#slots]
    if (!this.#isInOrder) this.#byVersion.sort((a, b) => a.version - b.version) // few have moved: it is nearly in order
    this.#isInOrder = true
    let [from, to] = [0, this.#byVersion.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#byVersion[middle]!.version > version) to = middle
      else from = middle + 1
    }
    return this.#byVersion.slice(from, from + limit)
  }
}

/** By which a list finds it. */
export function entryName(kind: number, conversation: string): string {
  return `${kind}${conversation}`
}

/** The conversation may have lost events, and gives their seqs again: of the list's knowledge what lies below them is left. */
function beginAnew(entry: ListEntry, { incarnation, sinceSeq, ordinal }: HeadsFacts): void {
  entry.incarnation = incarnation
  entry.sinceSeq = sinceSeq
  if (entry.head < sinceSeq) return
  const last = sinceSeq - 1
  // The new head is above it and brings its ordinal. That of the last event left is not known, but is below the new head's.
  entry.head = last
  if (entry.readSeq > last) {
    entry.readSeq = last
    entry.readOrdinal = Math.min(entry.readOrdinal, Math.max(0, ordinal - 1))
  }
  entry.toldReadSeq = Math.min(entry.toldReadSeq, last)
  if (entry.mentionSeq > last) entry.mentionSeq = 0
  if (entry.memberSeq > last) entry.memberSeq = -1
  if (entry.modeSeq > last) Object.assign(entry, { modeSeq: 0, isLarge: false })
}

/** Live rooms stand in no list; a direct conversation is there for whoever is written to. */
export function isCounted(kind: ActorKind): boolean {
  return kind === ActorKind.group || kind === ActorKind.channel
}

function isReadFurther({ readSeq, readOrdinal }: MemberStateFacts, entry: ListEntry): boolean {
  return readSeq > entry.readSeq || (readSeq === entry.readSeq && readOrdinal > entry.readOrdinal)
}

/** Who has left does not learn what came after. */
function headOf(heads: HeadsFacts, member: MemberStateFacts): Seq {
  return member.isMember ? heads.head : member.memberSeq
}
