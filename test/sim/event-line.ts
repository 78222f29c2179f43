/** Events as the checkers read them, from wire frames. */
import { decodeContent } from '../../src/protocol/content.js'
import type { EventFrame } from '../../src/protocol/decoded-frame.js'
import { EventKind } from '../../src/protocol/wire-numbers.js'
import { crc32 } from '../../src/std/crc32.js'
import type { EventFacts } from '../checkers/history.js'

const KINDS = new Map(Object.entries(EventKind).map(([name, number]) => [number as number, name as EventFacts['kind']]))

export function eventFactsOf(frame: EventFrame): EventFacts {
  const {
    conversation,
    conversationKind,
    seq,
    from,
    device,
    lane,
    n,
    time,
    ordinal,
    memberSeq,
    incarnation,
    content,
    users,
  } = frame
  const facts = {
    conversation,
    conversationKind,
    seq,
    from,
    device,
    lane,
    n,
    time,
    ordinal,
    memberSeq,
    incarnation,
    users,
  }
  const kind = KINDS.get(frame.eventKind)
  if (kind === undefined) throw new RangeError(`${conversation}#${seq} is of unknown kind ${frame.eventKind}`)
  if (content === undefined || content.byteLength === 0) return { ...facts, kind, digest: 0, mentions: [] }
  const digest = crc32(content, 0, content.byteLength)
  const { messageId, mentions = [] } = decodeContent(content)
  return { ...facts, kind, digest, message: messageName(messageId), mentions }
}

export function messageName(id: bigint): string {
  return id.toString(16).padStart(32, '0')
}
