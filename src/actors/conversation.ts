/**
 * The conversation state machine: decides what enters a timeline, and at which seq.
 *
 * `decide` answers a command and changes nothing; `apply` changes state and cannot refuse. Live traffic runs decide →
 * apply → append to the log, recovery runs apply over the log: there is one `apply`, so the two cannot drift apart.
 * What leaves waits until the append is durable (commit-loop.ts).
 *
 * Nothing here awaits, reads a clock or draws a random number: that is what lets the simulator replay any of it.
 *
 * Elsewhere on purpose: durability (log/shard-log.ts), telling devices (fan-out.ts), recent bytes (recent-tail.ts).
 */
import {
  ActorKind,
  type ActorName,
  isKeyedLane,
  type Seq,
  SYSTEM_LANE,
  type UserId,
  usersOfDirect,
} from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { isFinal, REFUSALS, type RefusalName } from '../domain/refusal.js'
import { ChangeAction, EventKind } from '../protocol/wire-numbers.js'
import { assert } from '../std/assert.js'
import type { EpochMs } from '../std/clock.js'
import { applyMode, isOfMode } from './delivery-mode.js'
import { answerOfLane, type InLane, type LaneAnswer } from './lane-answer.js'
import { type Member, Members } from './members.js'

export interface Conversation {
  readonly name: ActorName
  head: Seq
  /** Countable messages so far: what unread counts are differences of (rules §9). */
  ordinal: number
  /** Seq of the last membership event. */
  memberSeq: Seq
  /** Seq of the last event that said how lists hear of this conversation, and what it said; 0: none did. */
  modeSeq: Seq
  /** By read fan-out (delivery-mode.ts). */
  isLarge: boolean
  /** Of the log at the last event; and where the log has lost events, the first seq that was given again, over all losses:
   *  from there on seqs may have been others before (rules §14). */
  incarnation: number
  sinceSeq: Seq
  lastTime: EpochMs
  /** All user shards have taken the membership up to this event: the outbox's, kept in the row. */
  toldMemberSeq: Seq
  readonly members: Members
}

interface FromLane extends InLane {
  readonly from: UserId
}

export type ConversationCommand = FromLane &
  (
    | { readonly kind: 'send'; readonly mentions: readonly UserId[] }
    | { readonly kind: 'change'; readonly action: ChangeAction; readonly users: readonly UserId[] }
    | { readonly kind: 'void' }
  )

/** A fact of the timeline; its bytes hold these and, for a message, the content. */
export interface TimelineEvent extends FromLane {
  readonly event: EventKind
  readonly seq: Seq
  readonly time: EpochMs
  readonly ordinal: number
  readonly memberSeq: Seq
  readonly users: readonly UserId[]
  /** Whom a message mentions. */
  readonly mentions: readonly UserId[]
}

/** A command that used up its n and left no event. Logged without a seq. */
export interface LaneSpent extends FromLane {
  /** Wire code of the refusal; 0 for a void. */
  readonly wireCode: number
}

export type Decision =
  | { readonly kind: 'accept'; readonly event: TimelineEvent }
  | { readonly kind: 'spend'; readonly spent: LaneSpent; readonly refusal: RefusalName | undefined }
  | LaneAnswer

/** An empty conversation. A direct one has its two members from the start: its id names them. */
export function emptyConversation(name: ActorName): Conversation {
  const members = new Members()
  if (name.kind === ActorKind.direct) {
    for (const user of new Set(usersOfDirect(name.id) ?? [])) members.join(user, { seq: 0, ordinal: 0 }, 'member')
  }
  const nothing = { head: 0, ordinal: 0, memberSeq: 0, modeSeq: 0, isLarge: false, incarnation: 0, sinceSeq: 0 }
  return { name, ...nothing, lastTime: 0, toldMemberSeq: 0, members }
}

export function decide(state: Conversation, command: ConversationCommand, now: EpochMs): Decision {
  const member = state.members.get(command.from)
  const early = answerOfLane(member?.lanes, command, command.kind === 'void')
  if (early !== undefined) return early

  if (command.kind === 'void') return { kind: 'spend', spent: spent(command, 0), refusal: undefined }
  const refusal =
    command.kind === 'send' ? refusalOfSend(state, member, command) : refusalOfChange(state, member, command)
  if (refusal === undefined) return { kind: 'accept', event: eventOf(state, command, now) }
  // A key that was refused may be used again: it uses up no n.
  if (!isFinal(refusal) || isKeyedLane(command.lane.number)) return { kind: 'refuse', refusal }
  return { kind: 'spend', spent: spent(command, REFUSALS[refusal].wire), refusal }
}

/** In a channel its owners write, and everybody reads. */
function refusalOfSend(
  state: Conversation,
  member: Member | undefined,
  command: ConversationCommand,
): RefusalName | undefined {
  if (isOfSystem(command)) return refusalOfSystem(state)
  if (!member?.isNow) return 'not-member'
  return state.name.kind === ActorKind.channel && member.role !== 'owner' ? 'not-owner' : undefined
}

/** The app itself needs no membership, but a conversation that is there; a direct one always is. */
function refusalOfSystem(state: Conversation): RefusalName | undefined {
  return state.head === 0 && state.name.kind !== ActorKind.direct ? 'no-such-conversation' : undefined
}

function isOfSystem({ lane }: ConversationCommand): boolean {
  return lane.number === SYSTEM_LANE
}

function refusalOfChange(
  state: Conversation,
  member: Member | undefined,
  change: ConversationCommand & { kind: 'change' },
): RefusalName | undefined {
  if (change.action === ChangeAction.create) return refusalOfCreate(state, change)
  const system = isOfSystem(change)
  const stranger = system ? refusalOfSystem(state) : member?.isNow ? undefined : 'not-member'
  if (stranger !== undefined) return stranger
  if (state.name.kind === ActorKind.direct) return 'not-owner'
  switch (change.action) {
    case ChangeAction.leave:
      return system ? 'not-member' : undefined
    case ChangeAction.kick:
      if (!system && member?.role !== 'owner') return 'not-owner'
      return usersToKick(state, change).length === 0 ? 'nothing-to-change' : undefined
    case ChangeAction.invite: {
      if (state.name.kind === ActorKind.channel && !system && member?.role !== 'owner') return 'not-owner'
      const users = usersToInvite(state, change)
      if (users.length === 0) return 'nothing-to-change'
      return state.members.count + users.length > LIMITS.groupMembersMax ? 'group-full' : undefined
    }
  }
}

function refusalOfCreate(state: Conversation, change: ConversationCommand): RefusalName | undefined {
  if (state.head > 0) return 'already-exists'
  const isDirect = state.name.kind === ActorKind.direct
  if (isDirect && !isOfSystem(change) && !state.members.isNow(change.from)) return 'not-member'
  return undefined
}

function usersToInvite(state: Conversation, change: ConversationCommand & { kind: 'change' }): UserId[] {
  return [...new Set(change.users)].filter((user) => !state.members.isNow(user))
}

function usersToKick(state: Conversation, change: ConversationCommand & { kind: 'change' }): UserId[] {
  return [...new Set(change.users)].filter((user) => state.members.isNow(user))
}

const NOBODY: readonly UserId[] = []

function eventOf(state: Conversation, command: ConversationCommand, now: EpochMs): TimelineEvent {
  const seq = state.head + 1
  const isMessage = command.kind === 'send'
  return {
    event: isMessage ? EventKind.message : eventOfAction((command as { action: ChangeAction }).action),
    seq,
    time: Math.max(now, state.lastTime),
    ordinal: isMessage ? state.ordinal + 1 : state.ordinal,
    memberSeq: isMessage ? state.memberSeq : seq,
    from: command.from,
    lane: command.lane,
    n: command.n,
    hash: command.hash,
    users: command.kind === 'change' ? usersOfChange(state, command) : NOBODY,
    mentions: command.kind === 'send' ? command.mentions : NOBODY,
  }
}

function eventOfAction(action: ChangeAction): EventKind {
  switch (action) {
    case ChangeAction.create:
      return EventKind.created
    case ChangeAction.invite:
      return EventKind.joined
    case ChangeAction.leave:
      return EventKind.left
    case ChangeAction.kick:
      return EventKind.kicked
  }
}

function usersOfChange(state: Conversation, change: ConversationCommand & { kind: 'change' }): readonly UserId[] {
  switch (change.action) {
    case ChangeAction.create:
      if (state.name.kind === ActorKind.direct) return usersOfDirect(state.name.id) ?? NOBODY
      return [...new Set(isOfSystem(change) ? change.users : [change.from, ...change.users])]
    case ChangeAction.invite:
      return usersToInvite(state, change)
    case ChangeAction.leave:
      return [change.from]
    case ChangeAction.kick:
      return usersToKick(state, change)
  }
}

function spent(command: ConversationCommand, wireCode: number): LaneSpent {
  return { from: command.from, lane: command.lane, n: command.n, hash: command.hash, wireCode }
}

/** Takes an event into the state. Cannot refuse; asserts what `decide` promised, again after the trip through the log. */
export function apply(state: Conversation, event: TimelineEvent): void {
  assert(event.seq === state.head + 1, () => `gap in timeline: head ${state.head}, event ${event.seq}`)
  state.head = event.seq
  state.ordinal = event.ordinal
  state.memberSeq = event.memberSeq
  state.lastTime = event.time
  if (event.event !== EventKind.message) {
    if (isOfMode(event.event)) return applyMode(state, event)
    applyMembership(state, event)
  }
  const member = state.members.entry(event.from)
  member.lanes.record(event.lane, event.n, event.hash, event.seq, event.time)
  if (event.mentions.length > 0) applyMentions(state, event)
  // What the app itself says is not what the user says who happens to have its name.
  if (event.event !== EventKind.message || event.lane.number === SYSTEM_LANE) return
  member.wroteSeq = event.seq
  member.readSeq = event.seq
  member.readOrdinal = event.ordinal
}

/** The event at `seq` was logged in this incarnation of the log. */
export function applyIncarnation(state: Conversation, incarnation: number, seq: Seq): void {
  if (incarnation <= state.incarnation) return
  // Who heard of none of several losses may hold events of each, so the smallest place counts. The first is no loss.
  state.sinceSeq = state.incarnation <= 1 ? seq : Math.min(state.sinceSeq, seq)
  state.incarnation = incarnation
}

function applyMembership(state: Conversation, event: TimelineEvent): void {
  const gone = event.event === EventKind.left || event.event === EventKind.kicked
  for (const user of event.users) {
    if (gone) state.members.leave(user, event)
    else state.members.join(user, event, event.event === EventKind.created && user === event.from ? 'owner' : 'member')
  }
}

/** Who is not in it now does not hear of it, and nobody is told that they mention themselves. */
function applyMentions(state: Conversation, { mentions, from, seq }: TimelineEvent): void {
  for (const user of mentions) {
    const member = state.members.get(user)
    if (member?.isNow && user !== from) member.mentionSeq = seq
  }
}

/** Takes a refusal or void that consumed its n. Asserts that the lane was there for it. */
export function applySpent(state: Conversation, record: LaneSpent): void {
  const member = state.members.entry(record.from)
  member.lanes.open(record.lane).record(record.n, record.hash, -record.wireCode, 0)
}
