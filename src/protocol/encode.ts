/**
 * Plain objects → bytes, with the generated builder. For clients and tests; what the server writes often has writers of
 * its own (event-frame.ts, answer-frames.ts).
 */
import { Builder } from 'flatbuffers'
import { Bytes, GrowingBytes } from '../std/bytes.js'
import type {
  EncodableFrame,
  EventFrame,
  HeadFacts,
  InboxEntryFacts,
  InboxFrame,
  LaneName,
  WelcomeFrame,
} from './decoded-frame.js'
import { EventTemplate } from './event-frame.js'
import * as wire from './generated/parley/wire.js'
import { addText } from './record-builder.js'
import { BODY_TYPE_NEVER, BodyType } from './wire-numbers.js'

/** One frame with its size prefix, a multiple of 8 bytes; the caller's to keep. */
export function encodeFrame(frame: EncodableFrame): Uint8Array {
  if (frame.kind === 'event') return encodeEvent(frame)
  const builder = new Builder(frame.kind === 'send' ? 256 + frame.content.byteLength : 256)
  builder.prep(8, 0) // raises the alignment that finish() rounds the whole frame up to
  const body = addBody(builder, frame)
  const root = wire.Frame.createFrame(builder, BODY_TYPES[frame.kind], body)
  builder.finishSizePrefixed(root)
  return builder.asUint8Array()
}

/** A frame of a body type that nobody knows: it is counted and skipped. */
export function newerFrame(): Bytes {
  const builder = new Builder(64)
  builder.prep(8, 0)
  builder.startObject(0)
  const body = builder.endObject()
  builder.finishSizePrefixed(wire.Frame.createFrame(builder, BODY_TYPE_NEVER as wire.Body, body))
  return Bytes.over(builder.asUint8Array())
}

/** Several frames as one WebSocket message. */
export function encodeFrames(frames: readonly EncodableFrame[]): Uint8Array {
  const out = new GrowingBytes()
  for (const frame of frames) out.append(encodeFrame(frame))
  return out.written().slice()
}

const BODY_TYPES: Record<Exclude<EncodableFrame['kind'], 'event'>, number> = {
  hello: BodyType.hello,
  welcome: BodyType.welcome,
  ping: BodyType.ping,
  pong: BodyType.pong,
  send: BodyType.send,
  change: BodyType.change,
  void: BodyType.void,
  history: BodyType.history,
  ack: BodyType.ack,
  refusal: BodyType.refusal,
  skip: BodyType.skip,
  'history-end': BodyType.historyEnd,
  mark: BodyType.mark,
  resume: BodyType.resume,
  inbox: BodyType.inbox,
  members: BodyType.members,
  'member-list': BodyType.memberList,
  typing: BodyType.typing,
  watch: BodyType.watch,
  presence: BodyType.presence,
  'sign-out': BodyType.signOut,
  receipt: BodyType.receipt,
}

function encodeEvent(frame: EventFrame): Uint8Array {
  const out = new GrowingBytes(512 + (frame.content?.byteLength ?? 0))
  const template = new EventTemplate(frame, frame.users.length === 0 ? undefined : frame.users)
  if (frame.content === undefined) template.write(out, frame)
  else template.write(out, frame, Bytes.over(frame.content), 0, frame.content.byteLength)
  return out.written()
}

/** Adds the body's table and returns where it is. */
function addBody(builder: Builder, frame: Exclude<EncodableFrame, EventFrame>): number {
  switch (frame.kind) {
    case 'hello': {
      const token = builder.createString(frame.token)
      const device = builder.createString(frame.device)
      wire.Hello.startHello(builder)
      wire.Hello.addRef(builder, frame.ref)
      wire.Hello.addToken(builder, token)
      wire.Hello.addDevice(builder, device)
      wire.Hello.addLane(builder, createLane(builder, frame.lane))
      return wire.Hello.endHello(builder)
    }
    case 'welcome':
      return addWelcome(builder, frame)
    case 'ping':
      return wire.Ping.createPing(builder, frame.ref)
    case 'pong':
      return wire.Pong.createPong(builder, frame.ref, BigInt(frame.serverTime))
    case 'send': {
      builder.prep(8, frame.content.byteLength) // the content's first byte lies at a multiple of 8
      const content = builder.createByteVector(frame.content)
      const conversation = builder.createString(frame.conversation)
      wire.Send.startSend(builder)
      wire.Send.addRequest(builder, createRequest(builder, frame))
      wire.Send.addKind(builder, frame.conversationKind)
      wire.Send.addConversation(builder, conversation)
      wire.Send.addContent(builder, content)
      return wire.Send.endSend(builder)
    }
    case 'change': {
      const users = frame.users.map((user) => builder.createString(user))
      const usersAt = users.length === 0 ? 0 : wire.Change.createUsersVector(builder, users)
      const conversation = builder.createString(frame.conversation)
      wire.Change.startChange(builder)
      wire.Change.addRequest(builder, createRequest(builder, frame))
      wire.Change.addAction(builder, frame.action)
      wire.Change.addKind(builder, frame.conversationKind)
      wire.Change.addConversation(builder, conversation)
      wire.Change.addUsers(builder, usersAt)
      return wire.Change.endChange(builder)
    }
    case 'void': {
      const conversation = builder.createString(frame.conversation)
      wire.Void.startVoid(builder)
      wire.Void.addRequest(builder, createRequest(builder, frame))
      wire.Void.addKind(builder, frame.conversationKind)
      wire.Void.addConversation(builder, conversation)
      return wire.Void.endVoid(builder)
    }
    case 'history': {
      const conversation = builder.createString(frame.conversation)
      const { ref, mode, conversationKind, limit } = frame
      const anchor = BigInt(frame.anchor)
      const minSeq = BigInt(frame.minSeq)
      return wire.History.createHistory(builder, ref, mode, conversationKind, conversation, anchor, limit, minSeq)
    }
    case 'ack': {
      wire.Ack.startAck(builder)
      const { n, seq, time, ref, flags } = frame
      const body = wire.AckBody.createAckBody(builder, BigInt(n), BigInt(seq), BigInt(time), ref, flags)
      wire.Ack.addBody(builder, body)
      return wire.Ack.endAck(builder)
    }
    case 'refusal': {
      const name = builder.createString(frame.name)
      const advice = builder.createString(frame.advice)
      const { ref, code, retryAfterMs } = frame
      const n = BigInt(frame.n)
      const expected = BigInt(frame.expected)
      return wire.Refusal.createRefusal(builder, ref, code, retryAfterMs, n, expected, name, advice)
    }
    case 'skip': {
      const conversation = builder.createString(frame.conversation)
      const { ref, conversationKind, from, to } = frame
      return wire.Skip.createSkip(builder, ref, conversationKind, conversation, BigInt(from), BigInt(to))
    }
    case 'history-end': {
      const conversation = builder.createString(frame.conversation)
      const { ref, conversationKind } = frame
      const [from, completeTo, head] = [BigInt(frame.from), BigInt(frame.completeTo), BigInt(frame.head)]
      return wire.HistoryEnd.createHistoryEnd(builder, ref, conversationKind, conversation, from, completeTo, head)
    }
    case 'mark': {
      const conversation = builder.createString(frame.conversation)
      wire.Mark.startMark(builder)
      wire.Mark.addRequest(builder, createRequest(builder, frame))
      wire.Mark.addKind(builder, frame.conversationKind)
      wire.Mark.addConversation(builder, conversation)
      wire.Mark.addSeq(builder, BigInt(frame.seq))
      wire.Mark.addOrdinal(builder, BigInt(frame.ordinal))
      wire.Mark.addSet(builder, frame.set)
      wire.Mark.addFlags(builder, frame.flags)
      wire.Mark.addIncarnation(builder, frame.incarnation)
      return wire.Mark.endMark(builder)
    }
    case 'resume': {
      const { ref, incarnation, headsFrom, eventsMax } = frame
      return wire.Resume.createResume(builder, ref, incarnation, BigInt(frame.version), headsFrom, eventsMax)
    }
    case 'inbox':
      return addInbox(builder, frame)
    case 'members': {
      const conversation = builder.createString(frame.conversation)
      const { ref, conversationKind, after, limit, wantsOnline } = frame
      return wire.Members.createMembers(builder, ref, conversationKind, conversation, after, limit, wantsOnline)
    }
    case 'member-list': {
      const names = (users: readonly string[]) => users.map((user) => builder.createString(user))
      const users = wire.MemberList.createUsersVector(builder, names(frame.users))
      const owners = wire.MemberList.createOwnersVector(builder, names(frame.owners))
      const conversation = builder.createString(frame.conversation)
      const { ref, conversationKind: kind, count, next } = frame
      const readSeqs = wire.MemberList.createReadSeqsVector(builder, frame.readSeqs.map(BigInt))
      const lists = [users, owners, count, next, readSeqs] as const
      const counted = [frame.online, BigInt(frame.onlineAt), frame.againMs] as const
      return wire.MemberList.createMemberList(builder, ref, kind, conversation, ...lists, ...counted)
    }
    case 'typing': {
      const conversation = builder.createString(frame.conversation)
      const user = frame.user === '' ? 0 : builder.createString(frame.user)
      return wire.Typing.createTyping(builder, frame.ref, frame.conversationKind, conversation, user)
    }
    case 'watch': {
      const users = frame.users.map((user) => builder.createString(user))
      const usersAt = users.length === 0 ? 0 : wire.Watch.createUsersVector(builder, users)
      return wire.Watch.createWatch(builder, frame.ref, usersAt)
    }
    case 'presence': {
      const entries = frame.entries.map(({ user, online, lastSeen }) =>
        wire.PresenceEntry.createPresenceEntry(builder, builder.createString(user), online, BigInt(lastSeen)),
      )
      const entriesAt = entries.length === 0 ? 0 : wire.Presence.createEntriesVector(builder, entries)
      return wire.Presence.createPresence(builder, frame.ref, entriesAt)
    }
    case 'receipt': {
      const users = wire.Receipt.createUsersVector(
        builder,
        frame.users.map((user) => builder.createString(user)),
      )
      const seqs = wire.Receipt.createSeqsVector(builder, frame.seqs.map(BigInt))
      const conversation = builder.createString(frame.conversation)
      return wire.Receipt.createReceipt(builder, frame.conversationKind, conversation, users, seqs)
    }
    case 'sign-out':
      return wire.SignOut.createSignOut(builder, frame.ref, builder.createString(frame.device))
  }
}

function addInbox(builder: Builder, frame: InboxFrame): number {
  const entries = frame.entries.map((entry) => addInboxEntry(builder, entry))
  const entriesAt = entries.length === 0 ? 0 : wire.Inbox.createEntriesVector(builder, entries)
  const heads = frame.heads.map((head) => addHead(builder, head))
  const headsAt = heads.length === 0 ? 0 : wire.Inbox.createHeadsVector(builder, heads)
  const { ref, incarnation, more, headsNext } = frame
  const [prev, version] = [BigInt(frame.prev), BigInt(frame.version)]
  return wire.Inbox.createInbox(builder, ref, incarnation, prev, version, entriesAt, more, headsAt, headsNext)
}

function addHead(builder: Builder, { conversationKind, conversation, head, ordinal, time, isAway }: HeadFacts): number {
  const id = builder.createString(conversation)
  return wire.Head.createHead(builder, conversationKind, id, BigInt(head), BigInt(ordinal), BigInt(time), isAway)
}

function addInboxEntry(builder: Builder, entry: InboxEntryFacts): number {
  return wire.InboxEntry.createInboxEntry(
    builder,
    entry.conversationKind,
    addText(builder, entry.conversation),
    BigInt(entry.head),
    BigInt(entry.ordinal),
    BigInt(entry.time),
    BigInt(entry.readSeq),
    BigInt(entry.readOrdinal),
    entry.isMember,
    BigInt(entry.version),
    entry.flags,
    entry.incarnation,
    BigInt(entry.mentionSeq),
    BigInt(entry.sinceSeq),
  )
}

function addWelcome(builder: Builder, frame: WelcomeFrame): number {
  const { limits } = frame
  const limitsAt = wire.Limits.createLimits(
    builder,
    limits.bodyBytesMax,
    limits.messageBytesMax,
    limits.inFlightMax,
    limits.laneWindow,
    limits.historyLimitMax,
    limits.usersPerChangeMax,
    limits.groupMembersMax,
    limits.framesPerSecondMax,
  )
  const app = builder.createString(frame.app)
  const user = builder.createString(frame.user)
  const device = builder.createString(frame.device)
  wire.Welcome.startWelcome(builder)
  wire.Welcome.addRef(builder, frame.ref)
  wire.Welcome.addApp(builder, app)
  wire.Welcome.addUser(builder, user)
  wire.Welcome.addDevice(builder, device)
  wire.Welcome.addLane(builder, createLane(builder, frame.lane))
  wire.Welcome.addHeartbeatMs(builder, frame.heartbeatMs)
  wire.Welcome.addServerTime(builder, BigInt(frame.serverTime))
  wire.Welcome.addLimits(builder, limitsAt)
  return wire.Welcome.endWelcome(builder)
}

function createRequest(builder: Builder, frame: { readonly n: number; readonly ref: number }): number {
  return wire.Request.createRequest(builder, BigInt(frame.n), frame.ref)
}

function createLane(builder: Builder, lane: LaneName): number {
  return wire.Lane.createLane(builder, lane.random, lane.number)
}
