/** What conversations ask of their client: calls become commands, reads and streams, which wait until they can be made. */
import { directId, type UserId } from '../domain/ids.js'
import type { MessageContent } from '../protocol/content.js'
import type { ChangeAction } from '../protocol/wire-numbers.js'
import type { Random } from '../std/random.js'
import type { ClientDevice } from './client-device.js'
import type { ClientInbox } from './client-inbox.js'
import type { Command } from './command-queue.js'
import { changeCommand, sendCommand } from './commands.js'
import type { Conversation, ConversationHost } from './conversation.js'
import { ClientError, RefusedError } from './errors.js'
import type { EventStream } from './event-stream.js'
import type { HeldCalls } from './held-calls.js'
import type { HistoryAnswer, HistoryOutcome, HistoryRange } from './history-reads.js'
import type { OpenCommands } from './open-commands.js'
import { Outgoing } from './outgoing.js'
import type { Streams } from './streams.js'

export interface ConversationCallsParts {
  readonly random: Random
  readonly held: HeldCalls
  readonly open: OpenCommands
  readonly inbox: ClientInbox
  readonly streams: Streams
  device(): ClientDevice | undefined
  isClosed(): boolean
  /** As many commands wait as may. */
  isFull(): boolean
}

export class ConversationCalls implements ConversationHost {
  readonly #parts: ConversationCallsParts

  constructor(parts: ConversationCallsParts) {
    this.#parts = parts
  }

  inbox(): ClientInbox {
    this.assertOpen()
    return this.#parts.inbox
  }

  send(of: Conversation, content: Omit<MessageContent, 'messageId'>): Outgoing {
    return this.#queue(of, sendCommand(this.#parts.random, content))
  }

  change(of: Conversation, action: ChangeAction, users: readonly string[]): Outgoing {
    return this.#queue(of, changeCommand(this.#parts.random, action, users))
  }

  read(conversation: Conversation, range: HistoryRange): Promise<HistoryAnswer> {
    this.assertOpen()
    const { held, isClosed } = this.#parts
    return new Promise((resolve, reject) => {
      const done = (outcome: HistoryOutcome) => {
        if (outcome.kind === 'read') resolve(outcome)
        else if (outcome.kind === 'refused') reject(new RefusedError(outcome.refusal.code, outcome.refusal.advice))
        else if (isClosed()) reject(closedError())
        else reject(new ClientError('unanswered', 'Cannot read history: no server answered in time'))
      }
      held.whenNamed({
        conversation,
        run: (device, name) => device.read(name, range, done),
        closed: () => reject(closedError()),
      })
    })
  }

  openStream(of: Conversation, after: number | undefined): EventStream {
    this.assertOpen()
    return this.#parts.streams.open(of, after)
  }

  directIdOf(peer: string): string | undefined {
    const user = this.#parts.device()?.self?.user
    return user === undefined ? undefined : directId(user as UserId, peer as UserId)
  }

  /** Throws ClientError `closed`. */
  assertOpen(): void {
    if (this.#parts.isClosed()) throw closedError()
  }

  #queue(conversation: Conversation, command: Command): Outgoing {
    this.assertOpen()
    const { held, open, isFull } = this.#parts
    if (isFull()) throw new ClientError('queue-full', 'Cannot send: too many commands wait for the server already')
    const outgoing = new Outgoing(conversation, command)
    open.add(outgoing)
    held.whenNamed({ conversation, run: (device, name) => device.queue(name, command), closed: () => {} })
    return outgoing
  }
}

export function closedError(): ClientError {
  return new ClientError('closed', 'Cannot do that: the client is closed')
}
