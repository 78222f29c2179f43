/** What happened in a world, in order, for a person to read: who asked, who was told, what broke, what was expected. */
import type { HistoryLine } from '../checkers/history.js'
import type { World } from './world.js'

/** Speaks of directs by a visible separator. */
function place(conversation: string, seq?: number): string {
  const name = conversation.replace('\u001f', '+')
  return seq === undefined ? name : `${name}#${seq}`
}

export function timelineOf(world: World): string {
  const entries: { at: number; text: string }[] = world.trace.map(({ at, what }) => ({ at, text: `** ${what}` }))
  for (const line of world.lines) {
    const text = textOf(line)
    if (text !== undefined && 'at' in line) entries.push({ at: line.at, text })
  }
  entries.sort((a, b) => a.at - b.at)
  return entries.map(({ at, text }) => `${at.toFixed(2).padStart(11)}  ${text}`).join('\n')
}

function textOf(line: HistoryLine): string | undefined {
  switch (line.type) {
    case 'invoked':
      return `${line.client} asks: ${line.what} ${line.command.slice(0, 14)} in ${place(line.conversation)}`
    case 'acked':
      return `${line.client} is told: ${line.command.slice(0, 14)} is at ${place(line.conversation, line.seq)} (lane ${line.lane} n ${line.n})`
    case 'refused':
      return `${line.client} is refused: ${line.command.slice(0, 14)} in ${place(line.conversation)} with ${line.code}`
    case 'unknown':
      return `${line.client} never learns what became of ${line.command.slice(0, 14)}`
    case 'received': {
      const what = line.kind === 'message' ? line.message?.slice(0, 14) : `${line.kind} ${line.users.join(' ')}`
      return `${line.client} receives ${place(line.conversation, line.seq)} ${what}`
    }
    case 'skipped':
      return `${line.client} skips ${place(line.conversation)} ${line.from}…${line.to}`
    default:
      return undefined
  }
}
