/** Events as the checkers read them, from wire frames. */
import { decodeContent } from '../../src/protocol/content.js'
import type { EventFrame } from '../../src/protocol/decoded-frame.js'
import { EventKind } from '../../src/protocol/wire-numbers.js'
import { crc32 } from '../../src/std/crc32.js'
import type { EventFacts } from '../checkers/history.js'

const KINDS = new Map(Object.entries(EventKind).map(([name, number]) => [number as number, name as EventFacts['kind']]))

/** One literal, not parts put together: V8 adds what follows a spread property by property, at a microsecond each. */
export function eventFactsOf(frame: EventFrame): EventFacts {
  const { conversation, seq, content } = frame
  const kind = KINDS.get(frame.eventKind)
  if (kind === undefined) throw new RangeError(`${conversation}#${seq} is of unknown kind ${frame.eventKind}`)
  const isEmpty = content === undefined || content.byteLength === 0
  const read = isEmpty ? undefined : decodeContent(content)
  const facts: { -readonly [Key in keyof EventFacts]: EventFacts[Key] } = {
    conversation,
    conversationKind: frame.conversationKind,
    seq,
    from: frame.from,
    device: frame.device,
    lane: frame.lane,
    n: frame.n,
    time: frame.time,
    ordinal: frame.ordinal,
    memberSeq: frame.memberSeq,
    incarnation: frame.incarnation,
    users: frame.users,
    kind,
    digest: isEmpty ? 0 : crc32(content, 0, content.byteLength),
    mentions: read?.mentions ?? [],
  }
  if (read !== undefined) facts.message = messageName(read.messageId)
  return facts
}

export function messageName(id: bigint): string {
  return id.toString(16).padStart(32, '0')
}
