/**
 * Frames as plain objects, for whoever is not in a hurry: clients, tests, the simulator, vectors. `decode.ts` and
 * `encode.ts` go between these and bytes. Numbers are numbers; what may need all 64 bits is a bigint.
 */
import type { EventIdentity, EventStamp } from './event-frame.js'

export interface LaneName {
  /** 0 asks the server for one. */
  readonly number: number
  readonly random: bigint
}

/** A command's place: echoed in its answer. */
interface Requested {
  readonly ref: number
  readonly n: number
}

interface InConversation {
  readonly conversationKind: number
  readonly conversation: string
}

export interface HelloFrame {
  readonly kind: 'hello'
  readonly ref: number
  readonly token: string
  readonly device: string
  readonly lane: LaneName
}

/** What the server holds a client to; named as in domain/limits.ts. */
export interface WelcomeLimits {
  readonly bodyBytesMax: number
  readonly messageBytesMax: number
  readonly inFlightMax: number
  readonly laneWindow: number
  readonly historyLimitMax: number
  readonly usersPerChangeMax: number
  readonly groupMembersMax: number
  readonly framesPerSecondMax: number
}

export interface WelcomeFrame {
  readonly kind: 'welcome'
  readonly ref: number
  readonly app: string
  readonly user: string
  readonly device: string
  readonly lane: LaneName
  readonly heartbeatMs: number
  readonly serverTime: number
  readonly limits: WelcomeLimits
}

export interface PingFrame {
  readonly kind: 'ping'
  readonly ref: number
}

export interface PongFrame {
  readonly kind: 'pong'
  readonly ref: number
  readonly serverTime: number
}

export interface SendFrame extends Requested, InConversation {
  readonly kind: 'send'
  /** An encoded Content (content.ts). */
  readonly content: Uint8Array
}

export interface ChangeFrame extends Requested, InConversation {
  readonly kind: 'change'
  readonly action: number
  readonly users: readonly string[]
}

export interface VoidFrame extends Requested, InConversation {
  readonly kind: 'void'
}

export interface HistoryFrame extends InConversation {
  readonly kind: 'history'
  readonly ref: number
  readonly mode: number
  readonly anchor: number
  readonly limit: number
  readonly minSeq: number
}

export interface AckFrame extends Requested {
  readonly kind: 'ack'
  readonly seq: number
  readonly time: number
  /** Bits of AckFlag. */
  readonly flags: number
}

export interface RefusalFrame extends Requested {
  readonly kind: 'refusal'
  readonly code: number
  readonly retryAfterMs: number
  readonly expected: number
  readonly name: string
  readonly advice: string
}

export interface EventFrame extends EventIdentity, EventStamp {
  readonly kind: 'event'
  readonly users: readonly string[]
  readonly content?: Uint8Array | undefined
}

export interface SkipFrame extends InConversation {
  readonly kind: 'skip'
  readonly ref: number
  readonly from: number
  readonly to: number
}

export interface HistoryEndFrame extends InConversation {
  readonly kind: 'history-end'
  readonly ref: number
  readonly from: number
  readonly completeTo: number
  readonly head: number
}

export interface MarkFrame extends InConversation {
  readonly kind: 'mark'
  readonly ref: number
  readonly n: number
  readonly seq: number
  readonly ordinal: number
  readonly set: number
  readonly flags: number
  /** 0: not said. */
  readonly incarnation: number
}

export interface ResumeFrame {
  readonly kind: 'resume'
  readonly ref: number
  readonly incarnation: number
  readonly version: number
  readonly headsFrom: number
  readonly eventsMax: number
}

export interface InboxEntryFacts extends InConversation {
  readonly head: number
  readonly ordinal: number
  readonly time: number
  readonly readSeq: number
  readonly readOrdinal: number
  readonly isMember: boolean
  readonly version: number
  /** Bits of ListFlag. */
  readonly flags: number
  /** Of the conversation's log, and the first event of it. */
  readonly incarnation: number
  readonly sinceSeq: number
  readonly mentionSeq: number
}

/** Where a large conversation stands. */
export interface HeadFacts extends InConversation {
  readonly head: number
  readonly ordinal: number
  readonly time: number
  readonly isAway: boolean
}

export interface InboxFrame {
  readonly kind: 'inbox'
  readonly ref: number
  readonly incarnation: number
  readonly prev: number
  readonly version: number
  readonly entries: readonly InboxEntryFacts[]
  readonly more: boolean
  readonly heads: readonly HeadFacts[]
  readonly headsNext: number
}

export interface MembersFrame extends InConversation {
  readonly kind: 'members'
  readonly ref: number
  readonly after: number
  readonly limit: number
  readonly wantsOnline: boolean
}

export interface MemberListFrame extends InConversation {
  readonly kind: 'member-list'
  readonly ref: number
  readonly users: readonly string[]
  readonly owners: readonly string[]
  readonly count: number
  readonly next: number
  /** Of `users`, in their order. */
  readonly readSeqs: readonly number[]
  readonly online: number
  /** 0: nobody asked, or it is not known. */
  readonly onlineAt: number
  readonly againMs: number
}

/** `user`: who writes, as the server says it; a client leaves it empty. */
export interface TypingFrame extends InConversation {
  readonly kind: 'typing'
  readonly ref: number
  readonly user: string
}

export interface WatchFrame {
  readonly kind: 'watch'
  readonly ref: number
  readonly users: readonly string[]
}

export interface PresenceFacts {
  readonly user: string
  readonly online: boolean
  /** 0 where it is not known, or online. */
  readonly lastSeen: number
}

export interface PresenceFrame {
  readonly kind: 'presence'
  readonly ref: number
  readonly entries: readonly PresenceFacts[]
}

/** `users` have read up to `seqs`, in that order. */
export interface ReceiptFrame extends InConversation {
  readonly kind: 'receipt'
  readonly users: readonly string[]
  readonly seqs: readonly number[]
}

export interface SignOutFrame {
  readonly kind: 'sign-out'
  readonly ref: number
  readonly device: string
}

/** Newer than this build: to be skipped. */
export interface UnknownFrame {
  readonly kind: 'unknown'
  readonly type: number
}

export type EncodableFrame =
  | HelloFrame
  | WelcomeFrame
  | PingFrame
  | PongFrame
  | SendFrame
  | ChangeFrame
  | VoidFrame
  | HistoryFrame
  | AckFrame
  | RefusalFrame
  | EventFrame
  | SkipFrame
  | HistoryEndFrame
  | MarkFrame
  | ResumeFrame
  | InboxFrame
  | MembersFrame
  | MemberListFrame
  | TypingFrame
  | WatchFrame
  | PresenceFrame
  | SignOutFrame
  | ReceiptFrame

export type DecodedFrame = EncodableFrame | UnknownFrame
