/**
 * What schemas/vectors/ shows: every kind of frame, and the edges where encoders differ.
 */
import type { ActorKind } from '../../src/domain/ids.js'
import type { RefusalName } from '../../src/domain/refusal.js'
import { encodeContent, type MessageContent } from '../../src/protocol/content.js'
import type { EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { AckFlag, ChangeAction, EventKind, HistoryMode } from '../../src/protocol/wire-numbers.js'

const TEXT = new TextEncoder()
const MAX_53 = Number.MAX_SAFE_INTEGER
const MAX_64 = 2n ** 64n - 1n
const NOON = 1_770_000_000_000

const lunch = { conversationKind: 2, conversation: 'lunch' }
const news = { conversationKind: 3, conversation: 'news' }
const lobby = { conversationKind: 4, conversation: 'lobby' }
const aliceBob = { conversationKind: 1, conversation: 'alice\u001fbob' }

export const CONTENTS: Record<string, MessageContent> = {
  'only a message id': { messageId: 1n },
  'text with everything': {
    messageId: 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210n,
    contentType: 'text/plain',
    mentions: ['bob', 'Zoë', '会員'],
    preview: 'Lunch at noon? 🍜',
    body: TEXT.encode('Lunch at noon? 🍜 The usual place.'),
  },
  'the largest message id, an empty body': { messageId: 2n ** 128n - 1n, body: new Uint8Array(0) },
  'encrypted: no preview': { messageId: 2n, contentType: 'application/x-cipher', body: Uint8Array.of(0, 255, 128, 7) },
}

const hi = encodeContent({ messageId: 7n, contentType: 'text/plain', preview: 'Hi', body: TEXT.encode('Hi') })

const stamp = {
  ...{ seq: 42, time: NOON, ordinal: 40, memberSeq: 3, n: 9, laneRandom: 0xfedc_ba98_7654_3210n, lane: 1 },
  ...{ incarnation: 1, hash: 0xdead_beef, eventKind: EventKind.message },
}
const nobody = { from: '', device: '' }
const mode = { n: 0, lane: 0, laneRandom: 0n, hash: 0 }
const created = { ...stamp, seq: 1, ordinal: 0, memberSeq: 1, n: 1, eventKind: EventKind.created }
const largest = {
  ...{ seq: MAX_53, time: MAX_53, ordinal: MAX_53, memberSeq: MAX_53, n: MAX_53, laneRandom: MAX_64 },
  ...{ lane: 2 ** 32 - 1, incarnation: 2 ** 32 - 1, hash: 2 ** 32 - 1, eventKind: 65535 },
}
const event = { kind: 'event', app: 'shop', from: 'alice', device: 'phone', users: [], content: undefined } as const
const limits = {
  ...{ bodyBytesMax: 65_536, messageBytesMax: 262_144, inFlightMax: 256, laneWindow: 64 },
  ...{ historyLimitMax: 200, usersPerChangeMax: 500, groupMembersMax: 10_000, framesPerSecondMax: 20_000 },
}

// Names and advice are for people and may be reworded; these are not the catalogue's.
const refusal = { kind: 'refusal', ref: 7, retryAfterMs: 0, n: 0, expected: 0, advice: 'what to do' } as const

const read = { readSeq: 41, readOrdinal: 39, mentionSeq: 40 }
const entry = {
  head: 42,
  ordinal: 40,
  time: NOON,
  ...read,
  isMember: true,
  version: 17,
  flags: 2,
  incarnation: 1,
  sinceSeq: 1,
}

export const FRAMES: Record<string, EncodableFrame> = {
  'hello, asking for a lane': {
    kind: 'hello',
    ref: 1,
    token: 'a.b.c',
    device: 'phone',
    lane: { number: 0, random: 1n },
  },
  'hello, with a lane': {
    kind: 'hello',
    ref: 1,
    token: 'a.b.c',
    device: 'Zoës 📱',
    lane: { number: 3, random: MAX_64 },
  },
  welcome: {
    ...{ kind: 'welcome', ref: 1, app: 'shop', user: 'alice', device: 'phone' },
    ...{ lane: { number: 1, random: 2n ** 63n }, heartbeatMs: 25_000, serverTime: NOON, limits },
  },
  ping: { kind: 'ping', ref: 2 },
  'ping, its ref left out because it is 0': { kind: 'ping', ref: 0 },
  pong: { kind: 'pong', ref: 2, serverTime: NOON },
  'send to a group': { kind: 'send', ref: 3, n: 1, ...lunch, content: hi },
  'send to a user': { kind: 'send', ref: 2 ** 32 - 1, n: MAX_53, ...aliceBob, content: hi },
  'send to a channel': { kind: 'send', ref: 3, n: 1, ...news, content: hi },
  create: { kind: 'change', ref: 4, n: 2, ...lunch, action: ChangeAction.create, users: ['bob', 'Zoë', '会員'] },
  'create, a room': { kind: 'change', ref: 4, n: 1, ...lobby, action: ChangeAction.create, users: [] },
  invite: { kind: 'change', ref: 5, n: 3, ...lunch, action: ChangeAction.invite, users: ['dora', 'Zoë'] },
  kick: { kind: 'change', ref: 5, n: 3, ...lunch, action: ChangeAction.kick, users: ['bob'] },
  leave: { kind: 'change', ref: 5, n: 3, ...lunch, action: ChangeAction.leave, users: [] },
  void: { kind: 'void', ref: 6, n: 4, ...aliceBob },
  'history, the latest': {
    kind: 'history',
    ref: 7,
    ...lunch,
    mode: HistoryMode.before,
    anchor: 0,
    limit: 50,
    minSeq: 0,
  },
  'history, after': { kind: 'history', ref: 7, ...lunch, mode: HistoryMode.after, anchor: 41, limit: 200, minSeq: 42 },
  'history, around': {
    kind: 'history',
    ref: 7,
    ...aliceBob,
    mode: HistoryMode.around,
    anchor: 42,
    limit: 20,
    minSeq: 0,
  },
  ack: { kind: 'ack', ref: 3, n: 1, seq: 42, time: NOON, flags: 0 },
  'ack of a resend': { kind: 'ack', ref: 3, n: 1, seq: 42, time: NOON, flags: AckFlag.duplicate },
  'ack without a seq': { kind: 'ack', ref: 3, n: 1, seq: 0, time: 0, flags: AckFlag.alreadyAccepted },
  'refusal, fix the request': { ...refusal, code: 1103, name: 'body-too-large', n: 1 },
  'refusal, wait': { ...refusal, code: 1201, name: 'mailbox-full', n: 1, retryAfterMs: 250 },
  'refusal, a gap': { ...refusal, code: 1203, name: 'send-gap', n: 9, expected: 8 },
  'refusal of the connection, reconnect': { ...refusal, ref: 0, code: 1301, name: 'draining', retryAfterMs: 1204 },
  'refusal, not allowed': { ...refusal, code: 1401, name: 'not-member', n: 1 },
  'event, a message': { ...event, ...lunch, ...stamp, content: hi },
  'event, a message to a user': { ...event, ...aliceBob, ...stamp, content: hi },
  'event, a group was created': { ...event, ...lunch, ...created, users: ['alice', 'bob', 'Zoë', '会員'] },
  'event, somebody joined': { ...event, ...lunch, ...stamp, eventKind: EventKind.joined, users: ['bob', 'Zoë'] },
  'event, somebody left': { ...event, ...lunch, ...stamp, eventKind: EventKind.left, users: ['alice'] },
  'event, somebody was kicked': { ...event, ...lunch, ...stamp, eventKind: EventKind.kicked, users: ['bob'] },
  'event, lists read its head from here on': {
    ...event,
    ...nobody,
    ...lunch,
    ...stamp,
    ...mode,
    eventKind: EventKind.large,
  },
  'event, lists hear of it again': { ...event, ...nobody, ...lunch, ...stamp, ...mode, eventKind: EventKind.small },
  'event, the largest numbers': { ...event, ...lunch, ...largest },
  skip: { kind: 'skip', ref: 0, ...lunch, from: 3, to: 41 },
  'skip, in an answer to history': { kind: 'skip', ref: 7, ...lunch, from: 1, to: 2 },
  'members, the second page': { kind: 'members', ref: 8, ...lunch, after: 200, limit: 200, wantsOnline: false },
  'members, and how many are online': { kind: 'members', ref: 8, ...lunch, after: 0, limit: 1, wantsOnline: true },
  'member list, a first page': {
    ...{
      kind: 'member-list',
      ref: 8,
      ...lunch,
      users: ['alice'],
      owners: ['alice'],
      count: 202,
      next: 200,
      readSeqs: [42],
      ...{ online: 17, onlineAt: NOON, againMs: 5_000 },
    },
  },
  'member list': {
    kind: 'member-list',
    ref: 8,
    ...lunch,
    users: ['alice', 'Zoë'],
    owners: ['alice'],
    count: 202,
    next: 0,
    readSeqs: [42, 0],
    ...{ online: 0, onlineAt: 0, againMs: 0 },
  },
  'history end': { kind: 'history-end', ref: 7, ...lunch, from: 42, completeTo: 50, head: 60 },
  'mark, read up to here': {
    ...{ kind: 'mark', ref: 9, n: 1, ...lunch, seq: 42, ordinal: 40, set: 0, flags: 0, incarnation: 1 },
  },
  'mark, pinned and no longer muted': {
    ...{ kind: 'mark', ref: 9, n: 2, ...lunch, seq: 0, ordinal: 0, set: 6, flags: 4, incarnation: 0 },
  },
  'void of a mark': { kind: 'void', ref: 9, n: 3, conversationKind: 0, conversation: '' },
  'resume, knowing nothing': { kind: 'resume', ref: 8, incarnation: 0, version: 0, headsFrom: 0, eventsMax: 0 },
  'resume, from a cursor': { kind: 'resume', ref: 8, incarnation: 1, version: MAX_53, headsFrom: 0, eventsMax: 0 },
  'resume, heads of large conversations': {
    kind: 'resume',
    ref: 8,
    incarnation: 1,
    version: 19,
    headsFrom: 1,
    eventsMax: 0,
  },
  'resume, with first events': { kind: 'resume', ref: 8, incarnation: 1, version: 19, headsFrom: 0, eventsMax: 50 },
  'inbox, an answer': {
    ...{ kind: 'inbox', ref: 8, incarnation: 1, prev: 0, version: 18, more: true, heads: [], headsNext: 0 },
    entries: [
      { ...lunch, ...entry },
      { ...aliceBob, ...entry, isMember: false, version: 18 },
    ],
  },
  'inbox, a step': {
    ...{ kind: 'inbox', ref: 0, incarnation: 1, prev: 18, version: 19, more: false, heads: [], headsNext: 0 },
    entries: [{ ...lunch, ...entry, version: 19 }],
  },
  'inbox, heads of large conversations': {
    ...{ kind: 'inbox', ref: 8, incarnation: 0, prev: 0, version: 0, entries: [], more: false, headsNext: 501 },
    heads: [
      { ...lunch, head: 60, ordinal: 55, time: NOON, isAway: false },
      { conversationKind: 3, conversation: 'news', head: 0, ordinal: 0, time: 0, isAway: true },
    ],
  },
  'typing, from a client': { kind: 'typing', ref: 9, ...lunch, user: '' },
  'typing, to a client': { kind: 'typing', ref: 0, ...aliceBob, user: 'alice' },
  'watch two users': { kind: 'watch', ref: 10, users: ['bob', 'Zoë'] },
  'watch nobody': { kind: 'watch', ref: 10, users: [] },
  'presence, an answer': {
    ...{ kind: 'presence', ref: 10 },
    entries: [
      { user: 'bob', online: true, lastSeen: 0 },
      { user: 'Zoë', online: false, lastSeen: NOON },
    ],
  },
  receipt: { kind: 'receipt', ...lunch, users: ['alice', 'Zoë'], seqs: [42, 40] },
  'sign out a device': { kind: 'sign-out', ref: 11, device: 'tablet' },
  'inbox, a beacon': {
    ...{ kind: 'inbox', ref: 0, incarnation: 1, prev: 19, version: 19, more: false, entries: [] },
    ...{ heads: [], headsNext: 0 },
  },
}

const send = { kind: 'send', ref: 3, n: 1, ...lunch, content: hi } as const

export const REFUSED: Record<string, readonly [Uint8Array, RefusalName]> = {
  'a size beyond the message': [encodeFrame(send).slice(0, -8), 'bad-frame'],
  'a version of 2^53': [
    encodeFrame({ kind: 'resume', ref: 8, incarnation: 1, version: 2 ** 53, headsFrom: 0, eventsMax: 0 }),
    'bad-frame',
  ],
  'n is 0': [encodeFrame({ ...send, n: 0 }), 'bad-frame'],
  'n is 2^53': [encodeFrame({ ...send, n: 2 ** 53 }), 'bad-frame'],
  'what only a server says': [encodeFrame({ kind: 'pong', ref: 1, serverTime: 1 }), 'bad-frame'],
  'a change of no kind': [encodeFrame({ kind: 'change', ref: 4, n: 2, ...lunch, action: 0, users: [] }), 'bad-frame'],
  'no conversation id': [encodeFrame({ ...send, conversation: '' }), 'bad-id'],
  'a control character': [encodeFrame({ ...send, conversation: 'lunch\n' }), 'bad-id'],
  'a byte order mark': [encodeFrame({ ...send, conversation: '\ufefflunch' }), 'bad-id'],
  'users in the wrong order': [encodeFrame({ ...send, conversationKind: 1, conversation: 'bob\u001falice' }), 'bad-id'],
  'a content that is none': [encodeFrame({ ...send, content: TEXT.encode('Hi') }), 'bad-content'],
  'a preview of 121 bytes': [
    encodeFrame({ ...send, content: encodeContent({ messageId: 1n, preview: 'p'.repeat(121) }) }),
    'bad-content',
  ],
  'members without a limit': [
    encodeFrame({ kind: 'members', ref: 8, ...lunch, after: 0, limit: 0, wantsOnline: false }),
    'bad-history',
  ],
  'history without a limit': [
    encodeFrame({ kind: 'history', ref: 7, ...lunch, mode: 0, anchor: 0, limit: 0, minSeq: 0 }),
    'bad-history',
  ],
}

/** App, kind, id, shardCount. */
export const SHARDS: readonly [string, ActorKind, string, number][] = [
  ['shop', 0, 'alice', 256],
  ['shop', 1, 'alice\u001fbob', 256],
  ['shop', 2, 'lunch', 256],
  ['shop', 3, 'lunch', 256],
  ['shop', 4, 'Zoës Küche 🍜', 256],
  ['game', 2, 'lunch', 256],
  ['shop', 2, 'lunch', 1000],
  ['a', 0, 'u'.repeat(64), 256],
]
