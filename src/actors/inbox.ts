/**
 * A user's inbox: the fold of what the user's shard logged about them. It gives lane numbers (rules §5), holds the
 * conversation list (conversation-list.ts), and takes what the user decides of it.
 *
 * Pure: `decide…` answers, `apply…` changes and cannot refuse.
 */
import type { ActorName } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { RefusalName } from '../domain/refusal.js'
import type { MarkFacts } from '../protocol/mark-record.js'
import { ListFlag } from '../protocol/wire-numbers.js'
import { assert } from '../std/assert.js'
import { ConversationList, type ListEntry } from './conversation-list.js'
import { answerOfLane, type InLane, type LaneAnswer } from './lane-answer.js'
import { type LaneName, UserLanes } from './lanes.js'

/** What the inbox knows of one device: the lanes it may still use, and the highest number given. */
export interface DeviceLanes {
  readonly device: string
  lastNumber: number
  /** Newest last, at most LIMITS.lanesPerDeviceMax: the others are retired everywhere. */
  readonly lanes: { readonly number: number; readonly random: bigint }[]
}

export interface Inbox {
  readonly name: ActorName
  /** Few, and there are many inboxes: a map for each would cost more than all else. */
  devices: DeviceLanes[]
  readonly list: ConversationList
  /** Of the devices' marks; undefined before the first. */
  lanes: UserLanes | undefined
  /** Milliseconds since 1970; 0 before the first time. Of no event: see last-seen.ts. */
  lastSeen: number
}

/** What the user has decided of a conversation. */
export interface Mark extends InLane {
  readonly facts: MarkFacts
}

export type MarkCommand = InLane &
  (
    | {
        readonly kind: 'mark'
        readonly facts: MarkFacts
        /** Of the list in which the user decided it; 0: not said. */
        readonly incarnation: number
      }
    | { readonly kind: 'void' }
  )

/** A command that used up its n and changed nothing. */
export interface InboxSpent extends InLane {
  /** Wire code of the refusal; 0 for a void. */
  readonly wireCode: number
}

export type MarkDecision =
  | { readonly kind: 'accept'; readonly mark: Mark }
  | { readonly kind: 'spend'; readonly spent: InboxSpent; readonly refusal: RefusalName | undefined }
  | LaneAnswer

export type LaneDecision =
  | { readonly kind: 'known'; readonly lane: LaneName }
  | { readonly kind: 'open'; readonly lane: LaneName }
  | { readonly kind: 'unknown' }

export function emptyInbox(name: ActorName): Inbox {
  return { name, devices: [], list: new ConversationList(), lanes: undefined, lastSeen: 0 }
}

/** Number 0 asks for the number of `random`, which is the same at every repetition of that Hello. */
export function decideLane(state: Inbox, asked: LaneName): LaneDecision {
  const device = deviceOf(state, asked.device)
  const known = device?.lanes.find((lane) => lane.random === asked.random)
  if (known !== undefined && (asked.number === 0 || asked.number === known.number)) {
    return { kind: 'known', lane: { ...asked, number: known.number } }
  }
  if (asked.number !== 0) return { kind: 'unknown' }
  return { kind: 'open', lane: { ...asked, number: lastNumberOf(state) + 1 } }
}

/** Numbers grow over all devices of the user: the newest one is never of a device that was forgotten. */
function lastNumberOf({ devices }: Inbox): number {
  let last = 0
  for (const { lastNumber } of devices) if (lastNumber > last) last = lastNumber
  return last
}

export function applyLaneOpened(state: Inbox, lane: LaneName): void {
  const given = { number: lane.number, random: lane.random }
  const device = deviceOf(state, lane.device)
  // Earlier builds counted per device, and their records are in logs.
  const last = device?.lastNumber ?? 0
  assert(lane.number > last && lane.number <= lastNumberOf(state) + 1, `lane number ${lane.number} after ${last}`)
  if (device === undefined) {
    if (state.devices.length >= LIMITS.devicesPerUserMax) forgetOldest(state)
    // Array literals have just the room they need, where `push` makes room for seventeen.
    const lanes = { device: lane.device, lastNumber: lane.number, lanes: [given] }
    if (state.devices.length === 0) state.devices = [lanes]
    else state.devices.push(lanes)
    return
  }
  device.lastNumber = lane.number
  device.lanes.push(given)
  if (device.lanes.length > LIMITS.lanesPerDeviceMax) device.lanes.shift()
}

/** The device that has not opened a lane for the longest. It may come back, and opens another. */
function forgetOldest(state: Inbox): void {
  const oldest = state.devices.reduce((a, b) => (a.lastNumber <= b.lastNumber ? a : b))
  state.devices.splice(state.devices.indexOf(oldest), 1)
}

function deviceOf(state: Inbox, device: string): DeviceLanes | undefined {
  for (const each of state.devices) if (each.device === device) return each
  return undefined
}

/** `incarnation` is that of the log which the list is the fold of. */
export function decideMark(state: Inbox, command: MarkCommand, incarnation: number): MarkDecision {
  const early = answerOfLane(state.lanes, command, command.kind === 'void')
  if (early !== undefined) return early
  const { lane, n, hash } = command
  if (command.kind === 'void') return { kind: 'spend', spent: { lane, n, hash, wireCode: 0 }, refusal: undefined }
  const { facts } = command
  const entry = state.list.get(facts.conversationKind, facts.conversation)
  // Who has just created or joined it knows so before the list does; it uses up no n, and whoever waits too long voids it.
  if (entry === undefined) return { kind: 'refuse', refusal: 'not-listed' }
  if (command.incarnation === incarnation) return { kind: 'accept', mark: { lane, n, hash, facts } }
  if (command.incarnation === 0) return { kind: 'accept', mark: { lane, n, hash, facts: clamped(facts, entry) } }
  return { kind: 'accept', mark: { lane, n, hash, facts: withoutReading(facts) } }
}

/** Who does not say in which history they read may mean a lost one: beyond the head nothing is believed. */
function clamped(facts: MarkFacts, { head, ordinal }: ListEntry): MarkFacts {
  return facts.seq <= head ? facts : { ...facts, seq: head, ordinal }
}

/** What was read was of a history that is lost; what was set is still meant. */
function withoutReading(facts: MarkFacts): MarkFacts {
  if (facts.seq === 0) return facts
  return { ...facts, seq: 0, ordinal: 0, set: facts.set & ~ListFlag.unread }
}

export function applyMark(state: Inbox, { lane, n, hash, facts }: Mark): ListEntry {
  const entry = state.list.mark(facts)
  lanesOf(state).open(lane).record(n, hash, entry.version, 0)
  return entry
}

export function applyInboxSpent(state: Inbox, { lane, n, hash, wireCode }: InboxSpent): void {
  lanesOf(state).open(lane).record(n, hash, -wireCode, 0)
}

function lanesOf(state: Inbox): UserLanes {
  state.lanes ??= new UserLanes()
  return state.lanes
}
