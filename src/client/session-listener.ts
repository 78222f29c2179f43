/**
 * What a session tells whoever uses it.
 */
import type { RefusalName } from '../domain/refusal.js'
import type {
  EventFrame,
  InboxEntryFacts,
  LaneName,
  PresenceFrame,
  ReceiptFrame,
  RefusalFrame,
  SkipFrame,
  TypingFrame,
  WelcomeFrame,
} from '../protocol/decoded-frame.js'
import type { Command, CommandOutcome, ConversationName } from './command-queue.js'
import type { LinkState } from './link.js'
import type { Item } from './timeline.js'

export interface SessionListener {
  connection(state: LinkState): void
  online(welcome: WelcomeFrame): void
  /** A command survives a crash from now on. */
  stored(command: Command): void
  /** A command has left for the server, perhaps not for the first time. */
  sent(command: Command): void
  /** Told once per command. */
  settled(conversation: ConversationName, command: Command, outcome: CommandOutcome, lane: LaneName): void
  /** An alarm: the server and this device disagree about the lane, as after a restored backup. A new one is opened. */
  laneLost(why: RefusalName): void
  /** The lane was lost with this command under way: it may or may not have been accepted. */
  unknown(conversation: ConversationName, command: Command): void
  /** An event or a skip has arrived: as the wire has it, before order and repeats are seen to. */
  received(frame: EventFrame | SkipFrame): void
  /** The next of a timeline, in order, once. */
  shown(conversation: ConversationName, item: Item): void
  /** Entries of the conversation list are new, or changed. */
  listed(entries: readonly InboxEntryFacts[]): void
  /** An alarm: the server does not know the list as far as this device does (cursor-ahead). */
  inboxRefused(refusal: RefusalFrame): void
  /** An alarm: the server lost what this device may hold, as after a restored backup, and numbers are given again. Every
   *  timeline is shown from its beginning, or the recent part of it: what was shown before is void. With a name, only that
   *  conversation's owner lost something. */
  restarted(conversation?: ConversationName): void
  /** Who is typing, who is online, who has read up to where. Left out by those who do not care. */
  signalled?(frame: TypingFrame | PresenceFrame | ReceiptFrame): void
  /** The server will not have us, for a reason that connecting again does not change. */
  rejected(refusal: RefusalFrame): void
}
