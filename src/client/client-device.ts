/**
 * What a client needs of its device, and what it hears from it. Adapters: device.ts, a device of this client alone, and
 * tab-device.ts, one that the tabs of a browser share.
 */
import type { EncodableFrame, InboxEntryFacts } from '../protocol/decoded-frame.js'
import type { Command, CommandOutcome, ConversationName } from './command-queue.js'
import type { ClientError, RefusedError } from './errors.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { Asked } from './link.js'
import type { SessionListener } from './session-listener.js'
import type { Self } from './timeline-event.js'

export type ConnectionState =
  /** Not connected on purpose: not yet, or not any more. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online'; readonly self: Self }
  /** The connection broke or could not be made; the next attempt comes by itself. */
  | { readonly kind: 'waiting' }
  /** It does not connect again by itself, because that would not help: `error.todo` says what would. */
  | { readonly kind: 'stopped'; readonly error: RefusedError | ClientError }

/** Nothing to act on, but worth a line in the application's log. */
export type Trouble =
  /** The server and this device disagree about what was sent, as after a restored backup; sending goes on. */
  | { readonly kind: 'lane-lost'; readonly reason: string }
  /** The server knows less of the conversation list than this device: it has lost data, and an operator must look. */
  | { readonly kind: 'inbox-ahead'; readonly reason: string }
  /** The server went back in time, as after a restored backup: what was shown is void, and every conversation is shown
   *  again; or only this one. */
  | { readonly kind: 'history-restarted'; readonly conversation?: ConversationName }
  /** A setting or a reading was refused for good, as for a conversation that never came to stand in the list. */
  | { readonly kind: 'mark-refused'; readonly conversation: ConversationName; readonly error: RefusedError }
  /** Nothing new is sent until a write succeeds; it is tried again by itself. */
  | { readonly kind: 'storage-failed'; readonly cause: unknown }

export interface DeviceListener
  extends Pick<SessionListener, 'unknown' | 'received' | 'shown' | 'listed' | 'restarted' | 'signalled'> {
  state(state: ConnectionState): void
  trouble(trouble: Trouble): void
  /** As in SessionListener; who shares the device hears of the commands of all. */
  stored(command: Pick<Command, 'id'>): void
  sent(command: Pick<Command, 'id'>): void
  settled(name: ConversationName, command: Command, outcome: CommandOutcome): void
}

export interface NamedCommand {
  readonly name: ConversationName
  readonly command: Command
}

/** What was known when the device was opened. */
export interface KeptFacts {
  /** Of the conversation list. */
  readonly entries: readonly InboxEntryFacts[]
  /** Without an outcome, in the order they were queued. */
  readonly commands: readonly NamedCommand[]
}

export interface ClientDevice {
  readonly kept: KeptFacts
  /** Undefined until a server has said so, in this life or an earlier one. */
  readonly self: Self | undefined
  /** Of the conversation list; 0: none was had yet. */
  readonly incarnation: number
  /** Connects, and stays connected. */
  start(): void
  /** Connects now, where it waits to. */
  wake(): void
  queue(name: ConversationName, command: Command): void
  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void
  /** Holds this conversation's timeline from now on. */
  follow(name: ConversationName): void
  /** Asks on the connection that there is; on one that ends, nobody answers. */
  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void
  /** Writes what nobody answers; nothing, where there is no connection. */
  tell(frame: EncodableFrame): void
  /** After what was queued is stored, or a while. */
  close(): Promise<void>
}
