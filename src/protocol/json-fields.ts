/**
 * The fields of every frame and how each is written in JSON: what subprotocol `parley.v1.json` is, as one table for both
 * directions (json-frames.ts).
 *
 * Names are those of schemas/wire.fbs. The fields of the structs Request, Stamp and AckBody stand in the frame itself; a
 * conversation's kind is `kind`, the frame's own is `type`.
 */
import type { EncodableFrame, HeadFacts, InboxEntryFacts, WelcomeLimits } from './decoded-frame.js'
import { ChangeAction, ConversationKind, EventKind, HistoryMode } from './generated/parley/wire.js'

/** A value of an enum: its name, or a number up to `max` where it has none. */
export interface Named {
  /** Value → name, and back. */
  readonly names: Readonly<Record<string | number, string | number>>
  readonly max: number
}

/** u16, u32, u53: a number; u53s: a list of them. u64: a decimal string, since a double cannot hold it. flag: true or false. */
export type Form =
  | ('u16' | 'u32' | 'u53' | 'u53s' | 'u64' | 'flag' | 'text' | 'texts' | 'content' | 'content, or none')
  | (Named | Nested | Listed)

/** An object of its own. */
export interface Nested {
  readonly fields: Fields
}

/** A list of objects. */
export interface Listed {
  readonly each: Fields
}

export type Fields = Readonly<Record<string, Form>>

type FieldsOf<T> = { readonly [Name in Exclude<keyof T, 'kind'>]-?: Form }

const ref = 'u32'
const request = { ref, n: 'u53' } as const
const place = { conversationKind: byte(ConversationKind), conversation: 'text' } as const
const lane = { fields: { number: 'u32', random: 'u64' } } as const

const limits = {
  bodyBytesMax: 'u32',
  messageBytesMax: 'u32',
  inFlightMax: 'u32',
  laneWindow: 'u32',
  historyLimitMax: 'u32',
  usersPerChangeMax: 'u32',
  groupMembersMax: 'u32',
  framesPerSecondMax: 'u32',
} as const satisfies FieldsOf<WelcomeLimits>

const entry = {
  ...place,
  ...{ head: 'u53', ordinal: 'u53', time: 'u53', readSeq: 'u53', readOrdinal: 'u53', isMember: 'flag', version: 'u53' },
  ...{ flags: 'u16', incarnation: 'u32', mentionSeq: 'u53', sinceSeq: 'u53' },
} as const satisfies FieldsOf<InboxEntryFacts>

const head = {
  ...place,
  ...{ head: 'u53', ordinal: 'u53', time: 'u53', isAway: 'flag' },
} as const satisfies FieldsOf<HeadFacts>

export const FRAME_FIELDS = {
  hello: { ref, token: 'text', device: 'text', lane },
  welcome: {
    ref,
    app: 'text',
    user: 'text',
    device: 'text',
    lane,
    heartbeatMs: 'u32',
    serverTime: 'u53',
    limits: { fields: limits },
  },
  ping: { ref },
  pong: { ref, serverTime: 'u53' },
  send: { ...request, ...place, content: 'content' },
  change: { ...request, ...place, action: byte(ChangeAction), users: 'texts' },
  void: { ...request, ...place },
  history: { ref, ...place, mode: byte(HistoryMode), anchor: 'u53', limit: 'u32', minSeq: 'u53' },
  ack: { ...request, seq: 'u53', time: 'u53', flags: 'u32' },
  refusal: {
    ...request,
    code: 'u16',
    retryAfterMs: 'u32',
    expected: 'u53',
    name: 'text',
    advice: 'text',
  },
  event: {
    ...{ app: 'text', ...place, from: 'text', device: 'text' },
    ...{ seq: 'u53', time: 'u53', ordinal: 'u53', memberSeq: 'u53', n: 'u53', laneRandom: 'u64', lane: 'u32' },
    ...{ incarnation: 'u32', hash: 'u32', eventKind: { names: EventKind, max: 0xffff }, users: 'texts' },
    content: 'content, or none',
  },
  skip: { ref, ...place, from: 'u53', to: 'u53' },
  members: { ref, ...place, after: 'u32', limit: 'u32', wantsOnline: 'flag' },
  'member-list': {
    ...{ ref, ...place, users: 'texts', owners: 'texts', count: 'u32', next: 'u32', readSeqs: 'u53s' },
    ...{ online: 'u32', onlineAt: 'u53', againMs: 'u32' },
  },
  'history-end': { ref, ...place, from: 'u53', completeTo: 'u53', head: 'u53' },
  mark: { ...request, ...place, seq: 'u53', ordinal: 'u53', set: 'u16', flags: 'u16', incarnation: 'u32' },
  resume: { ref, incarnation: 'u32', version: 'u53', headsFrom: 'u32', eventsMax: 'u32' },
  inbox: {
    ...{ ref, incarnation: 'u32', prev: 'u53', version: 'u53', entries: { each: entry }, more: 'flag' },
    ...{ heads: { each: head }, headsNext: 'u32' },
  },
  typing: { ref, ...place, user: 'text' },
  watch: { ref, users: 'texts' },
  presence: { ref, entries: { each: { user: 'text', online: 'flag', lastSeen: 'u53' } } },
  'sign-out': { ref, device: 'text' },
  receipt: { ...place, users: 'texts', seqs: 'u53s' },
} as const satisfies {
  readonly [Kind in EncodableFrame['kind']]: FieldsOf<Extract<EncodableFrame, { readonly kind: Kind }>>
}

const BY_TYPE = new Map(Object.entries<Fields>(FRAME_FIELDS).map(([kind, fields]) => [typeOf(kind), { kind, fields }]))

/** The frame that JSON names so; undefined for one that is newer than this build, or none. */
export function frameOfType(type: string): { readonly kind: string; readonly fields: Fields } | undefined {
  return BY_TYPE.get(type)
}

function byte(names: Named['names']): Named {
  return { names, max: 0xff }
}

/** How JSON calls a frame. */
export function typeOf(kind: string): string {
  return kind.replace('-', '_')
}

const NAMES = new Map<string, string>()

/** How JSON calls a field: `retryAfterMs` is `retry_after_ms`. */
export function jsonName(field: string): string {
  let name = NAMES.get(field)
  if (name === undefined) {
    name = field === 'conversationKind' ? 'kind' : field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    NAMES.set(field, name)
  }
  return name
}
