/** What an application sees of the client library, on every platform. */
export type { ClientOptions } from './client-options.js'
export type { ConversationName } from './command-queue.js'
export type { Conversation, Draft, HistoryOptions, HistoryPage } from './conversation.js'
export type { ConnectionState, Trouble } from './device.js'
export { ClientError, type ClientErrorReason, RefusedError, type Todo } from './errors.js'
export type { Acked, Outgoing, OutgoingState } from './outgoing.js'
export { type ClientStorage, MemoryStorage, StorageError } from './storage.js'
export type { MembershipChange, Message, Self, TimelineEvent } from './timeline-event.js'
