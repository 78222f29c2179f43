/**
 * Copies a store that other processes write to: LMDB's own copy, which is of one committed state however long it takes.
 */
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UnavailableError } from '../../domain/errors.js'
import { makeFolder } from '../../std/make-folder.js'
import { DATA_FILE, openToRead } from './environment.js'

export interface StoreCopy {
  /** The state is chosen: what is committed from here on is not in the copy. */
  readonly begun: Promise<void>
  /** The copy is whole and on the disk. Rejects with UnavailableError. */
  readonly done: Promise<void>
  /** Bytes written so far. */
  readonly bytes: number
}

const LOOK_MS = 2

/** `from` and `to` are folders; `to` is made. Throws UnavailableError, CorruptionError. */
export function copyStore(from: string, to: string): StoreCopy {
  makeFolder(to, { mode: 0o700 })
  const target = join(to, DATA_FILE)
  const lmdb = openToRead(from)
  let isOver = false
  const done = lmdb
    .backup(to, false)
    .then(() => {
      const file = openSync(target, 'r')
      try {
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    })
    .catch((cause: unknown) => {
      throw new UnavailableError(`Cannot copy the message store ${from}`, { cause })
    })
    .finally(async () => {
      isOver = true
      await lmdb.close()
    })
  return {
    begun: begun(),
    done,
    get bytes() {
      return sizeOf(target)
    },
  }

  /** LMDB writes the first byte once it has a view of the data, and blocks its writers until then. */
  async function begun(): Promise<void> {
    while (!isOver && sizeOf(target) === 0) await new Promise((soon) => setTimeout(soon, LOOK_MS))
    if (isOver) await done
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
