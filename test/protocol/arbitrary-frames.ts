/**
 * Frames drawn by fast-check, within the limits and at them.
 */
import * as fc from 'fast-check'
import { directId, type UserId } from '../../src/domain/ids.js'
import { encodeContent, type MessageContent } from '../../src/protocol/content.js'
import type { EncodableFrame } from '../../src/protocol/decoded-frame.js'

/** What a client says. */
export type ClientFrameKind =
  | ('hello' | 'ping' | 'send' | 'change' | 'void' | 'history' | 'resume' | 'mark')
  | ('members' | 'typing' | 'watch' | 'sign-out')

/** Objects as anyone makes them, so that they can be compared with what a decoder makes. */
const PLAIN = { noNullPrototype: true }

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const u53 = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.maxSafeNat())
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

/** Well-formed text of at most `bytesMax` bytes. */
function text(bytesMax: number): fc.Arbitrary<string> {
  const unit = fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 40 }) }, fc.string({ unit: 'grapheme' }))
  return unit.filter((drawn) => {
    const bytes = Buffer.from(drawn)
    return bytes.length <= bytesMax && bytes.toString() === drawn && !drawn.startsWith('\ufeff')
  })
}

const idUnit = fc.constantFrom(...'abcxyzABZ019-_.:@ äß漢字🙂'.match(/./gu)!)
const user = fc.oneof(fc.string({ unit: idUnit, minLength: 1, maxLength: 16 }), fc.constantFrom('a', 'u'.repeat(64)))
const conversation = fc.oneof(
  fc.record({ conversationKind: fc.integer({ min: 2, max: 4 }), conversation: user }),
  fc.constant({ conversationKind: 2, conversation: 'g'.repeat(128) }),
  fc.tuple(user, user).map(([a, b]) => ({ conversationKind: 1, conversation: directId(a as UserId, b as UserId) })),
)

const message: fc.Arbitrary<MessageContent> = fc.record(
  {
    messageId: fc.tuple(u64, u64).map(([high, low]) => (high << 64n) | low),
    contentType: text(128),
    mentions: fc.array(user, { maxLength: 4 }),
    preview: text(120),
    body: fc.uint8Array({ maxLength: 300 }),
  },
  { requiredKeys: ['messageId', 'mentions'], ...PLAIN },
)
export const arbitraryMessage = message

const content = message.map(encodeContent)
const request = { ref: u32, n: u53.map((drawn) => Math.max(1, drawn)) }
const lane = fc.record({ number: u32, random: u64 }, PLAIN)
const users = fc.array(user, { maxLength: 5 })
const range = { ref: u32, from: u53 }

const limits = fc.record(
  {
    bodyBytesMax: u32,
    messageBytesMax: u32,
    inFlightMax: u32,
    laneWindow: u32,
    historyLimitMax: u32,
    usersPerChangeMax: u32,
    groupMembersMax: u32,
    framesPerSecondMax: u32,
  },
  PLAIN,
)

const stamp = {
  seq: u53,
  time: u53,
  ordinal: u53,
  memberSeq: u53,
  n: u53,
  laneRandom: u64,
  lane: u32,
  incarnation: u32,
  hash: u32,
  eventKind: u16,
}

/** A frame with the given kind, its own fields, and a conversation's. */
function inConversation(kind: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<EncodableFrame> {
  const own = fc.record({ kind: fc.constant(kind), ...fields }, PLAIN)
  return fc.tuple(own, conversation).map(([frame, place]) => ({ ...frame, ...place }) as EncodableFrame)
}

function plain(kind: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<EncodableFrame> {
  return fc.record({ kind: fc.constant(kind), ...fields }, PLAIN) as unknown as fc.Arbitrary<EncodableFrame>
}

export const ARBITRARY_CLIENT_FRAMES: Record<ClientFrameKind, fc.Arbitrary<EncodableFrame>> = {
  hello: plain('hello', { ref: u32, token: text(4096), device: user, lane }),
  ping: plain('ping', { ref: u32 }),
  send: inConversation('send', { ...request, content }),
  change: inConversation('change', { ...request, action: fc.integer({ min: 1, max: 4 }), users }),
  void: inConversation('void', request),
  members: inConversation('members', {
    ref: u32,
    after: u32,
    limit: fc.integer({ min: 1, max: 200 }),
    wantsOnline: fc.boolean(),
  }),
  history: inConversation('history', {
    ref: u32,
    mode: fc.integer({ min: 0, max: 2 }),
    anchor: u53,
    limit: fc.integer({ min: 1, max: 200 }),
    minSeq: u53,
  }),
  mark: inConversation('mark', { ...request, seq: u53, ordinal: u53, set: u16, flags: u16, incarnation: u32 }),
  resume: plain('resume', { ref: u32, incarnation: u32, version: u53, headsFrom: u32, eventsMax: u32 }),
  typing: inConversation('typing', { ref: u32, user: fc.constant('') }),
  watch: plain('watch', { ref: u32, users }),
  'sign-out': plain('sign-out', { ref: u32, device: user }),
}

export const arbitraryClientFrame = fc.oneof(...Object.values(ARBITRARY_CLIENT_FRAMES))

const inboxEntry = fc
  .tuple(
    fc.record(
      {
        head: u53,
        ordinal: u53,
        time: u53,
        readSeq: u53,
        readOrdinal: u53,
        isMember: fc.boolean(),
        version: u53,
        flags: u16,
        incarnation: u32,
        mentionSeq: u53,
        sinceSeq: u53,
      },
      PLAIN,
    ),
    conversation,
  )
  .map(([entry, place]) => ({ ...entry, ...place }))

const head = fc
  .tuple(fc.record({ head: u53, ordinal: u53, time: u53, isAway: fc.boolean() }, PLAIN), conversation)
  .map(([facts, place]) => ({ ...facts, ...place }))

export const arbitraryServerFrame: fc.Arbitrary<EncodableFrame> = fc.oneof(
  plain('welcome', { ref: u32, app: user, user, device: user, lane, heartbeatMs: u32, serverTime: u53, limits }),
  plain('pong', { ref: u32, serverTime: u53 }),
  plain('ack', { ref: u32, n: u53, seq: u53, time: u53, flags: u32 }),
  plain('refusal', {
    ...{ ref: u32, code: u16, retryAfterMs: u32, n: u53, expected: u53 },
    ...{ name: text(40), advice: text(200) },
  }),
  inConversation('event', {
    ...{ app: user, from: user, device: user, users, ...stamp },
    content: fc.option(content, { nil: undefined }),
  }),
  inConversation('skip', { ...range, to: u53 }),
  plain('inbox', {
    ...{ ref: u32, incarnation: u32, prev: u53, version: u53, more: fc.boolean() },
    entries: fc.array(inboxEntry, { maxLength: 4 }),
    heads: fc.array(head, { maxLength: 4 }),
    headsNext: u32,
  }),
  inConversation('member-list', {
    ...{ ref: u32, users, owners: users, count: u32, next: u32, readSeqs: fc.array(u53) },
    ...{ online: u32, onlineAt: u53, againMs: u32 },
  }),
  inConversation('receipt', { users, seqs: fc.array(u53) }),
  inConversation('typing', { ref: u32, user }),
  plain('presence', {
    ref: u32,
    entries: fc.array(fc.record({ user, online: fc.boolean(), lastSeen: u53 }, PLAIN), { maxLength: 4 }),
  }),
  inConversation('history-end', { ...range, completeTo: u53, head: u53 }),
)
