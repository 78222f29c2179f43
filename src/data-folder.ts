/**
 * What lies in a data folder, and whether this build may use it. A change of anything that is written there is a new
 * format version, and comes with a way from the old one (docs/versions.md).
 *
 *   log/        the write-ahead log            store/      the message store
 *   lock-*.sock who has the folder             secret      of `parley dev`
 *   unrestored  it is a backup, or a restore that did not finish: nobody serves from it
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from './config.js'
import { SHARD_COUNT_DEFAULT, SHARD_HASH } from './domain/ids.js'
import type { StoreMeta } from './storage/message-store.js'

/** How this build lays data out. */
export const DATA_FORMAT: StoreMeta = { shardCount: SHARD_COUNT_DEFAULT, shardHash: SHARD_HASH, formatVersion: 9 }

/** In backups from the beginning, and in a folder that is being restored until it is whole. */
export const UNRESTORED = 'unrestored'

export function logFolder(dataFolder: string): string {
  return join(dataFolder, 'log')
}

export function storeFolder(dataFolder: string): string {
  return join(dataFolder, 'store')
}

/** Throws ConfigError where a server would serve from a backup, or from half of one. */
export function refuseUnrestored(dataFolder: string): void {
  if (!existsSync(join(dataFolder, UNRESTORED))) return
  throw new ConfigError(
    `${dataFolder} is a backup, or a restore that did not finish: restore the backup into an empty folder ` +
      'with parley restore BACKUP --data FOLDER, and serve from that',
  )
}

/** `theirs` as it is where this build can use such data. Throws ConfigError that says what to do. */
export function usable(dataFolder: string, theirs: StoreMeta): StoreMeta {
  if (theirs.formatVersion !== DATA_FORMAT.formatVersion) {
    const formats = `format ${theirs.formatVersion}; this build reads and writes format ${DATA_FORMAT.formatVersion}`
    throw new ConfigError(`${dataFolder} holds data of disk ${formats}: ${wayOut(theirs.formatVersion)}`)
  }
  for (const key of ['shardCount', 'shardHash'] as const) {
    if (theirs[key] === DATA_FORMAT[key]) continue
    const facts = `${dataFolder} was made with ${key} ${theirs[key]}, this build has ${DATA_FORMAT[key]}`
    throw new ConfigError(`${facts}: it is fixed when data is created; use the build that made it`)
  }
  return theirs
}

function wayOut(theirs: number): string {
  if (theirs > DATA_FORMAT.formatVersion) return 'install the newer Parley that wrote it; there is no way back'
  return 'install the Parley that wrote it, or start with another data folder (docs/versions.md lists the formats)'
}
