/**
 * What owners answer to History, as `/v1` says it.
 */
import type { z } from 'zod'
import { SYSTEM_LANE } from '../../domain/ids.js'
import type { DecodedFrame, EventFrame } from '../../protocol/decoded-frame.js'
import { contentToJson } from '../../protocol/json-content.js'
import { EventKind } from '../../protocol/wire-numbers.js'
import { assert } from '../../std/assert.js'
import type * as schemas from './schemas.js'

type Event = z.infer<typeof schemas.Event>

const KIND_NAMES = new Map<number, string>(Object.entries(EventKind).map(([name, number]) => [number, name]))

/** `frames` end with a history-end. */
export function historyOf(frames: readonly DecodedFrame[]): z.infer<typeof schemas.History> {
  const end = frames.at(-1)
  assert(end?.kind === 'history-end', 'an answer to History ends with history-end')
  return {
    events: frames.flatMap((frame) => (frame.kind === 'event' ? eventOf(frame) : [])),
    skips: frames.flatMap((frame) => (frame.kind === 'skip' ? { from: frame.from, to: frame.to } : [])),
    from: end.from,
    complete_to: end.completeTo,
    head: end.head,
  }
}

function eventOf({ eventKind, seq, time, ordinal, from, device, lane, users, content }: EventFrame): Event {
  return {
    event_kind: KIND_NAMES.get(eventKind) as Event['event_kind'],
    ...{ seq, time, ordinal, from, device },
    of_app: lane === SYSTEM_LANE,
    users: [...users],
    ...(content !== undefined && { content: contentToJson(content) as Event['content'] }),
  }
}
