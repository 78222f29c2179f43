/** The open streams of a client's conversations (event-stream.ts), and what reaches them. */

import type { ClientDevice } from './client-device.js'
import type { ConversationName } from './command-queue.js'
import { type Conversation, readOn } from './conversation.js'
import { EventStream } from './event-stream.js'
import type { HeldCalls } from './held-calls.js'
import type { TimelineEvent } from './timeline-event.js'

export interface StreamsParts {
  readonly held: HeldCalls
  /** Somebody reads it, so its events are to come. */
  follow(device: ClientDevice, name: ConversationName): void
}

export class Streams {
  readonly #parts: StreamsParts
  readonly #byConversation = new Map<string, Set<EventStream>>()

  constructor(parts: StreamsParts) {
    this.#parts = parts
  }

  open(conversation: Conversation, after: number | undefined): EventStream {
    let key = ''
    const readAfter = (seq: number) => readOn(conversation, seq)
    const stream = new EventStream(after, readAfter, () => this.#byConversation.get(key)?.delete(stream))
    this.#parts.held.whenNamed({
      conversation,
      run: (device, name) => {
        key = keyOf(name)
        const streams = this.#byConversation.get(key) ?? new Set()
        this.#byConversation.set(key, streams.add(stream))
        this.#parts.follow(device, name)
      },
      closed: () => stream.end(),
    })
    return stream
  }

  offer(name: ConversationName, event: TimelineEvent): void {
    for (const stream of this.#byConversation.get(keyOf(name)) ?? []) stream.offer(event)
  }

  /** The history of this conversation, or of all, begins anew: whoever reads is told. */
  restarted(name?: ConversationName): void {
    const streams = name === undefined ? this.#all() : [...(this.#byConversation.get(keyOf(name)) ?? [])]
    for (const stream of streams) stream.restarted()
  }

  end(): void {
    for (const stream of this.#all()) stream.end()
  }

  #all(): EventStream[] {
    return [...this.#byConversation.values()].flatMap((streams) => [...streams])
  }
}

function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}
