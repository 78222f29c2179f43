/**
 * backup.json: what a backup consists of, so that a damaged or unfinished one is known before it is relied on. It is
 * written last; a folder without it is no backup.
 */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

export const BACKUP_LIST_NAME = 'backup.json'

/** A path that stays within the backup. */
const WITHIN = /^(?!.*\.\.)[\w.-]+(?:\/[\w.-]+)*$/

const BackupListSchema = z.object({
  /** Of this list. */
  backupFormat: z.literal(1),
  /** The Parley that made it. */
  parley: z.string(),
  /** When it began: every message acked before is in it. */
  begunAt: z.string(),
  shardCount: z.number(),
  shardHash: z.string(),
  formatVersion: z.number(),
  /** By path within the backup, `/` between folders. */
  files: z.record(z.string().regex(WITHIN), z.object({ bytes: z.number(), sha256: z.string() })),
})

export type BackupList = z.infer<typeof BackupListSchema>
export type BackupFile = BackupList['files'][string]

/** The backup cannot be used; the message says why. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

/** Throws BackupError where the folder is no whole backup. */
export function readBackupList(folder: string): BackupList {
  let text: string
  try {
    text = readFileSync(join(folder, BACKUP_LIST_NAME), 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'it was broken off, or is something else' : `${code}`
    throw new BackupError(`${folder} is no whole backup: it has no ${BACKUP_LIST_NAME} (${why})`, { cause })
  }
  try {
    return BackupListSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new BackupError(`${folder} is no whole backup: ${BACKUP_LIST_NAME} is damaged, or of a newer Parley`, {
      cause,
    })
  }
}

/** Durable when it returns. */
export function writeBackupList(folder: string, list: BackupList): void {
  const path = join(folder, BACKUP_LIST_NAME)
  writeFileSync(path, `${JSON.stringify(list, undefined, 2)}\n`, { mode: 0o600 })
  syncPath(path)
  syncPath(folder)
}

export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Reads the whole file; `progress` is called with each chunk's size. */
export async function factsOf(path: string, progress: (bytes: number) => void = () => {}): Promise<BackupFile> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer)
    progress((chunk as Buffer).length)
  }
  return { bytes: statSync(path).size, sha256: hash.digest('hex') }
}
