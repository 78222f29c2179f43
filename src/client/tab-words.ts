/**
 * What the tabs of a shared storage say to each other, over a channel that copies by structure: plain data only, so that
 * errors travel as what they are made of.
 */
import type {
  DecodedFrame,
  EncodableFrame,
  InboxEntryFacts,
  PresenceFrame,
  ReceiptFrame,
  TypingFrame,
} from '../protocol/decoded-frame.js'
import type { ConnectionState, NamedCommand, Trouble } from './client-device.js'
import type { CommandOutcome, ConversationName } from './command-queue.js'
import { ClientError, type ClientErrorReason, RefusedError } from './errors.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { HeldConversation } from './journal.js'
import type { Item } from './timeline.js'
import type { Self } from './timeline-event.js'

/** A command of a tab, with what that tab had heard when it was given: how many commands ever had an outcome. */
export interface TabCommand extends NamedCommand {
  readonly since: number
}

/** Asks for everything anew, and says what this tab has open and wants. */
export interface Join {
  readonly kind: 'join'
  /** Of a client that opens its device: it takes up what is in the queue. */
  readonly isFirst: boolean
  readonly isStarted: boolean
  /** Without an outcome, in their order. */
  readonly commands: readonly TabCommand[]
  readonly followed: readonly ConversationName[]
  readonly watched: readonly string[]
}

export type TabRequest =
  | Join
  | { readonly kind: 'queue'; readonly command: TabCommand }
  | { readonly kind: 'read'; readonly ref: number; readonly name: ConversationName; readonly range: HistoryRange }
  | { readonly kind: 'ask'; readonly ref: number; readonly frame: EncodableFrame }
  | { readonly kind: 'follow'; readonly name: ConversationName }
  | { readonly kind: 'watch'; readonly users: readonly string[] }
  | { readonly kind: 'tell'; readonly frame: EncodableFrame }
  | { readonly kind: 'start' | 'wake' | 'ping' | 'leave' }

/** What the leader knows, at one moment: whatever it tells after this is news to it. */
export interface Joined {
  readonly kind: 'joined'
  readonly to: string
  readonly self: Self | undefined
  readonly state: PlainState
  readonly incarnation: number
  readonly entries: readonly InboxEntryFacts[]
  readonly commands: readonly NamedCommand[]
  readonly held: readonly HeldConversation[]
  readonly outcomes: number
}

/** To a read, or to what was asked of the server by a frame. */
export type TabAnswer = HistoryOutcome | { readonly kind: 'answered'; readonly frame: DecodedFrame }

export type TabNews =
  /** A tab has just become the leader; there is nothing to ask it yet. */
  | { readonly kind: 'opening' }
  /** It can be asked. */
  | { readonly kind: 'leading' }
  | Joined
  | { readonly kind: 'answer'; readonly to: string; readonly ref: number; readonly outcome: TabAnswer }
  | { readonly kind: 'pong' }
  | { readonly kind: 'state'; readonly state: PlainState }
  | { readonly kind: 'trouble'; readonly trouble: Exclude<Trouble, { kind: 'mark-refused' }> }
  | { readonly kind: 'stored' | 'sent'; readonly id: string }
  | ({ readonly kind: 'settled'; readonly outcome: CommandOutcome; readonly outcomes: number } & NamedCommand)
  | ({ readonly kind: 'unknown'; readonly outcomes: number } & NamedCommand)
  /** What lies between `after` and this item holds nothing. */
  | { readonly kind: 'shown'; readonly name: ConversationName; readonly item: Item; readonly after: number }
  | { readonly kind: 'restarted'; readonly name: ConversationName | undefined }
  | { readonly kind: 'listed'; readonly entries: readonly InboxEntryFacts[]; readonly incarnation: number }
  | { readonly kind: 'signalled'; readonly frame: TypingFrame | PresenceFrame | ReceiptFrame }

/** A word of the leader: which one it is, by the epoch of its storage, and the how-manieth word of it. */
export interface FromLeader {
  readonly from: 'leader'
  readonly epoch: number
  readonly k: number
  readonly news: TabNews
}

export interface FromTab {
  readonly from: 'tab'
  readonly tab: string
  /** The how-manieth of this tab, whoever led then: a leader that misses one lets all join again. */
  readonly k: number
  readonly request: TabRequest
}

type PlainError =
  | { readonly code: number; readonly advice: string }
  | { readonly reason: ClientErrorReason; readonly message: string }

export type PlainState =
  | Exclude<ConnectionState, { kind: 'stopped' }>
  | { readonly kind: 'stopped'; readonly error: PlainError }

export function plainState(state: ConnectionState): PlainState {
  if (state.kind !== 'stopped') return state
  const { error } = state
  const plain = error instanceof RefusedError ? { code: error.code, advice: error.advice } : undefined
  return { kind: 'stopped', error: plain ?? { reason: (error as ClientError).reason, message: error.message } }
}

export function stateOf(state: PlainState): ConnectionState {
  if (state.kind !== 'stopped') return state
  const { error } = state
  const isRefusal = 'code' in error
  return {
    kind: 'stopped',
    error: isRefusal ? new RefusedError(error.code, error.advice) : new ClientError(error.reason, error.message),
  }
}

/** Bytes without the rest of the memory that they lie in: a copy by structure takes all of it. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
}
