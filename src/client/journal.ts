/**
 * What of a session must survive a crash, as the session tells it. Whoever keeps it may write when it likes, with two
 * duties: what was told within one task of the event loop is kept together or not at all, in the order told; and
 * `flush` calls back only once all that was told before it is kept. So a device that comes back never gives an n away
 * twice, and never believes to hold what it does not.
 */
import type { InboxEntryFacts, LaneName } from '../protocol/decoded-frame.js'
import type { Command, ConversationName, KeptCommand } from './command-queue.js'
import type { Cursor, KeptInbox } from './inbox.js'

/** Of one conversation, beside its commands. */
export interface KeptConversation {
  /** The n of the next command that gets one. */
  readonly nextN: number
  /** Everything at or below this seq was shown. */
  readonly held: number
  readonly isFollowed: boolean
}

export interface HeldConversation extends Omit<KeptConversation, 'nextN'> {
  readonly name: ConversationName
}

export interface KeptSession {
  readonly lane: LaneName
  /** Absent where no list was ever had. */
  readonly inbox?: KeptInbox
  /** Commands in the order they were queued. */
  readonly conversations: readonly (KeptConversation & {
    readonly name: ConversationName
    readonly commands: readonly KeptCommand[]
  })[]
}

export interface Journal {
  lane(lane: LaneName): void
  conversation(name: ConversationName, state: KeptConversation): void
  /** A command is new, or has changed. */
  command(name: ConversationName, kept: KeptCommand): void
  /** A command is of no more interest. */
  settled(name: ConversationName, command: Command): void
  /** The conversation list has come to `cursor` by these entries; `isWhole`: what it had before is void. */
  inbox(cursor: Cursor, entries: readonly InboxEntryFacts[], isWhole: boolean): void
  flush(done: () => void): void
}

/** For a session without storage: what is lost with it was never promised. */
export const FORGETFUL: Journal = {
  lane() {},
  conversation() {},
  command() {},
  settled() {},
  inbox() {},
  flush(done) {
    done()
  },
}
