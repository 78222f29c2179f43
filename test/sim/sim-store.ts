/**
 * The message store of all nodes: slow, failing, applying late or twice, but never a snapshot before its writes.
 *
 * Writes carry positions and apply by max, so that neither a late copy nor a second one changes anything; that is what
 * is put to the test here. Without faults it keeps test/conformance/message-store.ts.
 */
import { CorruptionError, UnavailableError } from '../../src/domain/errors.js'
import type { ActorKey, Seq, ShardId } from '../../src/domain/ids.js'
import { comparePositions, type Position } from '../../src/domain/position.js'
import type { Random } from '../../src/std/random.js'
import type {
  ActorRow,
  ActorWrite,
  Checkpoint,
  MessageStore,
  Snapshot,
  StoreMeta,
  TimelineBlock,
  TimelineRange,
} from '../../src/storage/message-store.js'
import { between, type Coverage, chance, wholeBetween } from './draw.js'
import type { Host } from './host.js'
import type { VirtualTime } from './virtual-time.js'

export interface StoreFaults {
  /** Probabilities per call. */
  readonly slow: number
  readonly slowMsMax: number
  /** Fails and has done nothing, or a part. */
  readonly writeFails: number
  /** Fails, and does it all later. */
  readonly writeLate: number
  readonly writeTwice: number
  readonly readFails: number
}

export const HONEST_STORE: StoreFaults = {
  slow: 0,
  slowMsMax: 0,
  writeFails: 0,
  writeLate: 0,
  writeTwice: 0,
  readFails: 0,
}

const LATENCY_MS = 1

interface StoredEvent {
  readonly position: Position
  readonly bytes: Uint8Array
}

interface StoredActor {
  position: Position
  row: Uint8Array
  readonly pages: Map<number, Uint8Array>
  readonly events: Map<Seq, StoredEvent>
  lastSeq: Seq
}

export class SimStoreServer {
  faults: StoreFaults = HONEST_STORE
  readonly time: VirtualTime
  readonly random: Random
  readonly coverage: Coverage
  readonly actors = new Map<ActorKey, StoredActor>()
  readonly snapshots = new Map<ShardId, Snapshot>()
  meta: StoreMeta | undefined

  constructor(time: VirtualTime, random: Random, coverage: Coverage) {
    this.time = time
    this.random = random
    this.coverage = coverage
  }

  heal(): void {
    this.faults = HONEST_STORE
  }

  /** Applies the first `writesMax` writes; snapshots follow their writes, so a part of them brings none. */
  apply(checkpoints: readonly Checkpoint[], writesMax = Number.POSITIVE_INFINITY): void {
    let left = writesMax
    for (const { shard, snapshot, writes } of checkpoints) {
      for (const write of writes) {
        if (left-- <= 0) return
        this.#applyWrite(write, snapshot.position)
      }
      if (left <= 0) return
      const known = this.snapshots.get(shard)
      if (known === undefined || comparePositions(snapshot.position, known.position) > 0) {
        this.snapshots.set(shard, snapshot)
      }
    }
  }

  #applyWrite({ key, row, pages, blocks }: ActorWrite, position: Position): void {
    const actor = this.actors.get(key) ?? { position, row, pages: new Map(), events: new Map(), lastSeq: 0 }
    this.actors.set(key, actor)
    if (comparePositions(position, actor.position) >= 0) {
      actor.position = position
      actor.row = row
      for (const [number, bytes] of pages) actor.pages.set(number, bytes)
    }
    for (const block of blocks) applyBlock(actor, block, position)
  }
}

function applyBlock(actor: StoredActor, block: TimelineBlock, position: Position): void {
  const view = new DataView(block.events.buffer, block.events.byteOffset, block.events.byteLength)
  let at = 0
  for (let seq = block.firstSeq; seq <= block.lastSeq; seq++) {
    const end = at + 4 + view.getUint32(at, true)
    const known = actor.events.get(seq)
    if (known === undefined || comparePositions(position, known.position) >= 0) {
      actor.events.set(seq, { position, bytes: new Uint8Array(block.events.subarray(at, end)) })
    }
    at = end
  }
  if (at !== block.events.byteLength)
    throw new CorruptionError(`Cannot store block ${block.firstSeq}: ${at} bytes used`)
  actor.lastSeq = Math.max(actor.lastSeq, block.lastSeq)
}

/** One node's handle. */
export class SimStore implements MessageStore {
  readonly #server: SimStoreServer
  readonly #host: Host
  #isClosed = false

  constructor(server: SimStoreServer, host: Host) {
    this.#server = server
    this.#host = host
  }

  async store(checkpoints: readonly Checkpoint[]): Promise<void> {
    const { random, faults, coverage, time } = this.#server
    const delayMs = this.#delayMs()
    if (this.#isClosed) return this.#fail(0)
    if (!this.#host.mayAct()) return this.#host.answer(0, () => undefined)
    if (chance(random, faults.writeLate)) {
      coverage.count('store: write applied late')
      this.#applyLate(checkpoints, delayMs, between(random, 0, 10_000))
      return this.#fail(delayMs)
    }
    if (chance(random, faults.writeFails)) {
      coverage.count('store: write failed')
      const writes = checkpoints.reduce((sum, checkpoint) => sum + checkpoint.writes.length, 0)
      const done = wholeBetween(random, 0, writes)
      time.after(delayMs, () => this.#server.apply(copyOf(checkpoints), done))
      return this.#fail(delayMs)
    }
    if (chance(random, faults.writeTwice)) {
      coverage.count('store: write applied twice')
      this.#applyLate(checkpoints, delayMs, delayMs + between(random, 0, 10_000))
    }
    time.after(delayMs / 2, () => this.#server.apply(copyOf(checkpoints)))
    return this.#host.answer(delayMs, () => undefined)
  }

  /** What is read before the caller is answered, and applied whenever. */
  #applyLate(checkpoints: readonly Checkpoint[], answeredMs: number, lateMs: number): void {
    const { time } = this.#server
    const readMs = Math.min(answeredMs, lateMs) / 2
    time.after(readMs, () => {
      const sent = copyOf(checkpoints)
      time.after(lateMs - readMs, () => this.#server.apply(sent))
    })
  }

  #fail(delayMs: number): Promise<never> {
    return this.#host.answer(delayMs, () => {
      throw new UnavailableError('Cannot store: the store did not answer')
    })
  }

  #delayMs(): number {
    const { random, faults, coverage } = this.#server
    if (!chance(random, faults.slow)) return between(random, LATENCY_MS, 3 * LATENCY_MS)
    coverage.count('store: slow')
    return between(random, 0, faults.slowMsMax)
  }

  snapshot(shard: ShardId): Promise<Snapshot | undefined> {
    return this.#read(() => this.#server.snapshots.get(shard))
  }

  readActor(key: ActorKey): Promise<ActorRow | undefined> {
    return this.#read(() => {
      const actor = this.#server.actors.get(key)
      if (actor === undefined) return undefined
      const pages = new Map([...actor.pages].map(([number, bytes]) => [number, new Uint8Array(bytes)]))
      return { position: actor.position, row: new Uint8Array(actor.row), pages }
    })
  }

  readTimeline(key: ActorKey, { from, to, bytesMax }: TimelineRange): Promise<Uint8Array[]> {
    return this.#read(() => {
      const actor = this.#server.actors.get(key)
      const events: Uint8Array[] = []
      let bytes = 0
      for (let seq = from; actor !== undefined && seq <= Math.min(to, actor.lastSeq); seq++) {
        const event = actor.events.get(seq)?.bytes
        if (event === undefined) throw new CorruptionError(`Cannot read the timeline of ${key}: no seq ${seq}`)
        bytes += event.byteLength
        if (events.length > 0 && bytes > bytesMax) break
        events.push(new Uint8Array(event))
      }
      return events
    })
  }

  #read<Value>(read: () => Value): Promise<Value> {
    const { random, faults, coverage } = this.#server
    const fails = this.#isClosed || chance(random, faults.readFails)
    if (!fails) return this.#host.answer(this.#delayMs(), read)
    coverage.count('store: read failed')
    return this.#host.answer(this.#delayMs(), () => {
      throw new UnavailableError('Cannot read: the store did not answer')
    })
  }

  readMeta(): Promise<StoreMeta | undefined> {
    return this.#read(() => this.#server.meta)
  }

  writeMeta(meta: StoreMeta): Promise<void> {
    return this.#read(() => {
      this.#server.meta = meta
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
  }
}

/** The caller's buffers are its own again once it was answered, however late this applies; not before.
 *  `new Uint8Array` copies; `slice` of a Buffer would not. */
function copyOf(checkpoints: readonly Checkpoint[]): Checkpoint[] {
  return checkpoints.map(({ shard, snapshot, writes }) => ({
    shard,
    snapshot,
    writes: writes.map(({ key, row, pages, blocks }) => ({
      key,
      row: new Uint8Array(row),
      pages: new Map([...pages].map(([number, bytes]) => [number, new Uint8Array(bytes)])),
      blocks: blocks.map((block) => ({ ...block, events: new Uint8Array(block.events) })),
    })),
  }))
}
