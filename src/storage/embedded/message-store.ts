/**
 * The message store of a single server: one LMDB environment in a folder, opened once by each thread that uses it.
 *
 * `store` puts everything of one call into one LMDB transaction, snapshots included: after a crash either all of it is
 * there or none. It resolves once that transaction is on the disk (environment.ts).
 *
 * Writing happens on lmdb-js' own thread, which reads the caller's buffers: nothing is copied on this one. Reads are
 * synchronous in the memory map, and go on when the disk is full or read-only.
 */
import { statfsSync } from 'node:fs'
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import { type ActorKey, parseActorKey, type Seq, type ShardId } from '../../domain/ids.js'
import { MiB } from '../../domain/limits.js'
import { comparePositions } from '../../domain/position.js'
import type {
  ActorRow,
  ActorWrite,
  Checkpoint,
  MessageStore,
  Snapshot,
  StoreMeta,
  TimelineRange,
} from '../message-store.js'
import { type Environment, type Lmdb, openEnvironment } from './environment.js'
import * as records from './records.js'

/**
 * Free disk below which nothing is stored, beside twice the bytes to store: the tree's own pages, and what others write
 * meanwhile. LMDB must never see a full disk: lmdb-js 3.5 prints the failed write into a buffer too short for it, and the
 * process dies of that.
 */
const ROOM_BYTES = 64 * MiB

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID: the file is not what LMDB wrote. */
const FILE_BROKEN = new Set<unknown>([-30797, -30796, -30793])

export class EmbeddedMessageStore implements MessageStore {
  readonly #lmdb: Lmdb
  readonly #folder: string
  readonly #isReadOnly: boolean

  private constructor({ lmdb, isReadOnly }: Environment, folder: string) {
    this.#lmdb = lmdb
    this.#isReadOnly = isReadOnly
    this.#folder = folder
  }

  /**
   * Opens or creates the store in `folder`. On a read-only file system it is opened for reading: `store` then throws.
   * Throws UnavailableError, CorruptionError.
   */
  static open(folder: string): EmbeddedMessageStore {
    try {
      return new EmbeddedMessageStore(openEnvironment(folder), folder)
    } catch (error) {
      throw trouble(`open the message store in ${folder}`, error)
    }
  }

  async store(checkpoints: readonly Checkpoint[]): Promise<void> {
    if (this.#isReadOnly) throw new UnavailableError('Cannot store checkpoints: the disk is read-only')
    // Reading first also keeps us off an environment that a failed sync has closed for good: there lmdb-js would
    // neither write nor answer, but a read throws.
    const news = checkpoints.filter((checkpoint) => this.#isNews(checkpoint))
    if (news.length === 0) return
    this.#needRoomFor(news)
    await this.#write('store checkpoints', (lmdb) => {
      for (const checkpoint of news) putCheckpoint(lmdb, checkpoint)
    })
  }

  async snapshot(shard: ShardId): Promise<Snapshot | undefined> {
    return this.#snapshot(shard)
  }

  async readActor(key: ActorKey): Promise<ActorRow | undefined> {
    return this.#read(`read the row of ${nameOf(key)}`, (lmdb) => readActor(lmdb, key))
  }

  async readTimeline(key: ActorKey, range: TimelineRange): Promise<Uint8Array[]> {
    return this.#read(`read the timeline of ${nameOf(key)}`, (lmdb) => readTimeline(lmdb, key, range))
  }

  async readMeta(): Promise<StoreMeta | undefined> {
    return this.#read('read the facts of the store', (lmdb) => {
      const bytes = lmdb.getBinary(records.META_KEY)
      return bytes && decodeMeta(bytes)
    })
  }

  async writeMeta(meta: StoreMeta): Promise<void> {
    if (this.#isReadOnly) throw new UnavailableError('Cannot write the facts of the store: the disk is read-only')
    await this.#write('write the facts of the store', (lmdb) => {
      lmdb.put(records.META_KEY, Buffer.from(JSON.stringify(meta)))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lmdb.close()
  }

  /** LMDB copies every page it changes, so new bytes are needed even where old ones are replaced. */
  #needRoomFor(checkpoints: readonly Checkpoint[]): void {
    const neededBytes = ROOM_BYTES + 2 * checkpoints.reduce((sum, { writes }) => sum + sizeOf(writes), 0)
    const freeBytes = freeBytesOf(this.#folder)
    if (freeBytes >= neededBytes) return
    throw new UnavailableError(`Cannot store checkpoints: ${freeBytes} bytes are free, ${neededBytes} needed`)
  }

  /** Rows and snapshot of a cut are one transaction, so a snapshot at or above it says that all of it is stored. */
  #isNews({ shard, snapshot }: Checkpoint): boolean {
    const stored = this.#snapshot(shard)
    return stored === undefined || comparePositions(snapshot.position, stored.position) > 0
  }

  #snapshot(shard: ShardId): Snapshot | undefined {
    return this.#read(`read the snapshot of shard ${shard}`, (lmdb) => {
      const bytes = lmdb.getBinary(records.snapshotKey(shard))
      if (bytes === undefined) return undefined
      const snapshot = records.decodeSnapshot(bytes)
      if (snapshot === undefined) throw new CorruptionError(`Cannot read the snapshot of shard ${shard}: undecodable`)
      return snapshot
    })
  }

  /** Puts of one call are one transaction; their values are read by LMDB's thread until this settles. */
  async #write(doing: string, put: (lmdb: Lmdb) => void): Promise<void> {
    try {
      await this.#lmdb.batch(() => put(this.#lmdb))
    } catch (error) {
      throw trouble(doing, await reasonOf(error))
    }
  }

  #read<Found>(doing: string, find: (lmdb: Lmdb) => Found): Found {
    try {
      // lmdb-js keeps one view of the data until its timer fires; by then another thread may have told us of newer.
      this.#lmdb.resetReadTxn()
      return find(this.#lmdb)
    } catch (error) {
      throw trouble(doing, error)
    }
  }
}

function putCheckpoint(lmdb: Lmdb, { shard, snapshot, writes }: Checkpoint): void {
  for (const { key, row, pages, blocks } of writes) {
    const keys = new records.ActorKeys(key)
    lmdb.put(keys.row(), records.encodeRow(snapshot.position, row))
    for (const [number, page] of pages) lmdb.put(keys.page(number), page as Buffer)
    for (const { firstSeq, lastSeq, events } of blocks) lmdb.put(keys.block(firstSeq, lastSeq), events as Buffer)
  }
  lmdb.put(records.snapshotKey(shard), records.encodeSnapshot(snapshot))
}

function freeBytesOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch (error) {
    throw trouble(`ask for the free space of ${folder}`, error)
  }
}

function sizeOf(writes: readonly ActorWrite[]): number {
  let size = 0
  for (const { row, pages, blocks } of writes) {
    size += row.byteLength
    for (const page of pages.values()) size += page.byteLength
    for (const block of blocks) size += block.events.byteLength
  }
  return size
}

function readActor(lmdb: Lmdb, key: ActorKey): ActorRow | undefined {
  const keys = new records.ActorKeys(key)
  const rowKey = keys.row()
  const pages = new Map<number, Uint8Array>()
  let found: ReturnType<typeof records.decodeRow>
  // One range is one read transaction: a row is never seen with the pages of another cut.
  for (const entry of lmdb.getRange({ start: rowKey, end: keys.endOfRows() })) {
    const number = records.pageOfKey(entry.key, rowKey)
    if (number !== undefined) pages.set(number, entry.value)
    else found = records.decodeRow(entry.value)
    if (found === undefined) throw new CorruptionError(`Cannot read the row of ${nameOf(key)}: undecodable or absent`)
  }
  return found && { ...found, pages }
}

/**
 * Blocks come in order of their last seq and may overlap: a cut that was written, but whose answer was lost, is cut
 * elsewhere when it is made again.
 */
function readTimeline(lmdb: Lmdb, key: ActorKey, { from, to, bytesMax }: TimelineRange): Uint8Array[] {
  const keys = new records.ActorKeys(key)
  const found: Uint8Array[] = []
  let next: Seq = from
  let bytesLeft = bytesMax
  for (const entry of lmdb.getRange({ start: keys.block(0, from), end: keys.endOfBlocks() })) {
    if (next > to) break
    const { firstSeq, lastSeq } = records.seqsOfBlockKey(entry.key)
    if (firstSeq > next) throw new CorruptionError(`Cannot read the timeline of ${nameOf(key)}: no block holds ${next}`)
    const block = entry.value
    const view = records.viewOf(block)
    let at = 0
    for (let seq = firstSeq; seq <= lastSeq; seq++) {
      const end = records.endOfEvent(view, at)
      if (end === undefined) throw new CorruptionError(`${blockName(key, firstSeq, lastSeq)} ends before seq ${seq}`)
      if (seq === next && seq <= to) {
        bytesLeft -= end - at
        if (bytesLeft < 0 && found.length > 0) return found
        found.push(block.subarray(at, end))
        next = seq + 1
      }
      at = end
    }
    if (at !== block.byteLength) throw new CorruptionError(`${blockName(key, firstSeq, lastSeq)} holds more than that`)
  }
  return found
}

function decodeMeta(bytes: Buffer): StoreMeta {
  try {
    return JSON.parse(bytes.toString()) as StoreMeta
  } catch (error) {
    throw new CorruptionError('Cannot read the facts of the store: undecodable', { cause: error })
  }
}

/** lmdb-js rejects the puts first, then a promise on that error with what LMDB said; unheard, it ends the process. */
async function reasonOf(error: unknown): Promise<unknown> {
  const reason = (error as { commitError?: Promise<never> }).commitError
  return reason === undefined ? error : reason.catch((cause: unknown) => cause)
}

function trouble(doing: string, error: unknown): Error {
  if (error instanceof CorruptionError) return error
  if (FILE_BROKEN.has((error as { code?: unknown }).code))
    return new CorruptionError(`Cannot ${doing}: the file is damaged`, { cause: error })
  return new UnavailableError(`Cannot ${doing}: the file system or LMDB refused`, { cause: error })
}

function nameOf(key: ActorKey): string {
  const { app, kind, id } = parseActorKey(key)
  return `actor ${JSON.stringify([app, kind, id])}`
}

function blockName(key: ActorKey, firstSeq: Seq, lastSeq: Seq): string {
  return `Cannot read the timeline of ${nameOf(key)}: block ${firstSeq}…${lastSeq}`
}
