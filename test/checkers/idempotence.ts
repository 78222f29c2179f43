/** A command enters the log once, whoever repeats it and however often. */
import { type History, isOfMode, type LoggedLine, nameOf, type SpentLine } from './history.js'

export function checkOnce(history: History): string[] {
  const seen = new Map<string, LoggedLine>()
  return history.of('logged').flatMap((event) => {
    const names = isOfMode(event) ? [] : [`place ${placeOf(event)} n ${event.n}`]
    if (event.message !== undefined) names.push(`message ${event.message}`)
    return names.flatMap((name) => {
      const first = seen.get(name)
      seen.set(name, first ?? event)
      return first === undefined ? [] : [`${name} is in the log twice: ${nameOf(first)} and ${nameOf(event)}`]
    })
  })
}

export function checkLanes(history: History): string[] {
  const lastOf = new Map<string, number>()
  const wrong: string[] = []
  for (const line of history.lines) {
    if (line.type !== 'logged' && line.type !== 'spent') continue
    if (line.type === 'logged' && isOfMode(line)) continue
    const place = placeOf(line)
    const last = lastOf.get(place) ?? 0
    if (line.n !== last + 1) wrong.push(`in ${place} n ${line.n} follows ${last}`)
    lastOf.set(place, line.n)
  }
  return wrong
}

function placeOf(line: LoggedLine | SpentLine): string {
  return `${line.conversation} ${line.from}/${line.device} lane ${line.lane}`
}
