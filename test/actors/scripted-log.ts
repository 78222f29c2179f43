/**
 * A shard's log that answers as it is told, and an owner that deals with it: for what a log may answer but a simulated
 * one seldom does. Every append takes the next outcome, every read the next list of frames, and nothing waits.
 */
import type { OwnLog } from '../../src/actors/takeover.js'
import type { ShardId } from '../../src/domain/ids.js'
import { emptyFrame, FrameKind, follow, type LogPlace, readHead } from '../../src/log/frame.js'
import type { AppendOutcome, LoggedFrame, ShardLog, Tail } from '../../src/log/shard-log.js'
import type { Snapshot } from '../../src/storage/message-store.js'

const US = 7n
const OTHERS = 8n
export const START: LogPlace = { tail: 10, batchNo: 4, epoch: 2, chain: 77, logIncarnation: 1 }

export class Script {
  /** What was appended, `kind after tail`; then pauses, as `pause ms`. */
  readonly said: string[] = []
  readonly outcomes: AppendOutcome[] = []
  readonly reads: (readonly LoggedFrame[] | Error)[] = []
  readonly tails: Tail[] = []
  /** What kept the take-over from going on. */
  readonly troubles: string[] = []
  snapshot: Snapshot | undefined
  /** Lives until so many more things were said. */
  patience = 100
  readonly replayed: number[] = []
  #id = 100n

  readonly own: OwnLog = {
    shard: 0 as ShardId,
    owner: US,
    log: {
      append: async (_shard: ShardId, frame: Uint8Array, expected: Tail) => {
        const { kind } = readHead(frame, 'appended')
        this.#say(`${nameOf(kind)} after ${expected}`)
        return this.outcomes.shift() ?? { kind: 'unknown', cause: 'the script ends' }
      },
      read: (_shard: ShardId, after: Tail) => this.#read(after),
      tail: async () => this.tails.shift() ?? START.tail,
    } as unknown as ShardLog,
    replayed: {
      begin: async () => {
        this.replayed.length = 0
        return this.snapshot
      },
      frame: async (place) => void this.replayed.push(place.batchNo),
      lostTail: () => this.#say('lost tail'),
      troubled: (cause, times) => void this.troubles.push(`${times}: ${(cause as Error).message ?? cause}`),
    },
    incarnationMin: 1,
    isCurrent: () => this.patience > 0,
    newId: () => this.#id++,
    pause: async (ms) => this.#say(`pause ${ms}`),
    contentionPause: async () => this.#say('let others serve'),
  }

  async *#read(after: Tail): AsyncGenerator<LoggedFrame> {
    const frames = this.reads.shift() ?? []
    if (frames instanceof Error) throw frames
    for (const frame of frames) if (frame.tail > after) yield frame
  }

  #say(line: string): void {
    this.patience--
    this.said.push(line)
  }
}

function nameOf(kind: number): string {
  return Object.entries(FrameKind).find(([, each]) => each === kind)![0]
}

/** Frames that follow `from` one after another, at tails 11, 12, …; each by us or by others. */
export function framesAfter(
  from: LogPlace,
  ...frames: readonly { by: 'us' | 'others'; kind?: keyof typeof FrameKind; batch?: bigint }[]
): LoggedFrame[] {
  let place = from
  return frames.map(({ by, kind = 'events', batch = 1n }) => {
    const { tail: after, chain, logIncarnation, epoch } = place
    const isBlind = kind === 'barrier'
    const numbers = isBlind
      ? { batchNo: 0, chain: 0, logIncarnation: 0, epoch: 0 }
      : { batchNo: place.batchNo + 1, chain, logIncarnation, epoch }
    const owner = by === 'us' ? US : OTHERS
    const head = { kind: FrameKind[kind], shard: 0, owner, attemptOf: batch, after, ...numbers }
    const frame = { tail: place.tail + 1, bytes: emptyFrame(head) }
    const followed = follow(place, frame)
    if (followed.kind === 'followed') place = followed.place
    return frame
  })
}
