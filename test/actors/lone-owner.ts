/**
 * Owners of one shard without actors: each a commit loop whose state is the list of words that were said to it. For
 * tests of what happens between an owner and its log.
 */

import { type Batch, PendingAnswers } from '../../src/actors/batch.js'
import { CommitLoop, type Fold } from '../../src/actors/commit-loop.js'
import { CommitScheduler } from '../../src/actors/commit-scheduler.js'
import { type GatewayHandle, InLink } from '../../src/actors/owner-link.js'
import type { ShardId } from '../../src/domain/ids.js'
import type { RefusalName } from '../../src/domain/refusal.js'
import {
  beginRecord,
  endRecord,
  FrameKind,
  type LogPlace,
  RecordKind,
  readHead,
  recordsOf,
} from '../../src/log/frame.js'
import { writeAck } from '../../src/protocol/answer-frames.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import { assert } from '../../src/std/assert.js'
import { Bytes } from '../../src/std/bytes.js'
import { seededRandom } from '../../src/std/random.js'
import type { Snapshot } from '../../src/storage/message-store.js'
import { Coverage } from '../sim/draw.js'
import { Host } from '../sim/host.js'
import { SimLog } from '../sim/sim-log.js'
import { SIM_LOG_DEFAULTS, SimLogServer } from '../sim/sim-log-server.js'
import { VirtualTime } from '../sim/virtual-time.js'

export const SHARD = 0 as ShardId
const KIND_NAMES = new Map(Object.entries(FrameKind).map(([name, kind]) => [kind, name]))

/** One log, and a time that moves when a test says so. */
export class LoneShard {
  readonly time = new VirtualTime()
  readonly log: SimLogServer
  /** What the store says at the next takeover. */
  snapshot: Snapshot | undefined

  constructor(seed = 1) {
    this.log = new SimLogServer(this.time, seededRandom(seed), new Coverage(), { ...SIM_LOG_DEFAULTS, streams: 1 })
    this.log.onMisuse = (what) => {
      throw new Error(what)
    }
  }

  run(ms: number): void {
    this.time.run(this.time.now + ms)
  }

  /** The log so far: one line a frame, its kind and the words in it. */
  frames(): string[] {
    return this.log.ledger(SHARD).map(({ bytes }) => {
      const { kind, count } = readHead(bytes, 'in the ledger')
      return [KIND_NAMES.get(kind), ...wordsOf(Bytes.over(bytes), count)].join(' ')
    })
  }

  words(): string[] {
    return this.log.ledger(SHARD).flatMap(({ bytes }) => wordsOf(Bytes.over(bytes), readHead(bytes, '').count))
  }
}

function wordsOf(frame: Bytes, count: number): string[] {
  const text = new TextDecoder()
  return [...recordsOf(frame, count)].map(({ start, end }) => text.decode(frame.u8.subarray(start, end)))
}

export class LoneOwner implements Fold {
  readonly loop: CommitLoop
  readonly host: Host
  /** Everything decided, durable or not. */
  state: string[] = []
  /** Answers, in the order in which they left: `ack word`, `unknown word` or `log-full word`. */
  readonly heard: string[] = []
  readonly events: string[] = []
  readonly #shard: LoneShard
  readonly #said: string[] = []
  /** Of those the ones that ask for an append. */
  readonly #appended = new Set<string>()
  readonly #link: InLink
  /** Answers that rest on nothing undurable. */
  readonly immediate = new PendingAnswers()

  constructor(shard: LoneShard, name: string, ownerSilenceMs = 15_000, rank = 0) {
    this.#shard = shard
    this.host = new Host(name, shard.time, (_, error) => {
      throw error
    })
    this.#link = new InLink(this.#gateway(shard), SHARD, 0)
    const log = new SimLog(shard.log, this.host)
    const { clock } = this.host
    const scheduler = new CommitScheduler(log.pacing, clock)
    const random = seededRandom(shard.log.random.uint32())
    this.loop = new CommitLoop({ shard: SHARD, log, clock, random, scheduler, fold: this, rank, ownerSilenceMs })
  }

  #gateway(shard: LoneShard): GatewayHandle {
    const answer: GatewayHandle['answer'] = (_shard, _link, k, bytes, start, end) => {
      const [frame] = decodeFrames(bytes.u8.slice(start, end))
      const word = this.#said[k - 1]!
      const isAck = frame!.kind !== 'refusal'
      if (!isAck) assert(frame!.n === k, `the refusal of ${k} names n ${frame!.n}`)
      assert(
        !isAck || !this.#appended.has(word) || shard.words().includes(word),
        `acked before it was in the log: ${word}`,
      )
      this.heard.push(`${isAck ? 'ack' : frame!.name} ${word}`)
    }
    const unknown: GatewayHandle['unknown'] = (_shard, _link, k) => {
      this.heard.push(`unknown ${this.#said[k - 1]}`)
    }
    return { address: 'gateway', answer, unknown } as unknown as GatewayHandle
  }

  start(): void {
    void this.loop.start()
  }

  say(word: string): void {
    const { filling } = this.loop
    const record = beginRecord(filling.frame)
    filling.frame.append(new TextEncoder().encode(word))
    endRecord(filling.frame, record, RecordKind.event)
    filling.count++
    this.state.push(word)
    this.#appended.add(word)
    this.#answer(word, filling.answers)
    this.loop.wanted()
  }

  /** Asks for what stands now; the answer waits for whatever it saw. */
  ask(word: string): void {
    const answers = this.loop.horizon()?.answers ?? this.immediate
    this.#answer(word, answers)
    if (answers === this.immediate) answers.send()
  }

  #answer(word: string, answers: PendingAnswers): void {
    const k = this.#said.push(word)
    writeAck(answers.bytes, { ref: k, n: k, seq: k, time: 0, flags: 0 })
    answers.add(this.#link, k, k, k)
  }

  readonly replayed = {
    begin: async () => {
      this.state = []
      return this.#shard.snapshot
    },
    frame: async (_place: LogPlace, head: { count: number }, bytes: Uint8Array) => {
      this.state.push(...wordsOf(Bytes.over(bytes), head.count))
    },
    lostTail: () => {
      this.events.push('lost tail')
    },
    troubled: () => {},
  }

  sealing(): void {}

  release(batch: Batch): void {
    batch.answers.send()
  }

  giveBack(batch: Batch, refusal: RefusalName): void {
    batch.answers.refuse(refusal)
  }

  forget(batches: readonly Batch[]): void {
    for (const batch of batches) batch.answers.sendUnknown()
    this.state = []
  }

  rebuilt(): void {
    this.events.push('rebuilt')
  }

  served(place: LogPlace): void {
    this.events.push(`served epoch ${place.epoch}`)
  }

  steppedDown(): void {
    this.events.push('stepped down')
  }
}
