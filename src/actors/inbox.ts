/**
 * A user's inbox: the fold of what the user's shard logged about them. It gives lane numbers (rules §5) and holds the
 * conversation list (conversation-list.ts).
 *
 * Pure: `decideLane` answers, `applyLaneOpened` changes and cannot refuse.
 */
import type { ActorName } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { assert } from '../std/assert.js'
import { ConversationList } from './conversation-list.js'
import type { LaneName } from './lanes.js'

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
}

export type LaneDecision =
  | { readonly kind: 'known'; readonly lane: LaneName }
  | { readonly kind: 'open'; readonly lane: LaneName }
  | { readonly kind: 'unknown' }
  /** The user has as many devices as a user may. */
  | { readonly kind: 'too-many' }

export function emptyInbox(name: ActorName): Inbox {
  return { name, devices: [], list: new ConversationList() }
}

/** Number 0 asks for the number of `random`, which is the same at every repetition of that Hello. */
export function decideLane(state: Inbox, asked: LaneName): LaneDecision {
  const device = deviceOf(state, asked.device)
  const known = device?.lanes.find((lane) => lane.random === asked.random)
  if (known !== undefined && (asked.number === 0 || asked.number === known.number)) {
    return { kind: 'known', lane: { ...asked, number: known.number } }
  }
  if (asked.number !== 0) return { kind: 'unknown' }
  if (device === undefined && state.devices.length >= LIMITS.devicesPerUserMax) return { kind: 'too-many' }
  return { kind: 'open', lane: { ...asked, number: (device?.lastNumber ?? 0) + 1 } }
}

export function applyLaneOpened(state: Inbox, lane: LaneName): void {
  const given = { number: lane.number, random: lane.random }
  const device = deviceOf(state, lane.device)
  assert(lane.number === (device?.lastNumber ?? 0) + 1, `lane number ${lane.number} after ${device?.lastNumber ?? 0}`)
  if (device === undefined) {
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

function deviceOf(state: Inbox, device: string): DeviceLanes | undefined {
  for (const each of state.devices) if (each.device === device) return each
  return undefined
}
