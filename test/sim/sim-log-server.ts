/**
 * The shard log as JetStream was measured to be (shared ground: NATS), or as the WAL is: what is conditional is exact,
 * everything else may fail the caller.
 *
 * Exact: an append commits at most once, and only directly after the tail it expects *at the moment it commits*. Not
 * exact: when that is, whether the caller hears of it, what a reader sees of the end. All nodes share one; sim-log.ts is
 * a node's client of it.
 */
import type { ShardId } from '../../src/domain/ids.js'
import { MiB } from '../../src/domain/limits.js'
import { type AppendOutcome, type LoggedFrame, TAIL_START, type Tail } from '../../src/log/shard-log.js'
import type { Random } from '../../src/std/random.js'
import { between, type Coverage, chance, wholeBetween } from './draw.js'
import type { SimLog } from './sim-log.js'
import type { VirtualTime } from './virtual-time.js'

/** Probabilities per call, unless named otherwise. */
export interface LogFaults {
  readonly requestLost: number
  readonly answerLost: number
  /** The request arrives only after its caller has given up. */
  readonly requestLate: number
  /** The log accepts the frame and takes long to commit it: 10164 for everybody else meanwhile. */
  readonly commitSlow: number
  readonly fencedWithoutNumber: number
  readonly readStale: number
  readonly readShort: number
  readonly readFails: number
}

export const HONEST_LOG: LogFaults = {
  requestLost: 0,
  answerLost: 0,
  requestLate: 0,
  commitSlow: 0,
  fencedWithoutNumber: 0,
  readStale: 0,
  readShort: 0,
  readFails: 0,
}

export interface SimLogOptions {
  /** `jetstream`: sparse tails, 10164, shards share streams. `wal`: dense tails, one write at a time for all shards. */
  readonly kind: 'jetstream' | 'wal'
  readonly streams: number
  /** One way, in milliseconds; commits take two to three times as long. */
  readonly latencyMs: number
  readonly timeoutMs: number
  /** Frames of a stream above a shard's newest one after which its owner is asked to `carry`. */
  readonly carryAfterFrames: number
}

export const SIM_LOG_DEFAULTS: SimLogOptions = {
  kind: 'jetstream',
  streams: 2,
  latencyMs: 0.5,
  timeoutMs: 5_000, // the NATS client's own
  carryAfterFrames: 200,
}

/** One frame that the log ever took, purged or not: what the checkers read. */
export interface CommittedFrame extends LoggedFrame {
  readonly streamSeq: number
  readonly at: number
  readonly by: string
}

interface ShardState {
  readonly id: ShardId
  readonly stream: Stream
  readonly ledger: CommittedFrame[]
  /** Index in the ledger of the first frame that was not purged. */
  kept: number
  isBusy: boolean
  allowedBelow: Tail
}

interface Stream {
  seq: number
  leaderlessUntil: number
  readonly shards: ShardState[]
}

export class SimLogServer {
  faults: LogFaults = HONEST_LOG
  /** What the log says instead of taking a frame. */
  refusal: 'full' | 'read-only' | undefined
  /** Nearly full: appends are taken, but `usage` is above the share kept for barriers. */
  isNearlyFull = false
  /** Called when a caller broke the port's contract. */
  onMisuse: (what: string) => void = () => {}
  readonly options: SimLogOptions
  readonly time: VirtualTime
  readonly random: Random
  readonly coverage: Coverage
  readonly handles = new Set<SimLog>()
  readonly #streams: Stream[] = []
  readonly #shards = new Map<ShardId, ShardState>()

  constructor(time: VirtualTime, random: Random, coverage: Coverage, options: SimLogOptions = SIM_LOG_DEFAULTS) {
    this.time = time
    this.random = random
    this.coverage = coverage
    this.options = options
    const streams = options.kind === 'wal' ? 1 : options.streams
    for (let at = 0; at < streams; at++) this.#streams.push({ seq: 0, leaderlessUntil: 0, shards: [] })
  }

  /** Every frame ever committed to a shard, oldest first. */
  ledger(shard: ShardId): readonly CommittedFrame[] {
    return this.#shard(shard).ledger
  }

  shards(): ShardId[] {
    return [...this.#shards.keys()].sort((a, b) => a - b)
  }

  /** No leader for one of the streams: nothing is answered, and nothing commits. */
  loseLeader(forMs: number): void {
    const stream = this.#streams[this.random.uint32() % this.#streams.length]!
    stream.leaderlessUntil = Math.max(stream.leaderlessUntil, this.time.now + forMs)
  }

  heal(): void {
    this.faults = HONEST_LOG
    this.refusal = undefined
    this.isNearlyFull = false
    for (const stream of this.#streams) stream.leaderlessUntil = 0
  }

  isLeaderless(shard: ShardId): boolean {
    return this.#shard(shard).stream.leaderlessUntil > this.time.now
  }

  /** A request has reached the log. `answer` is called at most once, at the moment the log answers. */
  arrive(
    shardId: ShardId,
    frame: Uint8Array,
    expected: Tail,
    by: string,
    answer: (outcome: AppendOutcome) => void,
  ): void {
    const shard = this.#shard(shardId)
    if (this.isLeaderless(shardId)) {
      this.coverage.count('log: append without leader')
      return
    }
    if (shard.isBusy && this.options.kind === 'wal') {
      this.time.after(this.options.latencyMs, () => this.arrive(shardId, frame, expected, by, answer))
      return
    }
    const early = this.#answerAtOnce(shard, expected)
    if (early !== undefined) {
      answer(early)
      return
    }
    shard.isBusy = true
    this.time.after(this.#commitMs(), () => {
      shard.isBusy = false
      answer({ kind: 'appended', tail: this.#commit(shard, frame, by) })
    })
  }

  #answerAtOnce(shard: ShardState, expected: Tail): AppendOutcome | undefined {
    if (this.refusal !== undefined) {
      this.coverage.count(`log: refused ${this.refusal}`)
      return { kind: 'refused', why: this.refusal }
    }
    if (shard.isBusy) {
      this.coverage.count('log: busy (10164)')
      return { kind: 'unknown', cause: new Error('10164'), busy: true }
    }
    const tail = tailOf(shard)
    return tail === expected ? undefined : this.#fenced(tail)
  }

  #fenced(tail: Tail): AppendOutcome {
    if (chance(this.random, this.faults.fencedWithoutNumber)) {
      this.coverage.count('log: fenced without a number')
      return { kind: 'fenced' }
    }
    this.coverage.count('log: fenced with a number')
    return { kind: 'fenced', tail }
  }

  #commitMs(): number {
    if (chance(this.random, this.faults.commitSlow)) {
      this.coverage.count('log: slow commit')
      return between(this.random, 20, this.options.timeoutMs * 1.5)
    }
    return between(this.random, this.options.latencyMs, 2 * this.options.latencyMs)
  }

  #commit(shard: ShardState, bytes: Uint8Array, by: string): Tail {
    const streamSeq = ++shard.stream.seq
    const tail = this.options.kind === 'wal' ? shard.ledger.length + 1 : streamSeq
    shard.ledger.push({ tail, bytes, streamSeq, at: this.time.now, by })
    return tail
  }

  /** What a reader gets: copies, to an end that may be old. */
  framesAfter(shardId: ShardId, after: Tail): LoggedFrame[] {
    const shard = this.#shard(shardId)
    let end = shard.ledger.length
    if (chance(this.random, this.faults.readStale)) {
      this.coverage.count('log: stale read')
      const asOf = this.time.now - between(this.random, 0, 3_000)
      while (end > 0 && shard.ledger[end - 1]!.at > asOf) end--
    }
    let start = end
    while (start > shard.kept && shard.ledger[start - 1]!.tail > after) start--
    if (end - start > 1 && chance(this.random, this.faults.readShort)) {
      this.coverage.count('log: read ended early')
      end = wholeBetween(this.random, start, end - 1)
    }
    return shard.ledger.slice(start, end).map(({ tail, bytes }) => ({ tail, bytes: new Uint8Array(bytes) }))
  }

  tail(shardId: ShardId): Tail {
    const shard = this.#shard(shardId)
    const back = chance(this.random, this.faults.readStale) ? wholeBetween(this.random, 1, 4) : 0
    return shard.ledger[shard.ledger.length - 1 - back]?.tail ?? TAIL_START
  }

  purge(shardId: ShardId, below: Tail): void {
    const shard = this.#shard(shardId)
    shard.allowedBelow = Math.max(shard.allowedBelow, below)
    const { shards } = shard.stream
    const keepFrom = Math.min(...shards.map((each) => firstNeeded(each)?.streamSeq ?? Number.POSITIVE_INFINITY))
    for (const each of shards) {
      while (each.kept < each.ledger.length && each.ledger[each.kept]!.streamSeq < keepFrom) {
        each.kept++
        this.coverage.count('log: frame purged')
      }
    }
    this.#askToCarry(shard.stream)
  }

  #askToCarry(stream: Stream): void {
    const holding = stream.shards.filter((shard) => {
      const newest = shard.ledger[shard.ledger.length - 1]
      if (newest === undefined || stream.seq - newest.streamSeq < this.options.carryAfterFrames) return false
      return firstNeeded(shard) === newest
    })
    if (holding.length === 0) return
    this.coverage.count('log: carry wanted')
    for (const handle of this.handles) handle.carryWanted(holding.map((shard) => shard.id))
  }

  usage(): { usedBytes: number; limitBytes: number } {
    const limitBytes = 64 * MiB
    if (this.refusal === 'full') return { usedBytes: limitBytes, limitBytes }
    return { usedBytes: this.isNearlyFull ? 0.9 * limitBytes : 0, limitBytes }
  }

  #shard(id: ShardId): ShardState {
    const known = this.#shards.get(id)
    if (known !== undefined) return known
    const stream = this.#streams[id % this.#streams.length]!
    const shard: ShardState = { id, stream, ledger: [], kept: 0, isBusy: false, allowedBelow: TAIL_START }
    stream.shards.push(shard)
    this.#shards.set(id, shard)
    return shard
  }
}

function tailOf(shard: ShardState): Tail {
  // After a purge that emptied the subject the log would expect 0 again, from anybody (rules §6).
  if (shard.kept === shard.ledger.length) return TAIL_START
  return shard.ledger[shard.ledger.length - 1]!.tail
}

/** The oldest frame of a shard that nobody may drop: the first not purge-allowed, or the newest. */
function firstNeeded(shard: ShardState): CommittedFrame | undefined {
  const last = shard.ledger.length - 1
  for (let at = shard.kept; at < last; at++) {
    if (shard.ledger[at]!.tail >= shard.allowedBelow) return shard.ledger[at]
  }
  return shard.ledger[last]
}
