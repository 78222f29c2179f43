/**
 * Stories of clients as readable text: commands, a line of dashes, and what everybody heard. `played` plays the commands
 * of a transcript over a wire on one node, its log and store simulated, and writes what was heard behind each block.
 *
 * Lines that begin with # are for the reader. A conversation is `bob` (direct, from the speaker's side) or `#team`. Who speaks
 * is `alice`, `alice.tablet`, or `alice+`: another connection of the same device.
 */
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { decodeContent, encodeContent } from '../../src/protocol/content.js'
import type { DecodedFrame } from '../../src/protocol/decoded-frame.js'
import { ChangeAction, HistoryMode } from '../../src/protocol/wire-numbers.js'
import { type Device, WiredNode } from './wired-node.js'
import type { ClientWire } from './wires.js'

const RULE = '----'

const ACTIONS = { creates: 'create', invites: 'invite', leaves: 'leave', kicks: 'kick' } as const

interface Command {
  readonly pattern: RegExp
  run(story: Story, words: Readonly<Record<string, string>>): void
}

/** Every sentence that a transcript may use. */
const COMMANDS: readonly Command[] = [
  {
    pattern: /^connect (?<who>\S+)(?: lane (?<lane>\d+))?$/,
    run: (story, { who, lane = '1' }) => story.connect(who!, BigInt(lane)),
  },
  {
    pattern: /^(?<who>\S+) sends (?<from>\d+)(?:…(?<to>\d+))? to (?<where>\S+)(?:: (?<text>.*))?$/,
    run: (story, { who, from, to = from, where, text = '' }) => {
      for (let n = Number(from); n <= Number(to); n++) story.send(who!, n, where!, text)
    },
  },
  {
    pattern: /^(?<who>\S+) (?<action>creates|invites|leaves|kicks) (?<n>\d+) (?<where>\S+)(?:: (?<users>.*))?$/,
    run: (story, { who, action, n, where, users = '' }) => {
      const wire = ChangeAction[ACTIONS[action as keyof typeof ACTIONS]]
      story.change(who!, wire, Number(n), where!, users.split(' ').filter(Boolean))
    },
  },
  {
    pattern: /^(?<who>\S+) voids (?<n>\d+) to (?<where>\S+)$/,
    run: (story, { who, n, where }) => story.voids(who!, Number(n), where!),
  },
  {
    pattern:
      /^(?<who>\S+) reads (?<where>\S+) (?<mode>after|before|around) (?<anchor>\d+) limit (?<limit>\d+)(?: min (?<min>\d+))?$/,
    run: (story, { who, where, mode, anchor, limit, min = '0' }) =>
      story.read(
        who!,
        where!,
        HistoryMode[mode as keyof typeof HistoryMode],
        Number(anchor),
        Number(limit),
        Number(min),
      ),
  },
  { pattern: /^the server restarts$/, run: (story) => story.restart() },
  {
    pattern: /^the log (?<is>is full|is read-only|takes frames again)$/,
    run: (story, { is }) => story.logIs(is!),
  },
]

class Story {
  readonly #node: WiredNode
  #devices = new Map<string, Device>()
  #ref = 1

  constructor(wire: ClientWire) {
    this.#node = new WiredNode(wire)
  }

  connect(who: string, random: bigint): void {
    const [user, device = 'phone'] = who.replace('+', '').split('.')
    this.#devices.set(who, this.#node.connect(user!, device, random))
  }

  send(who: string, n: number, where: string, text: string): void {
    const content = encodeContent({ messageId: BigInt(n) + 1n, body: new TextEncoder().encode(text) })
    this.#device(who).say({ kind: 'send', ref: ++this.#ref, n, ...this.#place(who, where), content })
  }

  change(who: string, action: ChangeAction, n: number, where: string, users: readonly string[]): void {
    const place = this.#place(who, where)
    this.#device(who).say({ kind: 'change', ref: ++this.#ref, n, ...place, action, users: [...users] })
  }

  voids(who: string, n: number, where: string): void {
    this.#device(who).say({ kind: 'void', ref: ++this.#ref, n, ...this.#place(who, where) })
  }

  read(who: string, where: string, mode: HistoryMode, anchor: number, limit: number, minSeq: number): void {
    const range = { mode, anchor, limit, minSeq }
    this.#device(who).say({ kind: 'history', ref: ++this.#ref, ...this.#place(who, where), ...range })
  }

  restart(): void {
    this.#node.run(1_000)
    this.#node.restart()
    this.#devices = new Map()
  }

  logIs(is: string): void {
    const { log } = this.#node
    log.refusal = is === 'is full' ? 'full' : is === 'is read-only' ? 'read-only' : undefined
    if (log.refusal === undefined) this.#node.run(1_000)
  }

  /** What everybody heard since the last call, connection by connection. */
  heard(): string[] {
    this.#node.run(1_000)
    return [...this.#devices].flatMap(([who, device]) =>
      inRuns(device.heard().map(described)).map((line) => `${who}: ${line}`),
    )
  }

  #device(who: string): Device {
    const device = this.#devices.get(who)
    if (device === undefined) throw new Error(`${who} is not connected`)
    return device
  }

  #place(who: string, where: string): { conversationKind: number; conversation: string } {
    const isGroup = where.startsWith('#')
    const kind = isGroup ? ActorKind.group : ActorKind.direct
    const [user] = who.replace('+', '').split('.')
    const conversation = isGroup ? where.slice(1) : directId(user as UserId, where as UserId)
    return { conversationKind: kind, conversation }
  }
}

const EVENT_NAMES = ['', 'message', 'created', 'joined', 'left', 'kicked']

/** A line, and the numbers in it that a run may count up. */
interface Line {
  readonly text: (numbers: readonly string[]) => string
  readonly numbers: readonly number[]
}

function described(frame: DecodedFrame): Line {
  switch (frame.kind) {
    case 'ack': {
      const again = frame.flags === 0 ? '' : frame.flags === 1 ? ' again' : ' accepted long ago'
      return { text: ([n, seq]) => `ack ${n} seq ${seq}${again}`, numbers: [frame.n, frame.seq] }
    }
    case 'refusal': {
      const expected = frame.expected > 0 ? `, expected ${frame.expected}` : ''
      const wait = frame.retryAfterMs > 0 ? ', wait' : ''
      return { text: ([n]) => `refused ${n}: ${frame.name}${expected}${wait}`, numbers: [frame.n] }
    }
    case 'event': {
      const isMessage = frame.eventKind === 1
      const text = isMessage ? new TextDecoder().decode(decodeContent(frame.content!).body) : frame.users.join(' ')
      const what = `${EVENT_NAMES[frame.eventKind]} from ${frame.from}${text === '' ? '' : `: ${text}`}`
      return { text: ([seq]) => `seq ${seq} ${what}`, numbers: [frame.seq] }
    }
    case 'skip':
      return { text: () => `skip ${frame.from} to ${frame.to}`, numbers: [] }
    case 'history-end':
      return { text: () => `that was ${frame.from} to ${frame.completeTo}, head ${frame.head}`, numbers: [] }
    default:
      return { text: () => frame.kind, numbers: [] }
  }
}

/** Neighbours that say the same and count up become one line: `ack 2…66 seq 2…66`. */
function inRuns(lines: readonly Line[]): string[] {
  const found: string[] = []
  for (let first = 0; first < lines.length; ) {
    let next = first + 1
    while (next < lines.length && follows(lines[next - 1]!, lines[next]!)) next++
    const [a, b] = [lines[first]!, lines[next - 1]!]
    found.push(a.text(a.numbers.map((from, at) => (next - first > 1 ? `${from}…${b.numbers[at]}` : `${from}`))))
    first = next
  }
  return found
}

function follows(a: Line, b: Line): boolean {
  const blank = (line: Line) => line.text(line.numbers.map(() => ''))
  return a.numbers.length > 0 && blank(a) === blank(b) && a.numbers.every((each, at) => b.numbers[at] === each + 1)
}

/** The transcript as it comes out over this wire: the same comments and commands, and what was heard. */
export function played(transcript: string, wire: ClientWire): string {
  const story = new Story(wire)
  return `${blocksOf(transcript)
    .map((block) => {
      const lines = block.split('\n')
      const commands = lines.filter((line) => !line.startsWith('#'))
      if (commands.length === 0) return block
      for (const command of commands) play(story, command)
      return [...lines, RULE, ...story.heard()].join('\n')
    })
    .join('\n\n')}\n`
}

/** Blocks without what was heard. */
function blocksOf(transcript: string): string[] {
  const blocks = transcript.trim().split(/\n{2,}/)
  return blocks.map((block) => block.split(new RegExp(`\n${RULE}(?:\n|$)`))[0]!)
}

function play(story: Story, line: string): void {
  for (const { pattern, run } of COMMANDS) {
    const words = pattern.exec(line)
    if (words !== null) return run(story, words.groups ?? {})
  }
  throw new Error(`no transcript may say: ${line}`)
}
