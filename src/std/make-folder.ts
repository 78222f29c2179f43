/**
 * `mkdir -p`, because Node's own loops for ever where a file system makes no folders and says ENOENT, as /proc does: it
 * takes that for a missing folder above, makes sure of that one, and tries again.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface MakeFolderOptions {
  /** Of the folders that are made, less the process's umask. */
  readonly mode?: number
}

/** Makes the folder and those above it that are missing; one that is there stays as it is. Throws Node's error. */
export function makeFolder(path: string, options: MakeFolderOptions = {}): void {
  try {
    mkdirSync(path, options)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    const above = dirname(path)
    if (code !== 'ENOENT' || existsSync(above)) throw error
    makeFolder(above, options)
    makeFolder(path, options)
  }
}
