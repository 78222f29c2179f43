/**
 * Actors as stored rows: one small row each, and for a conversation pages of members with their lanes, so that a
 * message into a group of 10,000 rewrites one page and not the group.
 */

import { CorruptionError } from '../domain/errors.js'
import type { ActorKey, ActorName, ConversationKind, UserId } from '../domain/ids.js'
import { Packer, Unpacker } from '../std/packer.js'
import { type Conversation, emptyConversation } from './conversation.js'
import { type ConversationList, ListEntry } from './conversation-list.js'
import { emptyInbox, type Inbox } from './inbox.js'
import { KeyedOutcomes } from './keyed-outcomes.js'
import { type Lane, UserLanes } from './lanes.js'
import { type Interval, type Member, Members } from './members.js'
import { keepRow } from './row-memory.js'

const VERSION = 9
const packer = new Packer()

export function packConversation(state: Conversation): Uint8Array {
  const { head, ordinal, memberSeq, lastTime, modeSeq, isLarge, toldMemberSeq, incarnation, sinceSeq } = state
  packer.u8(VERSION).u53(head).u53(ordinal).u53(memberSeq).u53(lastTime)
  return packer
    .u53(modeSeq)
    .u8(isLarge ? 1 : 0)
    .u53(toldMemberSeq)
    .u32(incarnation)
    .u53(sinceSeq)
    .take(keepRow)
}

export function packMembers(members: readonly Member[]): Uint8Array {
  packer.u8(VERSION).u32(members.length)
  for (const member of members) {
    packer
      .text(member.user)
      .u32(member.index)
      .u8(member.role === 'owner' ? 1 : 0)
      .u32(member.intervals.length)
    for (const { from, to, fromOrdinal, toOrdinal } of member.intervals) {
      packer.u53(from).u53(to).u53(fromOrdinal).u53(toOrdinal)
    }
    packer.u53(member.readSeq).u53(member.readOrdinal).u53(member.mentionSeq)
    packLanes(member.lanes)
  }
  return packer.take(keepRow)
}

function packLanes(lanes: UserLanes): void {
  packer.u32(lanes.retired.size)
  for (const [device, number] of lanes.retired) packer.text(device).u32(number)
  packer.u32(lanes.lanes.length)
  for (const lane of lanes.lanes) packLane(lane)
  packer.u32(lanes.keyed?.size ?? 0)
  for (const { key, hash, seq, time } of lanes.keyed?.all() ?? []) packer.u64(key).u32(hash).u53(seq).u53(time)
}

function packLane(lane: Lane): void {
  packer.text(lane.name.device).u32(lane.name.number).u64(lane.name.random).u53(lane.last).u8(lane.remembered)
  lane.forEach((_n, hash, outcome, time) => {
    packer.u32(hash).f64(outcome).f64(time)
  })
}

/** Throws CorruptionError where the bytes are not a row of ours. */
export function unpackConversation(
  name: ActorName,
  row: Uint8Array,
  pages: ReadonlyMap<number, Uint8Array>,
): Conversation {
  return reading(name, () => {
    const from = new Unpacker(row)
    expectVersion(from)
    const state: Conversation = {
      ...emptyConversation(name),
      head: from.u53(),
      ordinal: from.u53(),
      memberSeq: from.u53(),
      lastTime: from.u53(),
      modeSeq: from.u53(),
      isLarge: from.u8() === 1,
      toldMemberSeq: from.u53(),
      incarnation: from.u32(),
      sinceSeq: from.u53(),
      members: new Members(),
    }
    for (const page of pages.values()) unpackMembers(state.members, new Unpacker(page))
    return state
  })
}

function unpackMembers(members: Members, from: Unpacker): void {
  expectVersion(from)
  for (let left = from.u32(); left > 0; left--) {
    const user = from.text() as UserId
    const index = from.u32()
    const role = from.u8() === 1 ? 'owner' : 'member'
    const intervals: Interval[] = []
    for (let more = from.u32(); more > 0; more--) {
      intervals.push({ from: from.u53(), to: from.u53(), fromOrdinal: from.u53(), toOrdinal: from.u53() })
    }
    const member = members.restore(user, index, role, intervals)
    member.readSeq = from.u53()
    member.readOrdinal = from.u53()
    member.mentionSeq = from.u53()
    unpackLanes(member.lanes, from)
  }
}

const NO_LANES = new UserLanes()

function unpackInboxLanes(from: Unpacker): UserLanes | undefined {
  const lanes = new UserLanes()
  unpackLanes(lanes, from)
  return lanes.lanes.length > 0 || lanes.retired.size > 0 ? lanes : undefined
}

function unpackLanes(lanes: UserLanes, from: Unpacker): void {
  for (let left = from.u32(); left > 0; left--) lanes.retired.set(from.text(), from.u32())
  const found: Lane[] = []
  for (let left = from.u32(); left > 0; left--) {
    const lane = lanes.open({ device: from.text(), number: from.u32(), random: from.u64() })
    const last = from.u53()
    const count = from.u8()
    lane.startAfter(last - count)
    for (let n = last - count + 1; n <= last; n++) {
      const hash = from.u32()
      const outcome = from.f64()
      lane.record(n, hash, outcome, from.f64())
    }
    found.push(lane)
  }
  lanes.lanes.splice(0, lanes.lanes.length, ...found)
  for (let left = from.u32(); left > 0; left--) {
    lanes.keyed ??= new KeyedOutcomes()
    lanes.keyed.record({ key: from.u64(), hash: from.u32(), seq: from.u53(), time: from.u53() })
  }
}

export function packInbox(state: Inbox): Uint8Array {
  packer.u8(VERSION).u53(state.lastSeen).u32(state.devices.length)
  for (const { device, lastNumber, lanes } of state.devices) {
    packer.text(device).u32(lastNumber).u32(lanes.length)
    for (const { number, random } of lanes) packer.u32(number).u64(random)
  }
  packLanes(state.lanes ?? NO_LANES)
  return packer.u53(state.list.version).take(keepRow)
}

/** One page of the conversation list. */
export function packListPage(entries: readonly ListEntry[]): Uint8Array {
  packer.u8(VERSION).u32(entries.length)
  for (const entry of entries) {
    packer.u8(entry.kind).text(entry.conversation).u32(entry.index)
    packer.u53(entry.head).u53(entry.ordinal).u53(entry.time).u53(entry.memberSeq)
    packer
      .u8(entry.isMember ? 1 : 0)
      .u53(entry.readSeq)
      .u53(entry.readOrdinal)
      .u8(entry.flags)
      .u53(entry.version)
      .u53(entry.modeSeq)
      .u8(entry.isLarge ? 1 : 0)
      .u32(entry.incarnation)
      .u53(entry.sinceSeq)
      .u53(entry.toldReadSeq)
      .u53(entry.mentionSeq)
  }
  return packer.take(keepRow)
}

function unpackListPage(list: ConversationList, from: Unpacker): void {
  expectVersion(from)
  for (let left = from.u32(); left > 0; left--) {
    const entry = new ListEntry(from.u8() as ConversationKind, from.text(), from.u32())
    entry.head = from.u53()
    entry.ordinal = from.u53()
    entry.time = from.u53()
    entry.memberSeq = from.u53()
    entry.isMember = from.u8() === 1
    entry.readSeq = from.u53()
    entry.readOrdinal = from.u53()
    entry.flags = from.u8()
    entry.version = from.u53()
    entry.modeSeq = from.u53()
    entry.isLarge = from.u8() === 1
    entry.incarnation = from.u32()
    entry.sinceSeq = from.u53()
    entry.toldReadSeq = from.u53()
    entry.mentionSeq = from.u53()
    list.restore(entry)
  }
}

/** A page of an outbox: the conversations that owe something. */
export function packOwed(keys: Iterable<ActorKey>): Uint8Array {
  const owed = [...keys]
  packer.u8(VERSION).u32(owed.length)
  for (const key of owed) packer.text(key)
  return packer.take(keepRow)
}

/** Throws CorruptionError where the bytes are not a page of ours. */
export function unpackOwed(name: ActorName, page: Uint8Array): ActorKey[] {
  return reading(name, () => {
    const from = new Unpacker(page)
    expectVersion(from)
    return Array.from({ length: from.u32() }, () => from.text() as ActorKey)
  })
}

/** Throws CorruptionError where the bytes are not a row of ours. */
export function unpackInbox(name: ActorName, row: Uint8Array, pages: ReadonlyMap<number, Uint8Array>): Inbox {
  return reading(name, () => {
    const from = new Unpacker(row)
    expectVersion(from)
    const state = emptyInbox(name)
    state.lastSeen = from.u53()
    state.devices = listOf(from, () => {
      const device = from.text()
      const lastNumber = from.u32()
      return { device, lastNumber, lanes: listOf(from, () => ({ number: from.u32(), random: from.u64() })) }
    })
    state.lanes = unpackInboxLanes(from)
    state.list.version = from.u53()
    for (const page of pages.values()) unpackListPage(state.list, new Unpacker(page))
    return state
  })
}

/** Of an inbox' row, and nothing else of it. Throws CorruptionError where the bytes are not a row of ours. */
export function lastSeenOfRow(name: ActorName, row: Uint8Array): number {
  return reading(name, () => {
    const from = new Unpacker(row)
    expectVersion(from)
    return from.u53()
  })
}

/** With just the room it needs. */
function listOf<Item>(from: Unpacker, read: () => Item): Item[] {
  return Array.from({ length: from.u32() }, read)
}

function expectVersion(from: Unpacker): void {
  const version = from.u8()
  if (version !== VERSION) throw new RangeError(`version ${version}`)
}

function reading<State>(name: ActorName, read: () => State): State {
  try {
    return read()
  } catch (cause) {
    throw new CorruptionError(`Cannot read the row of ${JSON.stringify(name)}`, { cause })
  }
}
