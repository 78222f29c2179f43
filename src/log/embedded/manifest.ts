/**
 * What must be the same, or known, from one start to the next: format, shardCount, the writers and which shard is whose.
 *
 * Replaced atomically: written and synced under another name, renamed, the folder synced. Another shardCount or format
 * is refused; another number of writers re-maps the shards, since recovery reads all writers' files anyway.
 */
import { CorruptionError, UnavailableError } from '../../domain/errors.js'
import { SHARD_HASH } from '../../domain/ids.js'
import { isMissing, type LogFile, type LogFolder } from './file-port.js'
import { FORMAT_VERSION } from './segment.js'

export interface Manifest {
  readonly format: number
  readonly shardHash: string
  readonly shardCount: number
  /** Writer ids that may have files. */
  readonly writers: readonly number[]
  /** By shard, the writer that appends to it. */
  readonly writerOfShard: readonly number[]
}

export const MANIFEST_NAME = 'manifest.json'
const PASSING_NAME = 'manifest.json.part'
const BYTES_MAX = 4 * 1024 * 1024

/** Reads or makes the manifest and maps the shards to `writers` writers. Throws UnavailableError where the folder was
 *  made with another shardCount or format, and CorruptionError. */
export async function claimManifest(
  folder: LogFolder,
  { shardCount, writers }: { readonly shardCount: number; readonly writers: number },
): Promise<Manifest> {
  const found = await readManifest(folder)
  const wanted: Manifest = {
    format: FORMAT_VERSION,
    shardHash: SHARD_HASH,
    shardCount,
    writers: Array.from({ length: writers }, (_, writer) => writer),
    writerOfShard: Array.from({ length: shardCount }, (_, shard) => shard % writers),
  }
  for (const fixed of ['format', 'shardHash', 'shardCount'] as const) {
    if (found !== undefined && found[fixed] !== wanted[fixed]) {
      const facts = `its ${fixed} is ${found[fixed]}, this node's is ${wanted[fixed]}`
      throw new UnavailableError(`Cannot use the log folder ${folder.path}: ${facts}`)
    }
  }
  if (JSON.stringify(found) !== JSON.stringify(wanted)) await writeManifest(folder, wanted)
  return wanted
}

/** Undefined where the folder has none. Throws UnavailableError, CorruptionError. */
export async function readManifest(folder: LogFolder): Promise<Manifest | undefined> {
  let file: LogFile
  try {
    file = folder.openToRead(MANIFEST_NAME)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new UnavailableError(`Cannot open ${MANIFEST_NAME} in ${folder.path}`, { cause })
  }
  try {
    const bytes = new Uint8Array(Math.min(file.size(), BYTES_MAX))
    await file.read(bytes, 0)
    return JSON.parse(new TextDecoder().decode(bytes)) as Manifest
  } catch (cause) {
    throw new CorruptionError(`Cannot read ${MANIFEST_NAME} in ${folder.path}`, { cause })
  } finally {
    file.close()
  }
}

async function writeManifest(folder: LogFolder, manifest: Manifest): Promise<void> {
  try {
    if (folder.names().includes(PASSING_NAME)) folder.unlink(PASSING_NAME)
    const file = folder.create(PASSING_NAME)
    try {
      file.write([new TextEncoder().encode(JSON.stringify(manifest))], 0)
      await file.sync()
    } finally {
      file.close()
    }
    folder.rename(PASSING_NAME, MANIFEST_NAME)
    await folder.sync()
  } catch (cause) {
    throw new UnavailableError(`Cannot write ${MANIFEST_NAME} in ${folder.path}`, { cause })
  }
}
