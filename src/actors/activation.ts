/**
 * An actor in memory: its state, what of it changed since its row was written, and for a conversation its recent bytes.
 * Virtual: made on the first command from its row, retired once its row holds everything.
 */
import { type ActorKey, ActorKind, type ActorName, type Seq, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { comparePositions, POSITION_START, type Position } from '../domain/position.js'
import type { ActorRow, ActorWrite } from '../storage/message-store.js'
import { type Conversation, emptyConversation } from './conversation.js'
import { ENTRIES_PER_PAGE, type ListEntry } from './conversation-list.js'
import { emptyInbox, type Inbox } from './inbox.js'
import type { JoinCheck } from './join-checks.js'
import { MEMBERS_PER_PAGE, type Member } from './members.js'
import { RecentTail } from './recent-tail.js'
import { packConversation, packInbox, packListPage, packMembers, unpackConversation, unpackInbox } from './rows.js'

export type Activation = ConversationActivation | InboxActivation

export class ConversationActivation {
  readonly kind = 'conversation'
  readonly key: ActorKey
  readonly state: Conversation
  readonly tail = new RecentTail()
  /** Of the row it was made from: log records at or below it are in it already. */
  readonly rowPosition: Position
  readonly #dirtyPages = new Set<number>()
  /** The last whose page was marked since the last cut. */
  #touched: Member | undefined
  isDirty = false
  /** Used since the last sweep for retirement. */
  isWarm = true
  /** Some user shard has not taken what happened here: see outbox.ts. */
  isOwed = false
  /** Something happened here that user shards were not told yet. */
  hasNews = false
  /** All user shards know how lists hear of it now. What is not owed is known. */
  isModeTold = true
  /** They know of this incarnation of the log, or of a later one. */
  toldIncarnation: number
  /** Changes that wait to hear whether those who are to join may; undefined: none does. */
  joinChecks: readonly JoinCheck[] | undefined
  /** Everything up to here is in the store. */
  storedSeq: Seq
  #cutSeq: Seq
  /** A cut is on its way to the store. */
  #isCut = false

  constructor(key: ActorKey, name: ActorName, row: ActorRow | undefined) {
    this.key = key
    this.state = row === undefined ? emptyConversation(name) : unpackConversation(name, row.row, row.pages)
    this.rowPosition = row?.position ?? POSITION_START
    this.toldIncarnation = this.state.incarnation
    this.storedSeq = this.state.head
    this.#cutSeq = this.state.head
    if (row === undefined) for (const member of this.state.members.all()) this.#dirtyPages.add(pageOf(member))
  }

  /** Something of this member's entry changed. */
  touch(user: UserId): void {
    const member = this.state.members.get(user)
    if (member === undefined || member === this.#touched) return
    this.#touched = member
    this.#dirtyPages.add(pageOf(member))
  }

  /** What changed since the last cut, as of now. */
  cut(): ActorWrite {
    const pages = new Map<number, Uint8Array>()
    for (const page of this.#dirtyPages) pages.set(page, packMembers(this.state.members.page(page)))
    const blocks = this.tail.slices(this.#cutSeq + 1, this.state.head).map(({ firstSeq, lastSeq, bytes }) => ({
      firstSeq,
      lastSeq,
      events: bytes,
    }))
    this.#dirtyPages.clear()
    this.#touched = undefined
    this.isDirty = false
    this.#isCut = true
    this.#cutSeq = this.state.head
    return { key: this.key, row: packConversation(this.state), pages, blocks }
  }

  /** The last cut is in the store. */
  stored(write: ActorWrite): void {
    this.#isCut = false
    for (const block of write.blocks) this.storedSeq = Math.max(this.storedSeq, block.lastSeq)
    this.tail.trim(this.storedSeq, LIMITS.recentTailPerConversationBytesMax)
  }

  get mayRetire(): boolean {
    return !this.isDirty && !this.#isCut && !this.isOwed && this.joinChecks === undefined
  }
}

function pageOf(member: Member): number {
  return Math.floor(member.index / MEMBERS_PER_PAGE)
}

export class InboxActivation {
  readonly kind = 'inbox'
  readonly key: ActorKey
  readonly state: Inbox
  readonly rowPosition: Position
  readonly #dirtyPages = new Set<number>()
  isDirty = false
  isWarm = true
  /** Read markers that their conversations may not know: see markers-out.ts. */
  owedMarkers = 0
  #isCut = false

  constructor(key: ActorKey, name: ActorName, row: ActorRow | undefined) {
    this.key = key
    this.state = row === undefined ? emptyInbox(name) : unpackInbox(name, row.row, row.pages)
    this.rowPosition = row?.position ?? POSITION_START
  }

  /** Something of this entry of the list changed. */
  touch(entry: ListEntry): void {
    this.#dirtyPages.add(Math.floor(entry.index / ENTRIES_PER_PAGE))
  }

  cut(): ActorWrite {
    const pages = new Map<number, Uint8Array>()
    for (const page of this.#dirtyPages) pages.set(page, packListPage(this.state.list.page(page)))
    this.#dirtyPages.clear()
    this.isDirty = false
    this.#isCut = true
    return { key: this.key, row: packInbox(this.state), pages, blocks: [] }
  }

  stored(): void {
    this.#isCut = false
  }

  get mayRetire(): boolean {
    return !this.isDirty && !this.#isCut && this.owedMarkers === 0
  }
}

/** Throws CorruptionError where the row is not one of ours. */
export function activate(key: ActorKey, name: ActorName, row: ActorRow | undefined): Activation {
  if (name.kind === ActorKind.inbox) return new InboxActivation(key, name, row)
  return new ConversationActivation(key, name, row)
}

/** Whether a logged record at `position` is already in the actor's row. */
export function isInRow(activation: Activation, position: Position): boolean {
  return comparePositions(position, activation.rowPosition) <= 0
}
