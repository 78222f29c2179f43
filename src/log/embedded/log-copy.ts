/**
 * Copies a log that is being appended to, so that recovery of the copy finds a prefix of it, shard by shard.
 *
 * Segments must neither go nor be used again meanwhile (purge-hold.ts). Of each, what was whole when it was read is copied.
 * Segments that are begun after the names were read are left out, so that none says where one of which we have less ends.
 */
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import { Bytes } from '../../std/bytes.js'
import type { Random } from '../../std/random.js'
import { isMissing, type LogFolder } from './file-port.js'
import { MANIFEST_NAME, readManifest } from './manifest.js'
import { PurgePoints } from './purge-points.js'
import { recover } from './recovery.js'
import { decodeHeader, FORMAT_VERSION, findLaterGroup, parseName } from './segment.js'
import { damaged, wholeGroups } from './segment-scan.js'

/** What a shard's log holds, from its oldest frame to its newest; both 0 where it has none. */
export interface CopiedShard {
  readonly oldest: number
  readonly tail: number
}

export interface LogCopyOptions {
  readonly from: LogFolder
  /** Empty. */
  readonly to: LogFolder
  readonly random: Random
  /** Called with the bytes copied so far. */
  progress(bytes: number): void
}

/** The copy, recovered and synced, by shard. Throws CorruptionError, UnavailableError. */
export async function copyLog({ from, to, random, progress }: LogCopyOptions): Promise<CopiedShard[]> {
  const manifest = await readManifest(from)
  if (manifest === undefined) throw new UnavailableError(`Cannot copy the log ${from.path}: it has no ${MANIFEST_NAME}`)
  if (manifest.format !== FORMAT_VERSION) {
    const formats = `its format is ${manifest.format}, this build's is ${FORMAT_VERSION}`
    throw new UnavailableError(`Cannot copy the log ${from.path}: ${formats}; use the version that wrote it`)
  }
  const names = from.names().filter((name) => parseName(name)?.kind === 'seg')
  let copied = 0
  for (const name of names) {
    copied += await copySegment(from, to, name)
    progress(copied)
  }
  await copyFile(from, to, MANIFEST_NAME)
  await to.sync()
  const { shardCount } = manifest
  const points = PurgePoints.ofShards(shardCount)
  const { index } = await recover(to, { alsoRead: [], shardCount, points, random })
  return Array.from({ length: shardCount }, (_, shard) => ({ oldest: index.oldest(shard), tail: index.tail(shard) }))
}

/** Returns how many bytes were copied: none of a segment that was on its way out when the hold began. */
async function copySegment(from: LogFolder, to: LogFolder, name: string): Promise<number> {
  const { id } = parseName(name)!
  for (let needed = 0; ; ) {
    const bytes = await readWhole(from, name)
    if (bytes === undefined) return 0
    if (decodeHeader(bytes.u8)?.id !== id) {
      if (from.names().includes(name)) throw damaged(name, 0, 'the header is not what was written')
      return 0 // its file is used again
    }
    const { end, count } = wholeGroups(bytes, id)
    if (end < needed) throw damaged(name, end, `a later group is valid at offset ${needed}`)
    const later = findLaterGroup(bytes, end, id, count + 1)
    if (later === undefined) {
      await write(to, name, bytes.u8.subarray(0, end))
      return end
    }
    needed = later // its predecessors were synced before it was written: the next read sees them, or they are damaged
  }
}

async function copyFile(from: LogFolder, to: LogFolder, name: string): Promise<void> {
  const bytes = await readWhole(from, name)
  if (bytes === undefined) throw new CorruptionError(`Cannot copy ${name} of ${from.path}: it is missing`)
  await write(to, name, bytes.u8)
}

async function write(to: LogFolder, name: string, bytes: Uint8Array): Promise<void> {
  const file = to.create(name)
  try {
    file.write([bytes], 0)
    await file.sync()
  } finally {
    file.close()
  }
}

async function readWhole(folder: LogFolder, name: string): Promise<Bytes | undefined> {
  try {
    const file = folder.openToRead(name)
    try {
      const bytes = Bytes.ofSize(file.size())
      const size = await file.read(bytes.u8, 0)
      return Bytes.over(bytes.u8.subarray(0, size))
    } finally {
      file.close()
    }
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new UnavailableError(`Cannot read ${name} of ${folder.path}`, { cause })
  }
}
