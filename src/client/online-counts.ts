/**
 * How many members of a conversation are online, for as long as somebody wants to hear it: asked of the server again and again, as
 * often as the server says that there may be news. A question costs the same for ten members and ten thousand.
 */
import type { EncodableFrame, MemberListFrame } from '../protocol/decoded-frame.js'
import type { Clock, Timer } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import { ClientError } from './errors.js'
import type { Link } from './link.js'

/** Conversations asked for at a time by one client. */
const CONVERSATIONS_MAX = 20
/** After no answer, a refusal, or where the server counts nothing. */
const AGAIN_MS = 10_000

/** Its name is not known before the first connection where our own is a part of it. */
export interface ConversationPlace {
  readonly name: ConversationName | undefined
}

export interface OnlineCount {
  readonly conversation: ConversationName
  readonly members: number
  /** Users, whatever number of devices they have. Some seconds old. */
  readonly online: number
}

interface Watched {
  readonly place: ConversationPlace
  readonly listener: (count: OnlineCount) => void
  timer: Timer | undefined
}

export class OnlineCounts {
  readonly #clock: Clock
  readonly #watched = new Set<Watched>()
  #ask: Link['ask'] | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns what ends it. Throws ClientError `too-many-counts` above 20. */
  watch(place: ConversationPlace, listener: (count: OnlineCount) => void): () => void {
    if (this.#watched.size >= CONVERSATIONS_MAX) {
      throw new ClientError('too-many-counts', `Cannot hear of more than ${CONVERSATIONS_MAX} conversations`)
    }
    const watched: Watched = { place, listener, timer: undefined }
    this.#watched.add(watched)
    this.#question(watched)
    return () => {
      watched.timer?.cancel()
      this.#watched.delete(watched)
    }
  }

  up(ask: Link['ask']): void {
    this.#ask = ask
    for (const watched of this.#watched) this.#question(watched)
  }

  down(): void {
    this.#ask = undefined
    for (const { timer } of this.#watched) timer?.cancel()
  }

  #question(watched: Watched): void {
    watched.timer?.cancel()
    const { name } = watched.place
    if (name === undefined) return // the connection to come asks
    this.#ask?.((ref) => questionOf(name, ref), {
      answered: (frame) => {
        if (frame.kind === 'member-list') this.#heard(watched, name, frame)
        else this.#later(watched, AGAIN_MS)
      },
      unanswered: () => this.#later(watched, AGAIN_MS),
    })
  }

  #heard(watched: Watched, conversation: ConversationName, answer: MemberListFrame): void {
    const { count: members, online, onlineAt, againMs } = answer
    if (!this.#watched.has(watched)) return
    this.#later(watched, againMs > 0 ? againMs : AGAIN_MS)
    if (onlineAt > 0) watched.listener({ conversation, members, online })
  }

  #later(watched: Watched, delayMs: number): void {
    if (!this.#watched.has(watched) || this.#ask === undefined) return
    watched.timer = this.#clock.after(delayMs, () => this.#question(watched))
  }
}

/** Of members it wants the count alone, but a page has one at least. */
function questionOf({ kind, id }: ConversationName, ref: number): EncodableFrame {
  return { kind: 'members', ref, conversationKind: kind, conversation: id, after: 0, limit: 1, wantsOnline: true }
}
