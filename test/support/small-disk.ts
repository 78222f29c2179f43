/**
 * A small disk of a test's own, in memory, to be filled up.
 */
import { equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CHUNK_BYTES = 1024 * 1024

export class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'parley-disk-'))
  readonly isMounted: boolean

  /** Whether tests may have one. */
  static get canMount(): boolean {
    using disk = new SmallDisk(1)
    return disk.isMounted
  }

  constructor(sizeMiB: number) {
    this.isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'none', this.path]).status === 0
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  /** Somebody else's file of this size, or as much of it as there is room for. */
  fill(name: string, bytes: number): void {
    const file = openSync(join(this.path, name), 'w')
    try {
      for (let written = 0; written < bytes; ) written += writeSync(file, new Uint8Array(CHUNK_BYTES))
    } catch (error) {
      equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    } finally {
      closeSync(file)
    }
  }

  remove(name: string): void {
    rmSync(join(this.path, name))
  }

  [Symbol.dispose](): void {
    if (this.isMounted) spawnSync('umount', [this.path])
    rmSync(this.path, { recursive: true })
  }
}
