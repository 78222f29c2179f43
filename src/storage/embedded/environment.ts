/**
 * Opens the LMDB environment of the message store, with every option that matters for durability spelt out.
 *
 * A commit is LMDB's own sequence: write the new pages, fdatasync, write the root synchronously. lmdb-js' default,
 * `overlappingSync`, writes the root first: then a commit is seen before it is durable, a restarted process believes what
 * only the page cache holds, and a failed fdatasync leaves clean, lost pages under a root that a later one makes
 * durable. With it off a failed sync fails the commit, and what readers see is on the disk.
 *
 * A write of the root that fails closes the environment for good in this process (MDB_PANIC), reads included.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { threadId } from 'node:worker_threads'
import { open, type RootDatabase } from 'lmdb'
import { CorruptionError } from '../../domain/errors.js'
import { KiB, MiB } from '../../domain/limits.js'
import { makeFolder } from '../../std/make-folder.js'

export type Lmdb = RootDatabase<Buffer, Buffer>

export interface Environment {
  readonly lmdb: Lmdb
  readonly isReadOnly: boolean
}

/**
 * Address space, not disk or memory: the file grows as it is written. LMDB maps again, at twice the size, whenever the
 * file outgrows this, and keeps the old maps; starting large makes that rare.
 */
const MAP_SIZE = 64 * 1024 * MiB
/** A slot is 64 bytes of the lock file; each thread needs one, and one more while an iterator is open. */
const READERS_MAX = 126

export const DATA_FILE = 'data.mdb'
const LOCK_FILE = 'lock.mdb'
/** More than both files take at first. */
const PROBE_SIZE = 64 * KiB

/** Opens or creates it. On a read-only file system it is opened for reading. Throws what the file system or LMDB said. */
export function openEnvironment(folder: string): Environment {
  const readOnly = isReadOnly(folder)
  if (!readOnly) prepareFolder(folder)
  checkFile(join(folder, DATA_FILE))
  const lmdb = openLmdb(folder, readOnly)
  if (!readOnly) syncFolder(folder)
  return { lmdb, isReadOnly: readOnly }
}

/** For a process that only reads, whoever else writes. Throws what the file system or LMDB said. */
export function openToRead(folder: string): Lmdb {
  accessSync(join(folder, DATA_FILE), constants.R_OK)
  checkFile(join(folder, DATA_FILE))
  return openLmdb(folder, true)
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return false
  } catch (error) {
    return (error as { code?: unknown }).code === 'EROFS'
  }
}

/**
 * lmdb-js 3.5 crashes the process where LMDB cannot open an environment (it goes on using memory it has freed), so whatever would make
 * that fail is tried before: a folder and files that we may write, room for the first pages, a file that is LMDB's.
 */
function prepareFolder(folder: string): void {
  makeFolder(folder)
  const files = [DATA_FILE, LOCK_FILE].map((name) => join(folder, name))
  for (const file of files) if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK)
  if (files.every(existsSync)) return
  const probe = join(folder, `probe.${process.pid}.${threadId}`)
  try {
    writeFileSync(probe, new Uint8Array(PROBE_SIZE))
    sync(probe, fsyncSync)
  } finally {
    rmSync(probe, { force: true })
  }
}

/** Looks for the head of LMDB's first page: magic, format, and both root pages present. */
function checkFile(file: string): void {
  if (!existsSync(file)) return
  const { size } = statSync(file)
  if (size === 0) return
  const head = Buffer.alloc(64)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, head, 0, head.length, 0)
  closeSync(descriptor)
  const pageSize = head.readUInt32LE(48)
  const isOurs = head.readUInt32LE(24) === 0xbeefc0de && head.readUInt16LE(28) === 2 && size >= 2 * pageSize
  if (!isOurs) throw new CorruptionError(`Cannot open ${file}: its first 64 bytes are not those of an LMDB file`)
}

/**
 * A process killed while it wrote the root leaves a root in the page cache that no disk has yet. We are about to believe
 * it, and the log will be purged by it, so it goes to the disk first; and with it the names of new files and folders.
 */
function syncFolder(folder: string): void {
  sync(join(folder, DATA_FILE), fdatasyncSync)
  sync(folder, fsyncSync)
  sync(dirname(resolve(folder)), fsyncSync)
}

function openLmdb(folder: string, readOnly: boolean): Lmdb {
  return open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    readOnly,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    // On, it batches all puts of a turn of the event loop, with a promise of its own that nobody else sees: a commit that
    // fails rejects it, and an unheard rejection ends the process. `batch` has one promise, and it is ours.
    eventTurnBatching: false,
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
