/** That a client's view has no gap, no repeat, and in the end everything. */
import { appendTo, type History, type SkippedLine } from './history.js'
import { membershipsOf, wasMember } from './membership.js'

/** By client and conversation. */
function placeOf(line: { readonly client: string; readonly conversation: string }): string {
  return `${line.client} in ${line.conversation}`
}

export function checkViews(history: History): string[] {
  const received = new Set<string>()
  const skips = skipsOf(history)
  const lastOf = new Map<string, number>()
  const wrong: string[] = []
  for (const line of history.lines) {
    // The server need not send what a client sent itself: an ack with a seq tells as much.
    if (line.type === 'received' || line.type === 'acked') received.add(`${placeOf(line)} ${line.seq}`)
    if (line.type !== 'shown') continue
    const place = placeOf(line)
    const last = lastOf.get(place)
    if (!received.has(`${place} ${line.seq}`)) wrong.push(`${place} shows ${line.seq}, which it never received`)
    if (last !== undefined && line.seq <= last) wrong.push(`${place} shows ${line.seq} after ${last}`)
    for (let seq = (last ?? line.seq) + 1; seq < line.seq; seq++) {
      if (isSkipped(skips.get(place), seq)) continue
      wrong.push(`${place} shows ${line.seq} after ${last}: ${seq} is missing in silence`)
      break
    }
    lastOf.set(place, line.seq)
  }
  return wrong
}

export function checkCompleteness(history: History): string[] {
  const skips = skipsOf(history)
  const members = membershipsOf(history)
  const shown = new Map<string, Set<number>>()
  for (const line of history.of('shown')) {
    const place = placeOf(line)
    const seqs = shown.get(place)
    if (seqs === undefined) shown.set(place, new Set([line.seq]))
    else seqs.add(line.seq)
  }
  return history.of('settled').flatMap((line) => {
    const place = placeOf(line)
    const events = history.logged.get(line.conversation) ?? []
    const intervals = members.get(line.conversation)?.get(line.user)
    const missing = events
      .map((event) => event.seq)
      .filter((seq) => seq >= line.from && wasMember(intervals, seq))
      .filter((seq) => !shown.get(place)?.has(seq) && !isSkipped(skips.get(place), seq))
    if (missing.length === 0) return []
    return [`${place} settled from ${line.from}, but lacks ${missing.slice(0, 10).join(', ')} of ${events.length}`]
  })
}

function skipsOf(history: History): Map<string, SkippedLine[]> {
  const skips = new Map<string, SkippedLine[]>()
  for (const line of history.of('skipped')) appendTo(skips, placeOf(line), line)
  return skips
}

function isSkipped(skips: readonly SkippedLine[] | undefined, seq: number): boolean {
  return skips?.some(({ from, to }) => from <= seq && seq <= to) ?? false
}
