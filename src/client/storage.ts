/**
 * Where a device keeps what must survive a reload or a crash: its queue with its lane, and what it holds of each
 * conversation.
 *
 * Adapters: MemoryStorage below, web/indexed-db-storage.ts, node/file-storage.ts; for tabs that share one
 * web/shared-indexed-db.ts. Contracts: test/conformance/client-storage.ts, shared-storage.ts.
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

/** A storage that several tabs have at once. One of them, the leader, holds it; the others speak with that one. */
export interface SharedStorage {
  /**
   * Waits for its turn to be the leader, or takes it from who is at once. `lead` runs while this tab is it, until what it
   * returns resolves. Resolves then; rejects where another tab has taken the lead, or where nobody can have it.
   */
  elect(isForced: boolean, lead: () => Promise<void>): Promise<void>
  /**
   * For the leader. `open` writes under `EPOCH` how often the storage was opened, and from then on every write of an earlier
   * opening is rejected with FencedError: a leader that was frozen, and wakes, changes nothing any more.
   */
  hold(): ClientStorage
  /** `heard` gets what other tabs post, as copies, in the order each posted it. */
  channel(heard: (message: unknown) => void): TabChannel
}

export interface TabChannel {
  /** To all other tabs. What is posted can be cloned by structure. */
  post(message: object): void
  close(): void
}

export const EPOCH = 'epoch'

export function isShared(storage: ClientStorage | SharedStorage): storage is SharedStorage {
  return 'elect' in storage
}

/** The storage cannot be opened, and what to do about it. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/** Another tab has opened this storage since. */
export class FencedError extends StorageError {
  constructor() {
    super('Cannot write: another tab has opened this storage since')
  }
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
