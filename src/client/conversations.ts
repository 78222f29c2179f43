/**
 * The conversations that a session has to do with: of each the commands that wait there, and the timeline as far as this
 * device holds it. Whatever of one changes is told to the journal.
 */
import type { ConversationKind } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { CommandQueue, type ConversationName } from './command-queue.js'
import type { Followed } from './follower.js'
import type { Journal, KeptSession } from './journal.js'
import { type Item, Timeline } from './timeline.js'

export type SessionConversation = Followed & { readonly queue: CommandQueue }

export interface ConversationsParts {
  readonly journal: Journal
  /** The next of a timeline, in order, once. */
  shown(name: ConversationName, item: Item): void
}

export class Conversations {
  readonly #parts: ConversationsParts
  readonly #byName = new Map<string, SessionConversation>()

  constructor(parts: ConversationsParts) {
    this.#parts = parts
  }

  all(): Iterable<SessionConversation> {
    return this.#byName.values()
  }

  has(kind: number, id: string): boolean {
    return this.#byName.has(`${kind} ${id}`)
  }

  /** Made when it is first asked for. */
  get(kind: ConversationKind, id: string): SessionConversation {
    const key = `${kind} ${id}`
    const found = this.#byName.get(key)
    if (found !== undefined) return found
    const name = { kind, id }
    const timeline = new Timeline({
      shown: (item) => this.#parts.shown(name, item),
      moved: () => this.note(created),
    })
    const created = { name, queue: new CommandQueue(name, LIMITS.laneWindow), timeline, isFollowed: false }
    this.#byName.set(key, created)
    return created
  }

  note({ name, queue, timeline, isFollowed }: SessionConversation): void {
    this.#parts.journal.conversation(name, { nextN: queue.nextN, held: timeline.held, isFollowed })
  }

  /** Takes up what an earlier life of this device kept. */
  restore({ conversations }: KeptSession): void {
    for (const { name, nextN, held, isFollowed, commands } of conversations) {
      const conversation = this.get(name.kind, name.id)
      conversation.queue.restore(nextN, commands)
      conversation.isFollowed = isFollowed
      conversation.timeline.restore(held)
    }
  }
}
