/**
 * The names of things: who, where, and which shard they fall into.
 *
 * Applications choose ids; we only bound them and forbid control characters, so that a key can join
 * them with U+0000 and a direct conversation can join two users with U+001F, and neither is ambiguous.
 */
import type { Brand } from '../std/brand.js'
import { murmur3 } from '../std/murmur3.js'
import { isWellFormed } from '../std/well-formed.js'

export type AppId = Brand<string, 'AppId'>
export type UserId = Brand<string, 'UserId'>
export type DeviceId = Brand<string, 'DeviceId'>
export type ConversationId = Brand<string, 'ConversationId'>

/** 0 … shardCount - 1. */
export type ShardId = Brand<number, 'ShardId'>

/** A message's place in its conversation: 1, 2, 3… with no gaps; 0 is "before the first". A safe integer. */
export type Seq = number

/** What an actor is of: a user's inbox, a conversation of some kind, or a shard's outbox. Wire numbers; never renumber. */
export const ActorKind = { inbox: 0, direct: 1, group: 2, channel: 3, room: 4, outbox: 5 } as const
export type ActorKind = (typeof ActorKind)[keyof typeof ActorKind]
export type ConversationKind = Exclude<ActorKind, 0 | 5>

/**
 * Lane numbers that no device is ever given: a command of a server over HTTP, for a user or for the app itself. Its random
 * stands for an idempotency key; it is the only one of its lane, with n 1.
 */
export const SERVER_LANE = 0xffff_fffe
export const SYSTEM_LANE = 0xffff_ffff

export function isKeyedLane(number: number): boolean {
  return number >= SERVER_LANE
}

/** An actor's whole name: one string, so that it can be a Map key; `actorKey` makes and `parseActorKey` reads it. */
export type ActorKey = Brand<string, 'ActorKey'>

export interface ActorName {
  readonly app: AppId
  readonly kind: ActorKind
  /** A user id for an inbox, else a conversation id. */
  readonly id: string
}

export const ID_BYTES_MAX = 64
export const CONVERSATION_ID_BYTES_MAX = 128
/** Both users and the separator. */
export const DIRECT_ID_BYTES_MAX = 2 * ID_BYTES_MAX + 1
export const DIRECT_SEPARATOR = '\u001f'
export const SHARD_COUNT_DEFAULT = 256
export const SHARD_HASH = 'murmur3_32'

export function actorKey(app: string, kind: ActorKind, id: string): ActorKey {
  return `${app}\u0000${kind}\u0000${id}` as ActorKey
}

export function parseActorKey(key: ActorKey): ActorName {
  const first = key.indexOf('\u0000')
  const kind = key.charCodeAt(first + 1) - 48
  return { app: key.slice(0, first) as AppId, kind: kind as ActorKind, id: key.slice(first + 3) }
}

const utf8 = new TextEncoder()

/** murmur3_32 over app, U+0000, the kind as a digit, U+0000, id. Vectors: schemas/vectors/shards.json. */
export function shardOf(key: ActorKey, shardCount: number): ShardId {
  if (3 * key.length > scratch.length) return (murmur3(utf8.encode(key)) % shardCount) as ShardId
  const { written } = utf8.encodeInto(key, scratch) // new memory for every key counts toward full collections (ADR 89)
  return (murmur3(scratch.subarray(0, written)) % shardCount) as ShardId
}

const scratch = new Uint8Array(2048)

const CONTROL = /[\u0000-\u001f\u007f]/
/** Decoders drop it from the front of a text, so two ids would become one. */
const BYTE_ORDER_MARK = '\ufeff'

/**
 * True for 1 … `bytesMax` bytes of UTF-8 without control characters and without a byte order mark at the front. A text that
 * UTF-8 cannot carry is none: in memory it would be another user than in the log, where all such texts are one.
 */
export function isId(text: string, bytesMax: number): boolean {
  if (text.length === 0 || text.length > bytesMax || CONTROL.test(text)) return false
  if (text.startsWith(BYTE_ORDER_MARK) || !isWellFormed(text)) return false
  return text.length * 3 <= bytesMax || utf8.encode(text).length <= bytesMax
}

/** The id of the direct conversation of two users, the same for either order. */
export function directId(a: UserId, b: UserId): ConversationId {
  return (byBytes(a, b) <= 0 ? a + DIRECT_SEPARATOR + b : b + DIRECT_SEPARATOR + a) as ConversationId
}

/** The two users of a direct conversation's id, or undefined where it is not one. */
export function usersOfDirect(id: string): readonly [UserId, UserId] | undefined {
  const at = id.indexOf(DIRECT_SEPARATOR)
  if (at < 0) return undefined
  const a = id.slice(0, at)
  const b = id.slice(at + 1)
  if (!isId(a, ID_BYTES_MAX) || !isId(b, ID_BYTES_MAX) || byBytes(a, b) > 0) return undefined
  return [a as UserId, b as UserId]
}

/** UTF-8 byte order, which every language has; UTF-16 order differs above U+FFFF. */
function byBytes(a: string, b: string): number {
  const [x, y] = [utf8.encode(a), utf8.encode(b)]
  for (let at = 0; at < x.length && at < y.length; at++) if (x[at] !== y[at]) return x[at]! - y[at]!
  return x.length - y.length
}

/** Bounds and characters of a conversation id for its kind. */
export function isConversationId(kind: ActorKind, id: string): boolean {
  if (kind === ActorKind.direct) return usersOfDirect(id) !== undefined
  return kind >= ActorKind.group && kind <= ActorKind.room && isId(id, CONVERSATION_ID_BYTES_MAX)
}
