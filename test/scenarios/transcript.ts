/**
 * Stories of clients as readable text: commands, a line of dashes, and what everybody heard. `played` plays the commands
 * of a transcript and writes what was heard behind each block.
 *
 * Lines that begin with # are for the reader. The sentences are those of story.ts.
 */
import { inRuns, type Line } from './heard-lines.js'
import type { ServedNode } from './served-node.js'
import { play, Story } from './story.js'
import type { WiredNode } from './wired-node.js'

const RULE = '----'
const TOLD_WITHIN_MS = 1_000

export interface Block {
  /** Comments and commands. */
  readonly lines: readonly string[]
  readonly commands: readonly string[]
  /** What was heard, as it is written down; undefined where nothing is done. */
  readonly heard: readonly string[] | undefined
}

/** The transcript as it comes out on this node: the same comments and commands, and what was heard. */
export function played(transcript: string, node: WiredNode): string {
  const story = new Story(node)
  return writtenDown(
    blocksOf(transcript).map((block) => {
      if (block.heard === undefined) return block
      for (const command of block.commands) play(story, command)
      node.run(TOLD_WITHIN_MS)
      return { ...block, heard: toldBy(story.heard()) }
    }),
  )
}

/**
 * The same on a real server, which takes real time. A command waits for the answers of those before it, and as many frames
 * are waited for as are written down.
 */
export async function playedFor(transcript: string, node: ServedNode): Promise<string> {
  const story = new Story(node)
  const blocks: Block[] = []
  for (const block of blocksOf(transcript)) {
    for (const command of block.commands) {
      await play(story, command)
      await node.answered()
    }
    if (block.heard === undefined) blocks.push(block)
    else blocks.push({ ...block, heard: await heardIn(story, node, framesOf(block.heard)) })
  }
  return writtenDown(blocks)
}

async function heardIn(story: Story, node: ServedNode, frames: number): Promise<string[]> {
  const told = new Map<string, Line[]>()
  const listen = () => {
    for (const { who, lines } of story.heard()) told.set(who, [...(told.get(who) ?? []), ...lines])
    return [...told.values()].flat().length
  }
  await node.told(() => listen() >= frames)
  listen()
  return toldBy([...told].map(([who, lines]) => ({ who, lines })))
}

/**
 * The transcript with what each connection heard of each block in an order of its own: answers, which come in the order of
 * the commands, before the rest, which comes in theirs. Between the two a connection promises no order.
 */
export function inAnswerOrder(transcript: string): string {
  return writtenDown(
    blocksOf(transcript).map((block) => {
      const byConnection = new Map<string, string[]>()
      for (const line of block.heard ?? []) {
        const who = line.split(': ', 1)[0]!
        byConnection.set(who, [...(byConnection.get(who) ?? []), ...singly(line)])
      }
      const isAnswer = (line: string) => /^\S+: (?:ack|refused) /.test(line)
      const sorted = [...byConnection.values()].flatMap((lines) => [
        ...lines.filter(isAnswer),
        ...lines.filter((line) => !isAnswer(line)),
      ])
      return { ...block, heard: block.heard && sorted }
    }),
  )
}

function framesOf(heard: readonly string[]): number {
  return heard.flatMap(singly).length
}

/** The lines of a run, one for each frame. */
function singly(line: string): string[] {
  const [run] = line.matchAll(/(\d+)…(\d+)/g)
  if (run === undefined) return [line]
  const frames = Number(run[2]) - Number(run[1]) + 1
  return Array.from({ length: frames }, (_, index) =>
    line.replace(/(\d+)…\d+/g, (_run, first) => `${Number(first) + index}`),
  )
}

export function toldBy(heard: readonly { readonly who: string; readonly lines: readonly Line[] }[]): string[] {
  return heard.flatMap(({ who, lines }) => inRuns(lines).map((line) => `${who}: ${line}`))
}

export function blocksOf(transcript: string): Block[] {
  return transcript
    .trim()
    .split(/\n{2,}/)
    .map((text) => {
      const [said, ...heard] = text.split(new RegExp(`\n${RULE}(?:\n|$)`))
      const lines = said!.split('\n')
      const commands = lines.filter((line) => !line.startsWith('#'))
      const told = heard.join('').split('\n').filter(Boolean)
      return { lines, commands, heard: commands.length === 0 ? undefined : told }
    })
}

export function writtenDown(blocks: readonly Block[]): string {
  const texts = blocks.map(({ lines, heard }) =>
    [...lines, ...(heard === undefined ? [] : [RULE, ...heard])].join('\n'),
  )
  return `${texts.join('\n\n')}\n`
}
