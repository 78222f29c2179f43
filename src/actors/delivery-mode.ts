/**
 * How the lists of a conversation's members hear where it stands: by records in their user shards (pointers), or, where it
 * is large, by asking when they are read (read fan-out, rules §7). A fact of the timeline, so that every owner and every
 * user shard can tell which of two words on it is the later one.
 *
 * Pure: `decideMode` says what is due, `applyMode` takes it and cannot refuse.
 */
import { ActorKind, type DeviceId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { EventKind } from '../protocol/wire-numbers.js'
import type { EpochMs } from '../std/clock.js'
import type { Conversation, TimelineEvent } from './conversation.js'

export interface DeliveryModeLimits {
  /** With more members than this a conversation becomes large. */
  readonly largeMembersMin: number
  /** With so many or fewer it is small again; the room between keeps it from going to and fro. */
  readonly smallMembersMax: number
}

export const DELIVERY_MODE: DeliveryModeLimits = LIMITS

/** Nobody's command, so it has no lane. */
const NOBODY = { device: '' as DeviceId, number: 0, random: 0n }

/** The event that is due behind a change of membership, if one is. */
export function decideMode(state: Conversation, limits: DeliveryModeLimits, now: EpochMs): TimelineEvent | undefined {
  if (state.name.kind !== ActorKind.group && state.name.kind !== ActorKind.channel) return undefined
  const { count } = state.members
  const isDue = state.isLarge ? count <= limits.smallMembersMax : count > limits.largeMembersMin
  if (!isDue) return undefined
  return {
    event: state.isLarge ? EventKind.small : EventKind.large,
    seq: state.head + 1,
    time: Math.max(now, state.lastTime),
    ordinal: state.ordinal,
    memberSeq: state.memberSeq,
    from: '' as UserId,
    lane: NOBODY,
    n: 0,
    hash: 0,
    users: [],
    mentions: [],
  }
}

export function isOfMode(event: EventKind): boolean {
  return event === EventKind.large || event === EventKind.small
}

export function applyMode(state: Conversation, { event, seq }: TimelineEvent): void {
  state.modeSeq = seq
  state.isLarge = event === EventKind.large
}
