/**
 * Which actor a frame is for, found without decoding text: clients speak to the same few conversations again and again.
 *
 * Each connection remembers its last target; behind that is one table per worker in which every slot keeps the last
 * target with that hash. So it is bounded by itself, and a miss costs no more than decoding would.
 */
import type { Session } from '../actors/peers.js'
import { type ActorKey, ActorKind, actorKey } from '../domain/ids.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { readText } from '../protocol/text-cache.js'
import { BodyType } from '../protocol/wire-numbers.js'
import type { Bytes } from '../std/bytes.js'
import type { Connection } from './connection.js'

export interface Target {
  readonly app: string
  readonly kind: number
  readonly id: Uint8Array
  readonly key: ActorKey
}

/** A power of two; at most about 3 MiB. */
const SLOTS = 8192

export class Targets {
  readonly #slots: (Target | undefined)[] = new Array(SLOTS).fill(undefined)

  /** What the frame that was read from `bytes` is for: the user's inbox, or a conversation. */
  ofFrame(frame: ClientFrame, connection: Connection, { app, inbox }: Session, bytes: Bytes): ActorKey {
    const { type, conversationKind } = frame
    if (type === BodyType.resume || type === BodyType.mark) return inbox
    if (type === BodyType.void && conversationKind === ActorKind.inbox) return inbox // of a mark
    const { conversationStart, conversationEnd } = frame
    const { lastTarget } = connection
    const target = this.find(lastTarget, app, conversationKind, bytes, conversationStart, conversationEnd)
    connection.lastTarget = target
    return target.key
  }

  /** The conversation of `app` whose verified id lies in [start, end). `last` is tried first. */
  find(last: Target | undefined, app: string, kind: number, bytes: Bytes, start: number, end: number): Target {
    if (last !== undefined && isAt(last, app, kind, bytes.u8, start, end)) return last
    const slot = slotOf(kind, bytes.u8, start, end)
    const kept = this.#slots[slot]
    if (kept !== undefined && isAt(kept, app, kind, bytes.u8, start, end)) return kept
    const key = actorKey(app, kind as ActorKind, readText(bytes, start, end))
    const target = { app, kind, id: bytes.u8.slice(start, end), key }
    this.#slots[slot] = target
    return target
  }
}

function isAt(target: Target, app: string, kind: number, u8: Uint8Array, start: number, end: number): boolean {
  const { id } = target
  if (target.kind !== kind || id.length !== end - start || target.app !== app) return false
  for (let index = 0; index < id.length; index++) if (id[index] !== u8[start + index]) return false
  return true
}

/** FNV-1a, folded to the table's size. */
function slotOf(kind: number, u8: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ kind
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ u8[at]!, 0x01000193)
  return (hash ^ (hash >>> 16)) & (SLOTS - 1)
}
