/**
 * Bytes → plain objects, with the generated accessors. Trusts its input to be frames: it may throw on others.
 */
import { ByteBuffer } from 'flatbuffers'
import type { DecodedFrame, HeadFacts, InboxEntryFacts, LaneName, WelcomeLimits } from './decoded-frame.js'
import * as wire from './generated/parley/wire.js'

/** The frames of one WebSocket message, or of any run of frames. Contents share memory with `bytes`. */
export function decodeFrames(bytes: Uint8Array): DecodedFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: DecodedFrame[] = []
  let at = 0
  while (at < bytes.byteLength) {
    const end = at + 4 + view.getUint32(at, true)
    if (end > bytes.byteLength)
      throw new RangeError(`a frame at ${at} ends at ${end}, beyond ${bytes.byteLength} bytes`)
    frames.push(decodeFrame(bytes.subarray(at, end)))
    at = end
  }
  return frames
}

/** One frame with its size prefix. */
export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  const frame = wire.Frame.getSizePrefixedRootAsFrame(new ByteBuffer(bytes))
  const type = frame.bodyType()
  switch (type) {
    case wire.Body.Hello:
      return hello(frame.body(new wire.Hello()))
    case wire.Body.Welcome:
      return welcome(frame.body(new wire.Welcome()))
    case wire.Body.Ping: {
      const body: wire.Ping = frame.body(new wire.Ping())
      return { kind: 'ping', ref: body.ref() }
    }
    case wire.Body.Pong: {
      const body: wire.Pong = frame.body(new wire.Pong())
      return { kind: 'pong', ref: body.ref(), serverTime: number(body.serverTime()) }
    }
    case wire.Body.Send: {
      const body: wire.Send = frame.body(new wire.Send())
      const content = body.contentArray() ?? new Uint8Array()
      return { kind: 'send', ...requested(body.request()), ...conversationOf(body), content }
    }
    case wire.Body.Change: {
      const body: wire.Change = frame.body(new wire.Change())
      const users = texts(body.usersLength(), (index) => body.users(index))
      return { kind: 'change', ...requested(body.request()), action: body.action(), ...conversationOf(body), users }
    }
    case wire.Body.Void: {
      const body: wire.Void = frame.body(new wire.Void())
      return { kind: 'void', ...requested(body.request()), ...conversationOf(body) }
    }
    case wire.Body.History:
      return history(frame.body(new wire.History()))
    case wire.Body.Ack:
      return ack(frame.body(new wire.Ack()))
    case wire.Body.Refusal:
      return refusal(frame.body(new wire.Refusal()))
    case wire.Body.Event:
      return event(frame.body(new wire.Event()))
    case wire.Body.Skip: {
      const body: wire.Skip = frame.body(new wire.Skip())
      const range = { from: number(body.from()), to: number(body.to()) }
      return { kind: 'skip', ref: body.ref(), ...conversationOf(body), ...range }
    }
    case wire.Body.HistoryEnd: {
      const body: wire.HistoryEnd = frame.body(new wire.HistoryEnd())
      const range = { from: number(body.from()), completeTo: number(body.completeTo()), head: number(body.head()) }
      return { kind: 'history-end', ref: body.ref(), ...conversationOf(body), ...range }
    }
    case wire.Body.Resume: {
      const body: wire.Resume = frame.body(new wire.Resume())
      const cursor = { incarnation: body.incarnation(), version: number(body.version()) }
      return { kind: 'resume', ref: body.ref(), ...cursor, headsFrom: body.headsFrom(), eventsMax: body.eventsMax() }
    }
    case wire.Body.Mark: {
      const body: wire.Mark = frame.body(new wire.Mark())
      const read = { seq: number(body.seq()), ordinal: number(body.ordinal()) }
      const said = { set: body.set(), flags: body.flags(), incarnation: body.incarnation() }
      return { kind: 'mark', ...requested(body.request()), ...conversationOf(body), ...read, ...said }
    }
    case wire.Body.Inbox:
      return inbox(frame.body(new wire.Inbox()))
    case wire.Body.Members: {
      const body: wire.Members = frame.body(new wire.Members())
      return { kind: 'members', ref: body.ref(), ...conversationOf(body), ...pageOf(body) }
    }
    case wire.Body.MemberList: {
      const body: wire.MemberList = frame.body(new wire.MemberList())
      const users = texts(body.usersLength(), (index) => body.users(index))
      const owners = texts(body.ownersLength(), (index) => body.owners(index))
      const place = { ref: body.ref(), ...conversationOf(body) }
      const readSeqs = Array.from({ length: body.readSeqsLength() }, (_, index) => number(body.readSeqs(index) ?? 0n))
      const counted = { online: body.online(), onlineAt: number(body.onlineAt()), againMs: body.againMs() }
      return {
        kind: 'member-list',
        ...place,
        users,
        owners,
        count: body.count(),
        next: body.next(),
        readSeqs,
        ...counted,
      }
    }
    case wire.Body.Typing: {
      const body: wire.Typing = frame.body(new wire.Typing())
      return { kind: 'typing', ref: body.ref(), ...conversationOf(body), user: body.user() ?? '' }
    }
    case wire.Body.Watch: {
      const body: wire.Watch = frame.body(new wire.Watch())
      return { kind: 'watch', ref: body.ref(), users: texts(body.usersLength(), (index) => body.users(index)) }
    }
    case wire.Body.Presence:
      return presence(frame.body(new wire.Presence()))
    case wire.Body.Receipt: {
      const body: wire.Receipt = frame.body(new wire.Receipt())
      const users = texts(body.usersLength(), (index) => body.users(index))
      const seqs = Array.from({ length: body.seqsLength() }, (_, index) => number(body.seqs(index) ?? 0n))
      return { kind: 'receipt', ...conversationOf(body), users, seqs }
    }
    case wire.Body.SignOut: {
      const body: wire.SignOut = frame.body(new wire.SignOut())
      return { kind: 'sign-out', ref: body.ref(), device: body.device() ?? '' }
    }
    default:
      return { kind: 'unknown', type }
  }
}

function pageOf(body: wire.Members) {
  return { after: body.after(), limit: body.limit(), wantsOnline: body.wantsOnline() }
}

function presence(body: wire.Presence): DecodedFrame {
  const entries = Array.from({ length: body.entriesLength() }, (_, at) => {
    const entry = body.entries(at) ?? missing('entry')
    return { user: entry.user() ?? '', online: entry.online(), lastSeen: number(entry.lastSeen()) }
  })
  return { kind: 'presence', ref: body.ref(), entries }
}

function hello(body: wire.Hello): DecodedFrame {
  return {
    kind: 'hello',
    ref: body.ref(),
    token: body.token() ?? '',
    device: body.device() ?? '',
    lane: laneOf(body.lane()),
  }
}

function welcome(body: wire.Welcome): DecodedFrame {
  return {
    kind: 'welcome',
    ref: body.ref(),
    app: body.app() ?? '',
    user: body.user() ?? '',
    device: body.device() ?? '',
    lane: laneOf(body.lane()),
    heartbeatMs: body.heartbeatMs(),
    serverTime: number(body.serverTime()),
    limits: limitsOf(body.limits() ?? missing('limits')),
  }
}

function history(body: wire.History): DecodedFrame {
  return {
    kind: 'history',
    ref: body.ref(),
    mode: body.mode(),
    ...conversationOf(body),
    anchor: number(body.anchor()),
    limit: body.limit(),
    minSeq: number(body.minSeq()),
  }
}

function ack(table: wire.Ack): DecodedFrame {
  const body = table.body() ?? missing('body')
  return {
    kind: 'ack',
    ref: body.ref(),
    n: number(body.n()),
    seq: number(body.seq()),
    time: number(body.time()),
    flags: body.flags(),
  }
}

function refusal(body: wire.Refusal): DecodedFrame {
  return {
    kind: 'refusal',
    ref: body.ref(),
    code: body.code(),
    retryAfterMs: body.retryAfterMs(),
    n: number(body.n()),
    expected: number(body.expected()),
    name: body.name() ?? '',
    advice: body.advice() ?? '',
  }
}

function event(body: wire.Event): DecodedFrame {
  const stamp = body.stamp() ?? missing('stamp')
  return {
    kind: 'event',
    app: body.app() ?? '',
    conversation: body.conversation() ?? '',
    conversationKind: stamp.conversationKind(),
    from: body.from() ?? '',
    device: body.device() ?? '',
    seq: number(stamp.seq()),
    time: number(stamp.time()),
    ordinal: number(stamp.ordinal()),
    memberSeq: number(stamp.memberSeq()),
    n: number(stamp.n()),
    laneRandom: stamp.laneRandom(),
    lane: stamp.lane(),
    incarnation: stamp.incarnation(),
    hash: stamp.hash(),
    eventKind: stamp.eventKind(),
    users: texts(body.usersLength(), (index) => body.users(index)),
    content: body.contentArray() ?? undefined,
  }
}

function inbox(body: wire.Inbox): DecodedFrame {
  return {
    kind: 'inbox',
    ref: body.ref(),
    incarnation: body.incarnation(),
    prev: number(body.prev()),
    version: number(body.version()),
    entries: Array.from({ length: body.entriesLength() }, (_, index) => inboxEntry(body.entries(index)!)),
    more: body.more(),
    heads: Array.from({ length: body.headsLength() }, (_, index) => head(body.heads(index)!)),
    headsNext: body.headsNext(),
  }
}

function head(entry: wire.Head): HeadFacts {
  return {
    conversationKind: entry.kind(),
    conversation: entry.conversation() ?? '',
    head: number(entry.head()),
    ordinal: number(entry.ordinal()),
    time: number(entry.time()),
    isAway: entry.isAway(),
  }
}

function inboxEntry(entry: wire.InboxEntry): InboxEntryFacts {
  return {
    conversationKind: entry.kind(),
    conversation: entry.conversation() ?? '',
    head: number(entry.head()),
    ordinal: number(entry.ordinal()),
    time: number(entry.time()),
    readSeq: number(entry.readSeq()),
    readOrdinal: number(entry.readOrdinal()),
    isMember: entry.isMember(),
    version: number(entry.version()),
    flags: entry.flags(),
    incarnation: entry.incarnation(),
    mentionSeq: number(entry.mentionSeq()),
    sinceSeq: number(entry.sinceSeq()),
  }
}

function requested(request: wire.Request | null): { ref: number; n: number } {
  if (request === null) return missing('request')
  return { ref: request.ref(), n: number(request.n()) }
}

function conversationOf(body: { kind(): number; conversation(): string | null }) {
  return { conversationKind: body.kind(), conversation: body.conversation() ?? '' }
}

function laneOf(lane: wire.Lane | null): LaneName {
  return lane === null ? { number: 0, random: 0n } : { number: lane.number(), random: lane.random() }
}

function limitsOf(limits: wire.Limits): WelcomeLimits {
  return {
    bodyBytesMax: limits.bodyBytesMax(),
    messageBytesMax: limits.messageBytesMax(),
    inFlightMax: limits.inFlightMax(),
    laneWindow: limits.laneWindow(),
    historyLimitMax: limits.historyLimitMax(),
    usersPerChangeMax: limits.usersPerChangeMax(),
    groupMembersMax: limits.groupMembersMax(),
    framesPerSecondMax: limits.framesPerSecondMax(),
  }
}

function texts(count: number, textAt: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => textAt(index))
}

const EXACT_MAX = BigInt(Number.MAX_SAFE_INTEGER)

function number(value: bigint): number {
  if (value > EXACT_MAX) throw new RangeError(`${value} is not a number that a double can hold`)
  return Number(value)
}

function missing(field: string): never {
  throw new RangeError(`the frame has no ${field}`)
}
