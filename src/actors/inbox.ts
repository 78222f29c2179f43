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
  lastNumber: number
  /** Newest last, at most LIMITS.lanesPerDeviceMax: the others are retired everywhere. */
  readonly lanes: { readonly number: number; readonly random: bigint }[]
}

export interface Inbox {
  readonly name: ActorName
  readonly devices: Map<string, DeviceLanes>
  readonly list: ConversationList
}

export type LaneDecision =
  | { readonly kind: 'known'; readonly lane: LaneName }
  | { readonly kind: 'open'; readonly lane: LaneName }
  | { readonly kind: 'unknown' }

export function emptyInbox(name: ActorName): Inbox {
  return { name, devices: new Map(), list: new ConversationList() }
}

/** Number 0 asks for the number of `random`, which is the same at every repetition of that Hello. */
export function decideLane(state: Inbox, asked: LaneName): LaneDecision {
  const device = state.devices.get(asked.device)
  const known = device?.lanes.find((lane) => lane.random === asked.random)
  if (known !== undefined && (asked.number === 0 || asked.number === known.number)) {
    return { kind: 'known', lane: { ...asked, number: known.number } }
  }
  if (asked.number !== 0) return { kind: 'unknown' }
  return { kind: 'open', lane: { ...asked, number: (device?.lastNumber ?? 0) + 1 } }
}

export function applyLaneOpened(state: Inbox, lane: LaneName): void {
  const device = state.devices.get(lane.device) ?? { lastNumber: 0, lanes: [] }
  assert(lane.number === device.lastNumber + 1, `lane number ${lane.number} after ${device.lastNumber}`)
  device.lastNumber = lane.number
  device.lanes.push({ number: lane.number, random: lane.random })
  if (device.lanes.length > LIMITS.lanesPerDeviceMax) device.lanes.shift()
  state.devices.set(lane.device, device)
}
