/**
 * Who was in a conversation, and when: a list of intervals per member, kept after leaving (rules §8).
 *
 * Members also carry their lanes, so that everything one user changes lies in one page of the actor's row. Strangers
 * (users without an interval, whose refused commands are remembered) live here too, at most LIMITS.strangerLanesMax.
 */
import type { Seq, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { UserLanes } from './lanes.js'

export type Role = 'owner' | 'member'

/** Inclusive on both sides: joining and leaving events are seen by whom they are about. */
export interface Interval {
  readonly from: Seq
  to: Seq
  /** Countable messages of the conversation at `from`. */
  readonly fromOrdinal: number
  /** The same at `to`; 0 while it lasts. */
  toOrdinal: number
}

/** A place in the timeline. */
export interface TimelinePlace {
  readonly seq: Seq
  readonly ordinal: number
}

export const OPEN_END = Number.MAX_SAFE_INTEGER

export class Member {
  readonly user: UserId
  /** Place in the row's pages, MEMBERS_PER_PAGE to a page. */
  readonly index: number
  role: Role = 'member'
  readonly intervals: Interval[] = []
  readonly lanes = new UserLanes()
  /** Up to where the user has read: whoever writes has. And the countable messages up to there. */
  readSeq: Seq = 0
  readOrdinal = 0
  /** The last message they sent, as far as this activation has seen; 0: none. Not stored. */
  wroteSeq: Seq = 0
  /** The last event that mentions the user, of those while they were in; 0: none does. */
  mentionSeq: Seq = 0

  constructor(user: UserId, index: number) {
    this.user = user
    this.index = index
  }

  get isNow(): boolean {
    const last = this.intervals[this.intervals.length - 1]
    return last !== undefined && last.to === OPEN_END
  }

  /** Whether the event at `seq` is theirs to see. */
  wasAt(seq: Seq): boolean {
    for (let at = this.intervals.length - 1; at >= 0; at--) {
      const interval = this.intervals[at]!
      if (seq >= interval.from) return seq <= interval.to
    }
    return false
  }
}

export const MEMBERS_PER_PAGE = 16

export class Members {
  readonly #byUser = new Map<UserId, Member>()
  /** By index; holes are dropped strangers. */
  readonly #slots: (Member | undefined)[] = []
  readonly #strangers: Member[] = []
  /** Members with an open interval. */
  count = 0
  /** Who was asked for last: one message asks for its sender three times. */
  #last: Member | undefined

  get(user: UserId): Member | undefined {
    if (this.#last?.user === user) return this.#last
    const member = this.#byUser.get(user)
    if (member !== undefined) this.#last = member
    return member
  }

  isNow(user: UserId): boolean {
    return this.get(user)?.isNow ?? false
  }

  wasAt(user: UserId, seq: Seq): boolean {
    return this.get(user)?.wasAt(seq) ?? false
  }

  join(user: UserId, { seq, ordinal }: TimelinePlace, role: Role): Member {
    const member = this.entry(user)
    if (member.isNow) return member
    const stranger = this.#strangers.indexOf(member)
    if (stranger >= 0) this.#strangers.splice(stranger, 1)
    member.intervals.push({ from: seq, to: OPEN_END, fromOrdinal: ordinal, toOrdinal: 0 })
    member.role = role
    this.count++
    return member
  }

  leave(user: UserId, { seq, ordinal }: TimelinePlace): Member | undefined {
    const member = this.get(user)
    if (!member?.isNow) return undefined
    const last = member.intervals[member.intervals.length - 1]!
    last.to = seq
    last.toOrdinal = ordinal
    this.count--
    return member
  }

  /** The user's entry, made as a stranger's if there is none; the oldest stranger goes when there are too many. */
  entry(user: UserId): Member {
    const known = this.get(user)
    if (known !== undefined) return known
    if (this.#strangers.length >= LIMITS.strangerLanesMax) {
      const oldest = this.#strangers.splice(this.#oldestStranger(), 1)[0]!
      this.#byUser.delete(oldest.user)
      this.#slots[oldest.index] = undefined
      if (this.#last === oldest) this.#last = undefined
    }
    const hole = this.#strangers.length > 0 ? this.#slots.indexOf(undefined) : -1
    const member = this.#place(user, hole >= 0 ? hole : this.#slots.length)
    this.#strangers.push(member)
    return member
  }

  /** Puts back an entry read from a row. */
  restore(user: UserId, index: number, role: Role, intervals: readonly Interval[]): Member {
    const member = this.#place(user, index)
    member.role = role
    member.intervals.push(...intervals)
    if (member.isNow) this.count++
    if (intervals.length === 0) this.#strangers.push(member)
    return member
  }

  /** Everyone with an entry, former members and strangers too. */
  all(): IterableIterator<Member> {
    return this.#byUser.values()
  }

  /** Those who are members now, at most `limit` of them, from place `index` on. */
  nowFrom(index: number, limit: number): Member[] {
    const found: Member[] = []
    for (let at = index; at < this.#slots.length && found.length < limit; at++) {
      const member = this.#slots[at]
      if (member?.isNow) found.push(member)
    }
    return found
  }

  page(number: number): Member[] {
    const first = number * MEMBERS_PER_PAGE
    return this.#slots.slice(first, first + MEMBERS_PER_PAGE).filter((member) => member !== undefined)
  }

  /** Of those who hold no idempotency keys, if there is one: servers are few, and their keys are a promise. */
  #oldestStranger(): number {
    return Math.max(
      0,
      this.#strangers.findIndex(({ lanes }) => lanes.keyed === undefined),
    )
  }

  #place(user: UserId, index: number): Member {
    const member = new Member(user, index)
    this.#byUser.set(user, member)
    this.#slots[index] = member
    return member
  }
}
