/**
 * A story as it is told: every sentence that a transcript may use, and the devices that say it, on whatever stage.
 *
 * A conversation is `bob` (direct, from the speaker's side) or `#team`. Who speaks is `alice`, `alice.tablet`, or `alice+`:
 * another connection of the same device.
 */
import { ActorKind, directId, type UserId } from '../../src/domain/ids.js'
import { encodeContent } from '../../src/protocol/content.js'
import type { DecodedFrame, EncodableFrame, LaneName } from '../../src/protocol/decoded-frame.js'
import { ChangeAction, HistoryMode } from '../../src/protocol/wire-numbers.js'
import { described, type Line } from './heard-lines.js'

/** Where a story is played. What takes real time is a promise. */
export interface Stage {
  /** A device that said Hello with this lane and has its answer. */
  connect(user: string, device: string, lane: LaneName): Device | Promise<Device>
  /** A new life over the same data; every device is gone. */
  restart(): void | Promise<void>
  logIs(refusal: LogRefusal | undefined): void
}

export type LogRefusal = 'full' | 'read-only'

/** The client's end of a connection. */
export interface WireEnd {
  say(frame: EncodableFrame): void
  /** Since the last call. */
  heard(): DecodedFrame[]
}

export class Device {
  /** Given by Welcome; 0 before. */
  laneNumber = 0
  readonly #end: WireEnd

  constructor(end: WireEnd) {
    this.#end = end
  }

  say(frame: EncodableFrame): void {
    this.#end.say(frame)
  }

  /** Since the last call, without Welcome and without steps of the conversation list, which come when they come. */
  heard(): DecodedFrame[] {
    const frames = this.#end.heard()
    for (const frame of frames) if (frame.kind === 'welcome') this.laneNumber = frame.lane.number
    return frames.filter(({ kind }) => kind !== 'welcome' && kind !== 'inbox')
  }
}

const ACTIONS = { creates: 'create', invites: 'invite', leaves: 'leave', kicks: 'kick' } as const

interface Command {
  readonly pattern: RegExp
  run(story: Story, words: Readonly<Record<string, string>>): void | Promise<void>
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
    run: (story, { is }) => story.logIs(is === 'is full' ? 'full' : is === 'is read-only' ? 'read-only' : undefined),
  },
]

export class Story {
  readonly #stage: Stage
  readonly #devices = new Map<string, { readonly device: Device; readonly lane: string }>()
  /** As a client keeps them with its queue. */
  readonly #laneNumbers = new Map<string, number>()
  #ref = 1

  constructor(stage: Stage) {
    this.#stage = stage
  }

  connect(who: string, random: bigint): void | Promise<void> {
    const [user, device = 'phone'] = who.replace('+', '').split('.')
    const lane = `${user} ${device} ${random}`
    const there = (device: Device) => void this.#devices.set(who, { device, lane })
    const connected = this.#stage.connect(user!, device, { random, number: this.#laneNumbers.get(lane) ?? 0 })
    return connected instanceof Promise ? connected.then(there) : there(connected)
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

  restart(): void | Promise<void> {
    this.#devices.clear()
    return this.#stage.restart()
  }

  logIs(refusal: LogRefusal | undefined): void {
    this.#stage.logIs(refusal)
  }

  /** What each connection heard since the last call. */
  heard(): { readonly who: string; readonly lines: Line[] }[] {
    return [...this.#devices].map(([who, { device, lane }]) => {
      const lines = device.heard().map(described)
      if (device.laneNumber > 0) this.#laneNumbers.set(lane, device.laneNumber)
      return { who, lines }
    })
  }

  #device(who: string): Device {
    const device = this.#devices.get(who)?.device
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

export function play(story: Story, line: string): void | Promise<void> {
  for (const { pattern, run } of COMMANDS) {
    const words = pattern.exec(line)
    if (words !== null) return run(story, words.groups ?? {})
  }
  throw new Error(`no transcript may say: ${line}`)
}
