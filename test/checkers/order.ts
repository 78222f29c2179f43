/** The order of timelines, and what senders may expect of it. */
import { appendTo, type History, type InvokedLine, isOfMode, type LoggedLine, nameOf } from './history.js'

export function checkTimelines(history: History): string[] {
  const wrong: string[] = []
  for (const events of history.logged.values()) {
    let seq = 0
    let time = 0
    let ordinal = 0
    let memberSeq = 0
    let mode: LoggedLine['kind'] = 'small'
    for (const event of events) {
      if (event.seq !== seq + 1) wrong.push(`${nameOf(event)} follows seq ${seq}`)
      if (event.time < time) wrong.push(`${nameOf(event)} has time ${event.time}, after ${time}`)
      if (event.kind === 'message') ordinal++
      else if (!isOfMode(event)) memberSeq = event.seq
      else if (event.kind === mode) wrong.push(`${nameOf(event)} says what was so already`)
      else mode = event.kind
      if (event.ordinal !== ordinal) wrong.push(`${nameOf(event)} has ordinal ${event.ordinal}, not ${ordinal}`)
      if (event.memberSeq !== memberSeq)
        wrong.push(`${nameOf(event)} has memberSeq ${event.memberSeq}, not ${memberSeq}`)
      seq = event.seq
      time = event.time
    }
  }
  return wrong
}

interface Placed {
  readonly line: InvokedLine
  readonly seq: number
  readonly lane: number
  readonly ackedAt: number
}

/**
 * Three rules over the messages of a conversation that were accepted: of one client and lane, in the order it sent them; of
 * one client, what was acked in a lane before all that came later and went out in a newer one; of any two, if the ack of
 * one was heard before the other began, in that order. What a client sent first and had to send again in a newer lane may
 * thus stand behind what came later and was on its way in the old one, and nothing else may.
 */
export function checkSenderOrder(history: History): string[] {
  const wrong: string[] = []
  const ackedAt = new Map(history.of('acked').map((line) => [line.command, line.at]))
  const places = new Map(history.of('logged').map(({ message, seq, lane }) => [message, { seq, lane }]))
  const byConversation = new Map<string, Placed[]>()
  for (const line of history.of('invoked')) {
    const place = line.what === 'send' ? places.get(line.command) : undefined
    if (place === undefined) continue
    appendTo(byConversation, line.conversation, {
      line,
      ...place,
      ackedAt: ackedAt.get(line.command) ?? Number.POSITIVE_INFINITY,
    })
  }
  for (const placed of byConversation.values()) wrong.push(...orderOfClients(placed), ...orderInTime(placed))
  return wrong
}

/** The lanes of one client: the last message of each, and the one that stands highest of those that were acked. */
type Lanes = Map<number, { last: Placed; highest: Placed | undefined }>

function orderOfClients(placed: readonly Placed[]): string[] {
  const lanesOf = new Map<string, Lanes>()
  return placed.flatMap((each) => {
    const lanes: Lanes = lanesOf.get(each.line.client) ?? new Map()
    lanesOf.set(each.line.client, lanes)
    const before = [...earlierOf(lanes, each.lane)].filter(({ seq }) => seq >= each.seq)
    const own = lanes.get(each.lane)
    const isHigher = Number.isFinite(each.ackedAt) && each.seq > (own?.highest?.seq ?? 0)
    lanes.set(each.lane, { last: each, highest: isHigher ? each : own?.highest })
    return before.map(
      ({ line, seq }) => `${line.client} sent ${line.command} before ${each.line.command}; seqs ${seq}, ${each.seq}`,
    )
  })
}

/** What must stand below the next message of a lane. */
function* earlierOf(lanes: Lanes, lane: number): Generator<Placed> {
  for (const [number, { last, highest }] of lanes) {
    if (number === lane) yield last
    else if (number < lane && highest !== undefined) yield highest
  }
}

/** By a sweep over time: whatever begins must lie above the highest seq acked before. */
function orderInTime(placed: readonly Placed[]): string[] {
  const acks = [...placed].sort((a, b) => a.ackedAt - b.ackedAt)
  const begins = [...placed].sort((a, b) => a.line.at - b.line.at)
  const wrong: string[] = []
  let next = 0
  let highest: Placed | undefined
  for (const begun of begins) {
    for (; next < acks.length && acks[next]!.ackedAt < begun.line.at; next++) {
      if (highest === undefined || acks[next]!.seq > highest.seq) highest = acks[next]
    }
    if (highest !== undefined && begun.seq <= highest.seq) {
      wrong.push(
        `${begun.line.command} began at ${begun.line.at}, after the ack of ${highest.line.command} (seq ${highest.seq}); it got ${begun.seq}`,
      )
    }
  }
  return wrong
}
