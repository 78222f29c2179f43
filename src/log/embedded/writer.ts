/**
 * Group commit: all frames handed over by one piece of code, before it gives way, leave in one write and one sync; what
 * arrives while that is under way fills the next.
 *
 * A failed write or sync seals the segment, and the same frames go, unchanged, to a new one, once. If that fails too,
 * they are `refused` where no whole copy of them can be in any file, else `unknown`: a copy behind a seal that is not
 * durable yet may be found by recovery. The next append that succeeds makes the seal durable first (ADR 21).
 */

import type { ShardId } from '../../domain/ids.js'
import { LIMITS } from '../../domain/limits.js'
import type { Clock } from '../../std/clock.js'
import type { AppendOutcome, Tail } from '../shard-log.js'
import { refusalOf, WriteError } from './file-port.js'
import type { FrameIndex } from './frame-index.js'
import type { WalOptions } from './options.js'
import { type FrameToWrite, GROUP_FOOT_BYTES, GroupEncoder, groupBytes } from './segment.js'
import type { SegmentChain } from './segment-chain.js'

interface Pending extends FrameToWrite {
  readonly settle: (outcome: AppendOutcome) => void
}

export interface WriterContext {
  readonly chain: SegmentChain
  readonly index: FrameIndex
  readonly options: WalOptions
  readonly clock: Clock
  readonly shardCount: number
  readonly observed: CommitObserver
}

/** A group is durable. */
export type CommitObserver = (facts: {
  readonly frames: number
  readonly bytes: number
  /** Of the write and its sync. */
  readonly tookMs: number
}) => void

export class WalWriter {
  readonly #chain: SegmentChain
  readonly #index: FrameIndex
  readonly #options: WalOptions
  readonly #clock: Clock
  readonly #observed: CommitObserver
  readonly #encoder = new GroupEncoder()
  #queue: Pending[] = []
  #queuedBytes = 0
  /** 1 for shards with an append in the queue or in the group under way. */
  readonly #busy: Uint8Array
  #isScheduled = false
  #flying: Promise<void> | undefined
  #isClosed = false

  constructor({ chain, index, options, clock, shardCount, observed }: WriterContext) {
    this.#observed = observed
    this.#chain = chain
    this.#index = index
    this.#options = options
    this.#clock = clock
    this.#busy = new Uint8Array(shardCount)
  }

  append(shard: ShardId, frame: Uint8Array, expected: Tail): Promise<AppendOutcome> {
    const no = this.#refusal(shard, frame, expected)
    if (no !== undefined) return Promise.resolve(no)
    this.#busy[shard] = 1
    this.#queuedBytes += frame.byteLength
    return new Promise((settle) => {
      this.#queue.push({ shard, tail: expected + 1, frame, settle })
      this.#schedule()
    })
  }

  /** Writes what is queued, then refuses everything. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#queue.length > 0 || this.#flying !== undefined) await (this.#flying ?? this.#flush())
  }

  #refusal(shard: ShardId, frame: Uint8Array, expected: Tail): AppendOutcome | undefined {
    if (frame.byteLength > LIMITS.logFrameBytesMax) return { kind: 'refused', why: 'too-large' }
    if (this.#isClosed) return { kind: 'refused', why: 'read-only' }
    const tail = this.#index.tail(shard)
    if (expected !== tail) return { kind: 'fenced', tail }
    if (this.#busy[shard] === 1) {
      return { kind: 'unknown', busy: true, cause: new Error(`an append to shard ${shard} is under way`) }
    }
    const needed = this.#chain.usedBytes + this.#queuedBytes + groupBytes(1, frame.byteLength)
    return needed > this.#options.limitBytes ? { kind: 'refused', why: 'full' } : undefined
  }

  #schedule(): void {
    if (this.#isScheduled || this.#flying !== undefined) return
    this.#isScheduled = true
    // Not at the end of the turn: the disk is to work while what else waits for that end is done, sockets above all.
    queueMicrotask(() => {
      this.#isScheduled = false
      if (this.#flying === undefined && this.#queue.length > 0) void this.#flush()
    })
  }

  #flush(): Promise<void> {
    const group = this.#takeGroup()
    this.#flying = this.#commit(group)
      .catch((cause: unknown): AppendOutcome => ({ kind: 'unknown', cause }))
      .then((failure) => this.#settle(group, failure))
    return this.#flying
  }

  #takeGroup(): Pending[] {
    const queue = this.#queue
    let count = 0
    let bytes = 0
    while (count < queue.length) {
      bytes += queue[count]!.frame.byteLength
      if (count > 0 && groupBytes(count + 1, bytes) > this.#options.groupBytesMax) break
      count++
    }
    this.#queue = queue.slice(count)
    return count === queue.length ? queue : queue.slice(0, count)
  }

  /** Stores the group, or says how every append in it ended. */
  async #commit(group: readonly Pending[]): Promise<AppendOutcome | undefined> {
    const first = await this.#tryToStore(group)
    if (first === undefined) return undefined
    const second = await this.#tryToStore(group)
    if (second === undefined) return undefined
    return first.isDoubtful || second.isDoubtful
      ? { kind: 'unknown', cause: second.cause }
      : { kind: 'refused', why: refusalOf(second.cause) }
  }

  async #tryToStore(group: readonly Pending[]): Promise<{ cause: unknown; isDoubtful: boolean } | undefined> {
    let frameBytes = 0
    for (const { frame } of group) frameBytes += frame.byteLength
    const ready = this.#chain.segmentFor(groupBytes(group.length, frameBytes))
    let segment: Awaited<typeof ready>
    try {
      segment = await ready
    } catch (cause) {
      return { cause, isDoubtful: false }
    }
    const startedAt = this.#clock.monotonic()
    const parts = this.#encoder.encode(segment.id, segment.groups + 1, group)
    try {
      segment.file.write(parts, segment.end)
    } catch (cause) {
      this.#chain.abandon(segment, cause)
      const isTorn = cause instanceof WriteError && cause.taken <= this.#encoder.bytes - GROUP_FOOT_BYTES
      return { cause, isDoubtful: !isTorn }
    }
    try {
      await segment.file.sync()
    } catch (cause) {
      this.#chain.abandon(segment, cause)
      return { cause, isDoubtful: true }
    }
    const tookMs = this.#clock.monotonic() - startedAt
    this.#observed({ frames: group.length, bytes: this.#encoder.bytes, tookMs })
    for (const record of this.#encoder.records) this.#index.add(segment.name, record, segment.end)
    this.#chain.committed(segment, this.#encoder.records, this.#encoder.bytes)
    return undefined
  }

  #settle(group: readonly Pending[], failure: AppendOutcome | undefined): void {
    this.#flying = undefined
    for (const { shard, tail, frame, settle } of group) {
      this.#busy[shard] = 0
      this.#queuedBytes -= frame.byteLength
      settle(failure ?? { kind: 'appended', tail })
    }
    if (this.#queue.length > 0) this.#schedule()
  }
}
