/** A conversation's whole history, through the protocol, several pages at a time. */
import { LIMITS } from '../src/domain/limits.js'
import { HistoryMode } from '../src/protocol/wire-numbers.js'
import type { Participant } from './participant.js'
import type { Timeline } from './timeline.js'

interface Place {
  readonly conversation: string
  readonly conversationKind: number
}

/** Asked for by one reader before the first is answered. */
const PAGES_IN_FLIGHT = 4

/** Fills `timeline` with everything that the conversation holds; returns its head. */
export async function readBack(readers: readonly Participant[], place: Place, timeline: Timeline): Promise<number> {
  for (const reader of readers) reader.reading = timeline
  const { head, completeTo } = await historyEnd(readers[0]!, place, 0, LIMITS.historyLimitMax)
  let next = completeTo
  const pages = async (reader: Participant) => {
    while (next < head) {
      const after = next
      next += LIMITS.historyLimitMax
      await readRange(reader, place, after, Math.min(next, head))
    }
  }
  await Promise.all(readers.flatMap((reader) => Array.from({ length: PAGES_IN_FLIGHT }, () => pages(reader))))
  for (const reader of readers) reader.reading = undefined
  return head
}

/** after < seq ≤ to; an answer may be shorter than asked, and says so. */
async function readRange(reader: Participant, place: Place, after: number, to: number): Promise<void> {
  while (after < to) {
    const end = await historyEnd(reader, place, after, to - after)
    if (end.completeTo <= after) throw new Error(`History of ${place.conversation} does not go on after ${after}`)
    after = end.completeTo
  }
}

async function historyEnd(reader: Participant, place: Place, anchor: number, limit: number) {
  const mode = HistoryMode.after
  const end = await reader.ask((ref) => ({ kind: 'history', ref, mode, ...place, anchor, limit, minSeq: 0 }))
  if (end.kind !== 'history-end') throw new Error(`Cannot read ${place.conversation}: ${JSON.stringify(end)}`)
  return end
}
