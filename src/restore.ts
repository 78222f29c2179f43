/**
 * Makes a data folder of a backup, and raises the incarnation of its logs (rules §14, ADR 74).
 *
 * Clients may have seen more than the backup holds: the same seq may come to name another message. Incarnations tell
 * the two apart, so each restore takes one that no restore had: the seconds since 1970, or one more than what the backup
 * has. The folder carries a mark until it is whole; no server serves from it before.
 */
import { copyFileSync, rmSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { requireEmpty } from './backup.js'
import { BackupError, factsOf, readBackupList, syncPath } from './backup-list.js'
import { storeFolder, UNRESTORED, usable } from './data-folder.js'
import type { ShardId } from './domain/ids.js'
import { MiB } from './domain/limits.js'
import { makeFolder } from './std/make-folder.js'
import { EmbeddedMessageStore } from './storage/embedded/message-store.js'

export interface RestoreOptions {
  /** The backup; it is only read. */
  readonly from: string
  /** Missing or empty. */
  readonly dataFolder: string
  progress(doing: string, bytes: number): void
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface RestoreReport {
  readonly dataFolder: string
  /** Of the backup. */
  readonly begunAt: string
  readonly bytes: number
  /** What the logs' incarnation was raised to. */
  readonly incarnation: number
}

/** Throws BackupError, ConfigError, UnavailableError and CorruptionError; the data folder is left empty then. */
export async function restore({ from, dataFolder, progress, now }: RestoreOptions): Promise<RestoreReport> {
  const list = readBackupList(from)
  usable(from, list)
  requireEmpty(dataFolder)
  makeFolder(dataFolder, { mode: 0o700 })
  const bytes = Object.values(list.files).reduce((sum, file) => sum + file.bytes, 0)
  const { bavail, bsize } = statfsSync(dataFolder)
  if (bavail * bsize < bytes + 64 * MiB) {
    throw new BackupError(`${dataFolder}: ${Math.ceil(bytes / MiB) + 64} MiB are wanted on its disk; choose another`)
  }
  const written = new Set<string>([UNRESTORED])
  try {
    copyFileSync(join(from, UNRESTORED), join(dataFolder, UNRESTORED))
    syncPath(dataFolder)
    let copied = 0
    for (const [path, expected] of Object.entries(list.files)) {
      written.add(path.split('/')[0]!)
      await copyChecked(join(from, path), join(dataFolder, path), { path, from, expected })
      progress('restoring', (copied += expected.bytes))
    }
    const incarnation = await raiseIncarnation(dataFolder, list.shardCount, now)
    for (const path of new Set(Object.keys(list.files).map((each) => dirname(join(dataFolder, each))))) syncPath(path)
    rmSync(join(dataFolder, UNRESTORED))
    syncPath(dataFolder)
    return { dataFolder, begunAt: list.begunAt, bytes, incarnation }
  } catch (error) {
    for (const name of written) rmSync(join(dataFolder, name), { recursive: true, force: true })
    throw error
  }
}

interface Checked {
  readonly path: string
  readonly from: string
  readonly expected: { readonly bytes: number; readonly sha256: string }
}

/** The copy is what is checked, so a disk that garbles it is noticed, too. */
async function copyChecked(source: string, target: string, { path, from, expected }: Checked): Promise<void> {
  makeFolder(dirname(target), { mode: 0o700 })
  try {
    copyFileSync(source, target)
  } catch (cause) {
    throw new BackupError(`${from} is damaged: cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
  syncPath(target)
  const { bytes, sha256 } = await factsOf(target)
  if (bytes === expected.bytes && sha256 === expected.sha256) return
  const why = bytes === expected.bytes ? 'its SHA-256 differs' : `it has ${bytes} bytes of ${expected.bytes}`
  throw new BackupError(`${from} is damaged: ${path} is not what was written (${why}); use another backup`)
}

async function raiseIncarnation(dataFolder: string, shardCount: number, now: number): Promise<number> {
  await using store = EmbeddedMessageStore.open(storeFolder(dataFolder))
  const meta = usable(dataFolder, (await store.readMeta())!)
  let highest = meta.incarnationMin ?? 1
  for (let shard = 0; shard < shardCount; shard++) {
    highest = Math.max(highest, (await store.snapshot(shard as ShardId))?.position.logIncarnation ?? 0)
  }
  const incarnationMin = Math.max(highest + 1, Math.floor(now / 1_000))
  await store.writeMeta({ ...meta, incarnationMin })
  return incarnationMin
}
