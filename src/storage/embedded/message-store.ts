/**
 * The message store of a single server: one LMDB environment in a folder, opened once by each thread that uses it.
 *
 * `store` puts everything of one call into one LMDB transaction, snapshots included: after a crash either all of it is
 * there or none. It resolves after LMDB's own sequence of write, fdatasync, synchronous write of the root. That is why
 * `overlappingSync`, lmdb-js' default, is off: with it a commit is visible before it is synced, a restarted process
 * believes what only the page cache holds, and a failed fdatasync leaves pages that are clean and lost under a root
 * that is later made durable (docs/adr/0010-lmdb-syncs-inside-the-commit.md).
 *
 * Writing happens on lmdb-js' own thread, which reads the caller's buffers: nothing is copied on this one. Reads are
 * synchronous in the memory map, and go on when the folder is full or read-only.
 */
import { closeSync, existsSync, fdatasyncSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import { type ActorKey, parseActorKey, type Seq, type ShardId } from '../../domain/ids.js'
import { MiB } from '../../domain/limits.js'
import { comparePositions } from '../../domain/position.js'
import type { ActorRow, Checkpoint, MessageStore, Snapshot, StoreMeta, TimelineRange } from '../message-store.js'
import * as records from './records.js'

/**
 * Address space, not disk or memory: the file grows as it is written. LMDB maps again, at twice the size, whenever the
 * file outgrows this, and keeps the old maps; starting large makes that rare.
 */
const MAP_SIZE = 64 * 1024 * MiB
/** The unused tail of a reader's slot table costs 64 bytes each; one slot per thread and open iterator is needed. */
const READERS_MAX = 126

const DATA_FILE = 'data.mdb'
const WRITE_FORBIDDEN = new Set<unknown>([1 /* EPERM */, 13 /* EACCES */, 30 /* EROFS */])
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID: the file is not what LMDB wrote. */
const FILE_BROKEN = new Set<unknown>([-30797, -30796, -30793])

type Environment = RootDatabase<Buffer, Buffer>

export class EmbeddedMessageStore implements MessageStore {
  readonly #environment: Environment
  readonly #isReadOnly: boolean

  private constructor(environment: Environment, isReadOnly: boolean) {
    this.#environment = environment
    this.#isReadOnly = isReadOnly
  }

  /**
   * Opens or creates the store in `folder`. A folder that may not be written is opened for reading: `store` then throws.
   * Throws UnavailableError, CorruptionError.
   */
  static open(folder: string): EmbeddedMessageStore {
    try {
      return new EmbeddedMessageStore(openWritable(folder), false)
    } catch (error) {
      if (!WRITE_FORBIDDEN.has(codeOf(error))) throw trouble(`open the message store in ${folder}`, error)
    }
    try {
      return new EmbeddedMessageStore(openEnvironment(folder, true), true)
    } catch (error) {
      throw trouble(`open the message store in ${folder} for reading`, error)
    }
  }

  async store(checkpoints: readonly Checkpoint[]): Promise<void> {
    if (this.#isReadOnly) throw new UnavailableError('Cannot store checkpoints: the folder is read-only')
    // Reading first also keeps us off an environment that a failed sync has closed for good: there lmdb-js would
    // neither write nor answer, but a read throws.
    const news = checkpoints.filter((checkpoint) => this.#isNews(checkpoint))
    if (news.length === 0) return
    const writing = new Writing(this.#environment)
    for (const checkpoint of news) putCheckpoint(writing, checkpoint)
    await writing.flushed('store checkpoints')
  }

  async snapshot(shard: ShardId): Promise<Snapshot | undefined> {
    return this.#snapshot(shard)
  }

  async readActor(key: ActorKey): Promise<ActorRow | undefined> {
    return this.#read(`read the row of ${nameOf(key)}`, (environment) => readActor(environment, key))
  }

  async readTimeline(key: ActorKey, range: TimelineRange): Promise<Uint8Array[]> {
    return this.#read(`read the timeline of ${nameOf(key)}`, (environment) => readTimeline(environment, key, range))
  }

  async readMeta(): Promise<StoreMeta | undefined> {
    return this.#read('read the facts of the store', (environment) => {
      const bytes = environment.getBinary(records.META_KEY)
      return bytes && decodeMeta(bytes)
    })
  }

  async writeMeta(meta: StoreMeta): Promise<void> {
    if (this.#isReadOnly) throw new UnavailableError('Cannot write the facts of the store: the folder is read-only')
    const writing = new Writing(this.#environment)
    writing.put(records.META_KEY, Buffer.from(JSON.stringify(meta)))
    await writing.flushed('write the facts of the store')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#environment.close()
  }

  /** Rows and snapshot of a cut are one transaction, so a snapshot at or above it says that all of it is stored. */
  #isNews({ shard, snapshot }: Checkpoint): boolean {
    const stored = this.#snapshot(shard)
    return stored === undefined || comparePositions(snapshot.position, stored.position) > 0
  }

  #snapshot(shard: ShardId): Snapshot | undefined {
    return this.#read(`read the snapshot of shard ${shard}`, (environment) => {
      const bytes = environment.getBinary(records.snapshotKey(shard))
      if (bytes === undefined) return undefined
      const snapshot = records.decodeSnapshot(bytes)
      if (snapshot === undefined) throw new CorruptionError(`Cannot read the snapshot of shard ${shard}: undecodable`)
      return snapshot
    })
  }

  #read<Found>(doing: string, find: (environment: Environment) => Found): Found {
    try {
      return find(this.#environment)
    } catch (error) {
      throw trouble(doing, error)
    }
  }
}

/** Puts of one turn of the event loop, which lmdb-js makes one transaction. */
class Writing {
  readonly #environment: Environment
  /** lmdb-js answers most puts of a transaction with one shared promise. */
  readonly #promises = new Set<Promise<boolean>>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** `value` is read by another thread and must not change until `flushed` settles. */
  put(key: Buffer, value: Uint8Array): void {
    this.#promises.add(this.#environment.put(key, value as Buffer))
  }

  async flushed(doing: string): Promise<void> {
    try {
      await Promise.all(this.#promises)
    } catch (error) {
      throw trouble(doing, await reasonOf(error))
    }
  }
}

function putCheckpoint(writing: Writing, { shard, snapshot, writes }: Checkpoint): void {
  for (const { key, row, pages, blocks } of writes) {
    const keys = new records.ActorKeys(key)
    writing.put(keys.row(), records.encodeRow(snapshot.position, row))
    for (const [number, page] of pages) writing.put(keys.page(number), page)
    for (const { firstSeq, lastSeq, events } of blocks) writing.put(keys.block(firstSeq, lastSeq), events)
  }
  writing.put(records.snapshotKey(shard), records.encodeSnapshot(snapshot))
}

function readActor(environment: Environment, key: ActorKey): ActorRow | undefined {
  const keys = new records.ActorKeys(key)
  const rowKey = keys.row()
  const pages = new Map<number, Uint8Array>()
  let found: ReturnType<typeof records.decodeRow>
  // One range is one read transaction: a row is never seen with the pages of another cut.
  for (const entry of environment.getRange({ start: rowKey, end: keys.endOfRows() })) {
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
function readTimeline(environment: Environment, key: ActorKey, { from, to, bytesMax }: TimelineRange): Uint8Array[] {
  const keys = new records.ActorKeys(key)
  const found: Uint8Array[] = []
  let next: Seq = from
  let bytesLeft = bytesMax
  for (const entry of environment.getRange({ start: keys.block(0, from), end: keys.endOfBlocks() })) {
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

function openWritable(folder: string): Environment {
  const isNew = !existsSync(join(folder, DATA_FILE))
  mkdirSync(folder, { recursive: true })
  const environment = openEnvironment(folder, false)
  // A process killed while it wrote the root leaves a root in the page cache that no disk has yet. We are about to
  // believe it, and the log will be purged by it, so it goes to the disk first.
  sync(join(folder, DATA_FILE), fdatasyncSync)
  if (isNew) for (const path of [folder, dirname(resolve(folder))]) sync(path, fsyncSync)
  return environment
}

function openEnvironment(folder: string, readOnly: boolean): Environment {
  return open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    readOnly,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    mapSize: MAP_SIZE,
    maxReaders: READERS_MAX,
    maxDbs: 1,
  })
}

function sync(path: string, how: (descriptor: number) => void): void {
  const descriptor = openSync(path, 'r')
  try {
    how(descriptor)
  } finally {
    closeSync(descriptor)
  }
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
  if (FILE_BROKEN.has(codeOf(error)))
    return new CorruptionError(`Cannot ${doing}: the file is damaged`, { cause: error })
  return new UnavailableError(`Cannot ${doing}: LMDB refused`, { cause: error })
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}

function nameOf(key: ActorKey): string {
  const { app, kind, id } = parseActorKey(key)
  return `actor ${JSON.stringify([app, kind, id])}`
}

function blockName(key: ActorKey, firstSeq: Seq, lastSeq: Seq): string {
  return `Cannot read the timeline of ${nameOf(key)}: block ${firstSeq}…${lastSeq}`
}
