/**
 * Makes a folder of segments trustworthy again: validates, cuts torn tails, reports damage, and *writes again* what it
 * accepts of every open segment, because what it reads may be in the page cache only (rules §12, ADR 21).
 *
 * Runs before a writer opens, in the main thread: at start over all files, later over those of one dead worker. May be
 * cut off anywhere and run again. The order is what makes that safe: the copy is written and synced under a passing
 * name, renamed, the folder synced; only then does the original go. A copy says which segment it replaces, so that both
 * being there is no riddle, and takes over its word on where its predecessor ends.
 */
import { UnavailableError } from '../../domain/errors.js'
import { Bytes } from '../../std/bytes.js'
import type { Random } from '../../std/random.js'
import { isMissing, type LogFile, type LogFolder } from './file-port.js'
import { FrameIndex, type Run } from './frame-index.js'
import type { PurgePoints } from './purge-points.js'
import type { SegmentFacts } from './sealed-segments.js'
import {
  decodeHeader,
  encodeHeader,
  GroupEncoder,
  HEADER_BYTES,
  nameOf,
  newSegmentId,
  parseName,
  type SegmentHeader,
  type SegmentId,
} from './segment.js'
import { damaged, indexSegment, type Scanned, scanSegment } from './segment-scan.js'

export interface RecoveryScope {
  /** Recovers this dead writer's files while others live; all files where it is not given. */
  readonly writer?: number
  /** Sealed segments of others that may hold frames of the same shards; they are only read. */
  readonly alsoRead: readonly WrittenSegment[]
  readonly shardCount: number
  /** Holes among frames below these are deletions by other threads. */
  readonly points: PurgePoints
  readonly random: Random
}

/** A sealed segment, and who wrote it. */
export interface WrittenSegment extends SegmentFacts {
  readonly writer: number
}

export interface Recovered {
  readonly index: FrameIndex
  /** The segments that hold it, all sealed; those of `alsoRead` only as far as they are still there. */
  readonly segments: readonly WrittenSegment[]
}

interface Candidate {
  readonly name: string
  readonly id: SegmentId
  readonly writer: number
  readonly header: SegmentHeader | undefined
  readonly isForeign: boolean
}

/** Throws CorruptionError, and UnavailableError where the folder cannot be read or written. */
export async function recover(folder: LogFolder, scope: RecoveryScope): Promise<Recovered> {
  const candidates = await listSegments(folder, scope)
  const ends = endsOf(candidates, scope)
  const ids = new Set(candidates.map(({ id }) => id))
  const replaced = new Set(candidates.map(({ id, header }) => (header?.id === id ? header.replaces : undefined)))
  const doomed: string[] = []
  const segments: Kept[] = []
  const runs: Run[][] = Array.from({ length: scope.shardCount }, () => [])
  for (const candidate of candidates) {
    const kept = replaced.has(candidate.id) ? undefined : await keep(folder, { candidate, ids, ends }, scope)
    if (kept?.name !== candidate.name && !candidate.isForeign) doomed.push(candidate.name)
    if (kept === undefined) continue
    segments.push(kept)
    for (let shard = 0; shard < scope.shardCount; shard++) runs[shard]!.push(...kept.index.runs(shard))
  }
  const index = new FrameIndex(
    scope.shardCount,
    runs.map((ofShard, shard) => ({ shard, runs: joined(shard, ofShard, scope.points.below(shard)) })),
  )
  await makeNamesDurable(folder) // of every copy, before an original goes
  for (const name of doomed) folder.unlink(name)
  await makeNamesDurable(folder)
  return { index, segments: segments.map(({ index: _, ...facts }) => facts) }
}

/** Reads the headers. Deletes spares and unfinished copies at once: on a full disk the copies need their room. */
async function listSegments(folder: LogFolder, scope: RecoveryScope): Promise<Candidate[]> {
  const names = new Map<string, boolean>(scope.alsoRead.map(({ name }) => [name, true]))
  for (const name of folder.names()) {
    const parsed = parseName(name)
    if (parsed === undefined || names.has(name)) continue
    if (scope.writer !== undefined && parsed.writer !== scope.writer) continue
    if (parsed.kind === 'seg') names.set(name, false)
    else folder.unlink(name)
  }
  const candidates: Candidate[] = []
  for (const [name, isForeign] of names) {
    const { id, writer } = parseName(name)!
    const start = await load(folder, name, HEADER_BYTES)
    if (start !== undefined) candidates.push({ name, id, writer, header: decodeHeader(start.u8), isForeign })
  }
  return candidates
}

/** Where segments end: by the word of their own header, their successor's, or an earlier recovery. */
function endsOf(candidates: readonly Candidate[], { alsoRead }: RecoveryScope): Map<SegmentId, number> {
  const ends = new Map<SegmentId, number>()
  const learn = (name: string, id: SegmentId, end: number): void => {
    const known = ends.get(id)
    if (known !== undefined && known !== end) throw damaged(name, 0, `segment ${id} ends at ${known}, and at ${end}`)
    ends.set(id, end)
  }
  for (const { name, id, end } of alsoRead) learn(name, id, end)
  for (const { name, id, header } of candidates) {
    if (header?.id !== id) continue // an old header in a file that was to be used again
    if (header.end !== undefined) learn(name, id, header.end)
    if (header.predecessor !== undefined) learn(name, header.predecessor.id, header.predecessor.end)
  }
  return ends
}

type Kept = WrittenSegment & { readonly index: FrameIndex }

/** What stays of one segment: itself where it is sealed, a copy where it is open, nothing where nothing is in it. */
async function keep(
  folder: LogFolder,
  { candidate, ids, ends }: { candidate: Candidate; ids: ReadonlySet<SegmentId>; ends: ReadonlyMap<SegmentId, number> },
  { shardCount, random }: RecoveryScope,
): Promise<Kept | undefined> {
  const { name, id, writer, header } = candidate
  const bytes = await load(folder, name)
  if (bytes === undefined) return undefined
  const end = ends.get(id)
  const scanned = scanSegment({ name, bytes, id, header, end })
  if (scanned === undefined) return undefined
  const predecessor = header?.predecessor
  if (end !== undefined) {
    const index = indexSegment(name, scanned, shardCount)
    return { name, id, writer, end, bytes: bytes.size, predecessor: predecessor?.id, shards: rangesOf(index), index }
  }
  const endsAnother = predecessor !== undefined && ids.has(predecessor.id)
  if (scanned.groups.length === 0 && !endsAnother) return undefined
  const copyId = newSegmentId(random)
  const copyName = nameOf(writer, copyId, 'seg')
  const index = indexSegment(copyName, scanned, shardCount)
  await writeAgain(folder, { bytes, scanned, header: { ...header!, id: copyId, replaces: id, end: scanned.end } })
  return {
    name: copyName,
    id: copyId,
    writer,
    end: scanned.end,
    bytes: scanned.end,
    predecessor: predecessor?.id,
    shards: rangesOf(index),
    index,
  }
}

/** The same groups at the same offsets under a new id, in a file that has its name only once it is durable. */
async function writeAgain(
  folder: LogFolder,
  { bytes, scanned, header }: { bytes: Bytes; scanned: Scanned; header: SegmentHeader },
): Promise<void> {
  const part = nameOf(header.writer, header.id, 'part')
  const encoder = new GroupEncoder()
  let file: LogFile | undefined
  try {
    file = folder.create(part)
    for (const { at, number, records } of scanned.groups) {
      const frames = records.map(({ shard, tail, offset, bytes: size }) => {
        return { shard, tail, frame: bytes.u8.subarray(offset, offset + size) }
      })
      file.write(encoder.encode(header.id, number, frames), at)
    }
    file.write([encodeHeader(header)], 0)
    await file.sync()
    folder.rename(part, nameOf(header.writer, header.id, 'seg'))
  } catch (cause) {
    throw new UnavailableError(`Cannot write log segment ${header.replaces} again`, { cause })
  } finally {
    file?.close()
  }
}

/**
 * Runs of one shard in order. Throws CorruptionError where they leave a hole or overlap. A hole below `below` was made by
 * another thread while we read; segments go oldest first, so what lies before such a hole is gone, too.
 */
function joined(shard: number, runs: readonly Run[], below: number): Run[] {
  const inOrder = runs.toSorted((a, b) => a.firstTail - b.firstTail)
  let start = 0
  for (let index = 1; index < inOrder.length; index++) {
    const { firstTail, segment, places } = inOrder[index]!
    const before = inOrder[index - 1]!
    const expected = before.firstTail + before.count
    if (firstTail > expected && firstTail <= below) start = index
    else if (firstTail !== expected) {
      const found = `frame ${firstTail} of shard ${shard} follows frame ${expected - 1} of ${before.segment}`
      throw damaged(segment, places[0]!, found)
    }
  }
  return inOrder.slice(start)
}

function rangesOf(index: FrameIndex): SegmentFacts['shards'] {
  return index.shards().map((shard) => ({ shard, first: index.oldest(shard), last: index.tail(shard) }))
}

async function makeNamesDurable(folder: LogFolder): Promise<void> {
  try {
    await folder.sync()
  } catch (cause) {
    throw new UnavailableError(`Cannot sync the log folder ${folder.path}`, { cause })
  }
}

/** The file's bytes, at most `limit`; undefined where it is gone. */
async function load(folder: LogFolder, name: string, limit = Number.POSITIVE_INFINITY): Promise<Bytes | undefined> {
  let file: LogFile | undefined
  try {
    file = folder.openToRead(name)
    const bytes = Bytes.ofSize(Math.min(file.size(), limit))
    await file.read(bytes.u8, 0)
    return bytes
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new UnavailableError(`Cannot read log segment ${name}`, { cause })
  } finally {
    file?.close()
  }
}
