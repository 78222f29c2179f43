/**
 * Copies a data folder that may be in use, so that every message acked before is in the copy (ADR 74).
 *
 *   1. The server is asked to let no segment of the log go.
 *   2. The store's copy begins: of one state, S.
 *   3. The log is copied. It reaches from S at least to where every shard stood at 1, since 1 keeps what S lacks.
 *   4. The store's copy ends, the rest is copied, and it is looked whether log and store fit, shard by shard.
 *
 * The log comes after the store: what the store says, of a shard or of another one that told it, the log must hold.
 * The other way round a purge between the two would leave a gap.
 */
import { copyFileSync, existsSync, readdirSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BACKUP_LIST_NAME, BackupError, factsOf, syncPath, writeBackupList } from './backup-list.js'
import { logFolder, storeFolder, UNRESTORED, usable } from './data-folder.js'
import type { ShardId } from './domain/ids.js'
import { MiB } from './domain/limits.js'
import { openNodeFolder } from './log/embedded/file-port.js'
import { lockFolder } from './log/embedded/folder-lock.js'
import { type CopiedShard, copyLog } from './log/embedded/log-copy.js'
import { PurgeHold } from './log/embedded/purge-hold.js'
import { packageVersion } from './package-version.js'
import { makeFolder } from './std/make-folder.js'
import { SYSTEM_RANDOM } from './std/random.js'
import { EmbeddedMessageStore } from './storage/embedded/message-store.js'
import { copyStore } from './storage/embedded/store-copy.js'
import type { StoreMeta } from './storage/message-store.js'

export interface BackupOptions {
  readonly dataFolder: string
  /** Missing or empty. */
  readonly to: string
  /** What is being done, and how much of it is done. */
  progress(doing: string, bytes: number): void
}

export interface BackupReport {
  readonly folder: string
  readonly files: number
  readonly bytes: number
  /** Whether a server was serving from the folder meanwhile. */
  readonly wasRunning: boolean
}

/** Left free on the disk of the copy: it may be the disk that the server needs. */
const ROOM_BYTES = 256 * MiB

/** Throws BackupError, ConfigError, UnavailableError and CorruptionError; what is in `to` then is no backup. */
export async function backUp({ dataFolder, to, progress }: BackupOptions): Promise<BackupReport> {
  const begunAt = new Date().toISOString()
  requireData(dataFolder)
  requireEmpty(to)
  makeFolder(to, { mode: 0o700 })
  requireRoom(dataFolder, to)
  writeFileSync(join(to, UNRESTORED), `Made by parley backup of ${dataFolder}. Use it with: parley restore\n`)

  using hold = await PurgeHold.take(dataFolder)
  await using _lock = hold === undefined ? await lockFolder(dataFolder) : undefined
  const store = copyStore(storeFolder(dataFolder), storeFolder(to))
  store.done.catch(() => {}) // it is waited for below
  await store.begun
  const shards = await copyLog({
    from: openNodeFolder(logFolder(dataFolder)),
    to: openNodeFolder(logFolder(to)),
    random: SYSTEM_RANDOM,
    progress: (bytes) => progress('copying the log', bytes),
  })
  if (hold !== undefined && !(await hold.isKept())) {
    throw new BackupError(`${dataFolder}: the log was filling up, so the server purged it meanwhile; try again later`)
  }
  hold?.[Symbol.dispose]() // the rest may take long
  await reporting(store.done, () => progress('copying the store', store.bytes))
  copyOthers(dataFolder, to)
  const meta = await requireFitting(to, shards)

  const files = await listFiles(to, (bytes) => progress('reading the copy', bytes))
  const { shardCount, shardHash, formatVersion } = meta
  writeBackupList(to, {
    backupFormat: 1,
    parley: packageVersion(),
    begunAt,
    shardCount,
    shardHash,
    formatVersion,
    files,
  })
  const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
  return { folder: to, files: Object.keys(files).length, bytes, wasRunning: hold !== undefined }
}

function requireData(dataFolder: string): void {
  if (existsSync(join(logFolder(dataFolder), 'manifest.json')) && existsSync(storeFolder(dataFolder))) return
  throw new BackupError(`${dataFolder} is no data folder of Parley; name it with --data, data or PARLEY_DATA`)
}

/** Throws BackupError where the folder holds anything. */
export function requireEmpty(folder: string): void {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'lost+found') : []
  if (found.length === 0) return
  throw new BackupError(`${folder} is not empty (${found[0]}); name a new folder, nothing is ever overwritten`)
}

function requireRoom(dataFolder: string, to: string): void {
  const needed = sizeUnder(storeFolder(dataFolder)) + sizeUnder(logFolder(dataFolder)) + ROOM_BYTES
  const { bavail, bsize } = statfsSync(to)
  if (bavail * bsize >= needed) return
  const [free, wanted] = [bavail * bsize, needed].map((bytes) => `${Math.ceil(bytes / MiB)} MiB`)
  throw new BackupError(`${to}: ${free} are free on its disk, ${wanted} are wanted; choose another disk`)
}

function sizeUnder(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + (statSync(join(folder, name), gone)?.size ?? 0), 0)
}

const gone = { throwIfNoEntry: false } as const

async function reporting(work: Promise<void>, report: () => void): Promise<void> {
  const timer = setInterval(report, 100)
  try {
    await work
  } finally {
    clearInterval(timer)
  }
}

/** Small files beside log and store: secrets, revocations. They come last, since a later revocation is the safer one. */
function copyOthers(dataFolder: string, to: string): void {
  for (const entry of readdirSync(dataFolder, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === UNRESTORED || entry.name === BACKUP_LIST_NAME) continue
    copyFileSync(join(dataFolder, entry.name), join(to, entry.name))
    syncPath(join(to, entry.name))
  }
}

/** A server that starts from the copy must find every frame above what the store holds. Throws BackupError. */
async function requireFitting(to: string, shards: readonly CopiedShard[]): Promise<StoreMeta> {
  await using store = EmbeddedMessageStore.open(storeFolder(to))
  const meta = await store.readMeta()
  if (meta === undefined) throw new BackupError(`${to}: the store was never used; start the server once`)
  for (const [shard, { oldest, tail }] of shards.entries()) {
    const stored = (await store.snapshot(shard as ShardId))?.tail ?? 0
    if (tail >= stored && oldest <= stored + 1) continue
    const found = `the store reaches to ${stored}, the log holds ${oldest} to ${tail}`
    throw new BackupError(`${to} is no whole backup: of shard ${shard} ${found}; this is a bug, please report it`)
  }
  return usable(to, meta)
}

async function listFiles(folder: string, progress: (bytes: number) => void) {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => path !== UNRESTORED && !path.endsWith('lock.mdb'))
  let read = 0
  const files: Record<string, Awaited<ReturnType<typeof factsOf>>> = {}
  for (const path of paths.sort()) {
    files[path.replaceAll('\\', '/')] = await factsOf(join(folder, path), (bytes) => progress((read += bytes)))
  }
  return files
}
