/**
 * Keeps followed timelines whole: asks History for what is missing, a few conversations at a time, until nothing is.
 */
import { isFinalCode } from '../domain/refusal.js'
import type { DecodedFrame } from '../protocol/decoded-frame.js'
import { HistoryMode } from '../protocol/wire-numbers.js'
import type { ConversationName } from './command-queue.js'
import type { Link } from './link.js'
import type { Timeline } from './timeline.js'

/** A conversation as far as following it goes. */
export interface Followed {
  readonly name: ConversationName
  readonly timeline: Timeline
  isFollowed: boolean
}

export interface FollowerParts {
  readonly link: Link
  /** Undefined: timelines are held from the first seq on. Else one that is new to this device begins so many seqs below
   *  the head, at most LIMITS.historyLimitMax. */
  readonly recentMax: number | undefined
  /** Runs `task` later, if the connection is still the same by then. */
  later(delayMs: number, task: () => void): void
  /** There is room for other requests. */
  answered(): void
}

const HISTORY_LIMIT = 100
const ASK_AGAIN_MS_MIN = 100
/** Histories asked for at once. Answers of LIMITS.historyBytesMax each must not make us a reader that is cut off. */
const ASKING_MAX = 4

export class Follower {
  readonly #parts: FollowerParts
  /** Conversations with a question under way, and those whose turn comes then. */
  readonly #asking = new Set<Followed>()
  readonly #toAsk = new Set<Followed>()

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  disconnected(): void {
    this.#asking.clear()
    this.#toAsk.clear()
  }

  askIfBehind(conversation: Followed): void {
    if (conversation.isFollowed && conversation.timeline.isBehind) this.ask(conversation)
  }

  ask(conversation: Followed): void {
    const { name, timeline } = conversation
    const { link, recentMax } = this.#parts
    if (!link.isOnline || this.#asking.has(conversation)) return
    timeline.isAsking = true
    if (this.#asking.size >= ASKING_MAX) {
      this.#toAsk.add(conversation)
      return
    }
    this.#asking.add(conversation)
    const isNew = recentMax !== undefined && timeline.held === 0
    const question = {
      kind: 'history' as const,
      mode: isNew ? HistoryMode.before : HistoryMode.after,
      conversationKind: name.kind,
      conversation: name.id,
      anchor: timeline.held,
      limit: isNew ? recentMax : HISTORY_LIMIT,
      minSeq: timeline.known,
    }
    link.ask((ref) => ({ ref, ...question }), {
      answered: (frame) => this.#answered(conversation, frame, question),
      unanswered: () => {
        this.#askedEnough(conversation)
        this.#askAgain(conversation, 0)
      },
    })
  }

  #answered(conversation: Followed, frame: DecodedFrame, question: { mode: number; minSeq: number }): void {
    const { timeline } = conversation
    this.#askedEnough(conversation)
    this.#parts.answered()
    if (frame.kind === 'history-end') {
      if (question.mode === HistoryMode.before) timeline.startAfter(frame.from - 1)
      timeline.answered(frame)
      this.askIfBehind(conversation)
    } else if (frame.kind === 'refusal' && !isFinalCode(frame.code)) {
      this.#askAgain(conversation, Math.max(ASK_AGAIN_MS_MIN, frame.retryAfterMs))
    } else if (timeline.known > question.minSeq) {
      this.ask(conversation) // "not a member" was true when it was said; since then we were let in
    }
  }

  #askAgain(conversation: Followed, afterMs: number): void {
    conversation.timeline.isAsking = true
    this.#parts.later(afterMs, () => this.ask(conversation))
  }

  #askedEnough(conversation: Followed): void {
    conversation.timeline.isAsking = false
    this.#asking.delete(conversation)
    for (const next of this.#toAsk) {
      if (this.#asking.size >= ASKING_MAX) return
      this.#toAsk.delete(next)
      this.ask(next)
    }
  }
}
