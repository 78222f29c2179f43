/**
 * Where a device keeps what must survive a reload or a crash: its queue with its lane, and what it holds of each
 * conversation.
 *
 * Adapters: MemoryStorage below, web/indexed-db-storage.ts, node/file-storage.ts. Contract:
 * test/conformance/client-storage.ts.
 */
export interface ClientStorage {
  /**
   * Takes hold of the storage and resolves with all that is in it. Two clients never share one: throws StorageError
   * where another has it, or where it cannot be read. Called once.
   */
  open(): Promise<ReadonlyMap<string, string>>
  /**
   * Writes all changes or none, after those of earlier calls; undefined deletes. Resolves once they survive the end of
   * this process. After a rejection nothing of them may be there, or all; the caller writes them again. One at a time.
   */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>
  /** Lets go of it; another client may open it then. */
  close(): Promise<void>
}

/** The storage cannot be opened, and what to do about it. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/** Keeps things as long as this object lives: a queue that may be lost with its page or process. */
export class MemoryStorage implements ClientStorage {
  readonly #entries = new Map<string, string>()
  #isOpen = false

  async open(): Promise<ReadonlyMap<string, string>> {
    if (this.#isOpen) throw new StorageError('Cannot open this storage: another client has it')
    this.#isOpen = true
    return new Map(this.#entries)
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    for (const [key, value] of changes) {
      if (value === undefined) this.#entries.delete(key)
      else this.#entries.set(key, value)
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false
  }
}
