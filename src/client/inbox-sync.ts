/**
 * Keeps a device's conversation list in step with the server: resumes from the cursor right behind each Hello, and whenever
 * a step or a beacon shows that one was missed (rules §7, §11). The first answer of a connection brings the newest unread
 * events of what changed; until it is there nobody needs to ask for them. Heads of large conversations are asked for behind each
 * resumption, page by page, and again where an owner was away.
 */
import { LIMITS } from '../domain/limits.js'
import { isFinal, refusalOfWire } from '../domain/refusal.js'
import type { EncodableFrame, InboxEntryFacts, InboxFrame, RefusalFrame } from '../protocol/decoded-frame.js'
import type { Inbox } from './inbox.js'
import type { Journal } from './journal.js'
import type { Asked } from './link.js'

export interface InboxSyncParts {
  readonly inbox: Inbox
  readonly journal: Journal
  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void
  /** Runs after so many milliseconds, unless the connection is gone by then. */
  later(ms: number, run: () => void): void
  /** The list is of another incarnation of the server's log than the one before. */
  restarted(): void
  /** This conversation has lost events, if there were any from `sinceSeq` on: it gives those seqs again. */
  lost(entry: InboxEntryFacts): void
  /** `isFirst`: of a list that this device did not have before, or that begins anew; or heads of what is in it. */
  listed(entries: readonly InboxEntryFacts[], isFirst: boolean): void
  refused(refusal: RefusalFrame): void
  /** The first question of this connection has its answer, or gets none soon. */
  caughtUp(): void
}

const AGAIN_MS_MIN = 100
const AWAY_AGAIN_MS_MIN = 1_000
const AWAY_AGAIN_MS_MAX = 30_000

export class InboxSync {
  readonly #parts: InboxSyncParts
  #isResuming = false
  #isCatchingUp = false
  #isReadingHeads = false
  #awayAgainMs = AWAY_AGAIN_MS_MIN

  constructor(parts: InboxSyncParts) {
    this.#parts = parts
  }

  /** Nothing more is known to exist than is held. */
  get isSettled(): boolean {
    return !this.#isResuming && !this.#isReadingHeads && !this.#parts.inbox.isBehind
  }

  /** Before `caughtUp`. */
  get isCatchingUp(): boolean {
    return this.#isCatchingUp
  }

  /** Hello was said. */
  greeted(): void {
    this.#isCatchingUp = true
    this.resume()
  }

  resume(): void {
    if (this.#isResuming) return
    this.#isResuming = true
    const { incarnation, version } = this.#parts.inbox.cursor
    const eventsMax = this.#isCatchingUp ? LIMITS.firstEventsMax : 0
    this.#parts.ask((ref) => ({ kind: 'resume', ref, incarnation, version, headsFrom: 0, eventsMax }), {
      answered: (frame) => {
        this.#isResuming = false
        if (frame.kind === 'inbox') {
          this.take(frame)
          if (frame.headsNext > 0 && !this.#isReadingHeads) this.#readHeads(frame.headsNext, false)
          if (!this.#isResuming) this.#caughtUp()
        } else if (frame.kind === 'refusal') {
          this.#refused(frame)
          this.#caughtUp()
        }
      },
      unanswered: () => {
        this.#isResuming = false
        this.#caughtUp()
        this.resume()
      },
    })
  }

  #caughtUp(): void {
    if (!this.#isCatchingUp) return
    this.#isCatchingUp = false
    this.#parts.caughtUp()
  }

  /** `someAway`: on a page before this one an owner was away. */
  #readHeads(headsFrom: number, someAway: boolean): void {
    this.#isReadingHeads = true
    const { incarnation, version } = this.#parts.inbox.cursor
    this.#parts.ask((ref) => ({ kind: 'resume', ref, incarnation, version, headsFrom, eventsMax: 0 }), {
      answered: (frame) => {
        if (frame.kind === 'refusal') {
          const afterMs = Math.max(AGAIN_MS_MIN, frame.retryAfterMs)
          return this.#parts.later(afterMs, () => this.#readHeads(headsFrom, someAway))
        }
        if (frame.kind !== 'inbox') return
        this.take(frame)
        const isAway = someAway || frame.heads.some((head) => head.isAway)
        if (frame.headsNext > 0) return this.#readHeads(frame.headsNext, isAway)
        if (isAway) {
          this.#parts.later(this.#awayAgainMs, () => this.#readHeads(1, false))
          this.#awayAgainMs = Math.min(AWAY_AGAIN_MS_MAX, 2 * this.#awayAgainMs)
          return
        }
        this.#isReadingHeads = false
        this.#awayAgainMs = AWAY_AGAIN_MS_MIN
      },
      unanswered: () => this.#readHeads(headsFrom, someAway),
    })
  }

  /** The connection is gone, with the questions. */
  down(): void {
    this.#isResuming = false
    this.#isCatchingUp = false
    this.#isReadingHeads = false
  }

  take(frame: InboxFrame): void {
    const { inbox, journal } = this.#parts
    const before = inbox.cursor
    const raised = frame.entries.filter((entry) => inbox.isRaised(entry))
    const entries = inbox.take(frame)
    if (inbox.cursor !== before) {
      journal.inbox(inbox.cursor, entries, inbox.cursor.incarnation !== before.incarnation)
      if (before.incarnation !== 0 && before.incarnation !== inbox.cursor.incarnation) this.#parts.restarted()
      else for (const entry of raised) this.#parts.lost(entry)
      const isNew = before.incarnation !== inbox.cursor.incarnation
      this.#parts.listed(entries, isNew || before.isPartial === true)
    }
    const moved = inbox.takeHeads(frame.heads)
    if (moved.length > 0) {
      journal.inbox(inbox.cursor, moved, false)
      this.#parts.listed(moved, true)
    }
    if (inbox.isBehind) this.resume()
  }

  #refused(refusal: RefusalFrame): void {
    const name = refusalOfWire(refusal.code)
    if (name !== undefined && isFinal(name)) return this.#parts.refused(refusal)
    this.#isResuming = true
    this.#parts.later(Math.max(AGAIN_MS_MIN, refusal.retryAfterMs), () => {
      this.#isResuming = false
      this.resume()
    })
  }
}
