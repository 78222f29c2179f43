/**
 * A client's storage in the browser's IndexedDB: one database per tab that is open at the same time, since two tabs with
 * one queue would number their messages twice. A tab takes the first database that no other tab has (Web Locks), with
 * the queue and the lane that are in it; so a reload, or the next tab after a crash, goes on where the last one stopped.
 */
import { type ClientStorage, StorageError } from '../storage.js'
import type { LockManager, PlatformDatabase, PlatformIndexedDb, Request } from './indexed-db-types.js'

export interface IndexedDbStorageParts {
  /** Names the databases; by default `parley`. */
  readonly name?: string
  readonly indexedDB: PlatformIndexedDb
  /** Absent where the page is not a secure context (https, or localhost). */
  readonly locks: LockManager | undefined
}

/** Tabs of one origin that have a queue each; the next one is refused. */
const TABS_MAX = 16
const STORE = 'entries'

export class IndexedDbStorage implements ClientStorage {
  readonly #parts: IndexedDbStorageParts
  #database: PlatformDatabase | undefined
  #unlock: () => void = () => {}

  constructor(parts: IndexedDbStorageParts) {
    this.#parts = parts
  }

  async open(): Promise<ReadonlyMap<string, string>> {
    const name = await this.#takeName()
    try {
      this.#database = await this.#openDatabase(name)
      const entries = this.#database.transaction(STORE, 'readonly').objectStore(STORE)
      const [keys, values] = await Promise.all([resultOf(entries.getAllKeys()), resultOf(entries.getAll())])
      return new Map(keys.map((key, index) => [key, values[index]!]))
    } catch (cause) {
      await this.close()
      throw new StorageError(`Cannot open the database ${name}: does this browser keep data here?`, { cause })
    }
  }

  write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    return new Promise((resolve, reject) => {
      // Strict: complete means on the disk, not on its way there.
      const transaction = this.#database!.transaction(STORE, 'readwrite', { durability: 'strict' })
      const entries = transaction.objectStore(STORE)
      for (const [key, value] of changes) {
        if (value === undefined) entries.delete(key)
        else entries.put(value, key)
      }
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new StorageError('The transaction was aborted'))
    })
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = undefined
    this.#unlock()
  }

  /** The first name that no other tab has; ours until `close`, or until this page is gone. */
  async #takeName(): Promise<string> {
    const { name = 'parley', locks } = this.#parts
    if (locks === undefined) {
      throw new StorageError('Cannot keep a queue here: Web Locks need a page from https or localhost')
    }
    for (let tab = 1; tab <= TABS_MAX; tab++) {
      const candidate = tab === 1 ? name : `${name} ${tab}`
      if (await this.#lock(locks, candidate)) return candidate
    }
    throw new StorageError(`Cannot keep a queue here: ${TABS_MAX} tabs do already`)
  }

  #lock(locks: LockManager, name: string): Promise<boolean> {
    return new Promise((answer, failed) => {
      locks
        .request(`parley storage ${name}`, { ifAvailable: true }, (lock) => {
          answer(lock !== null)
          if (lock === null) return
          return new Promise<void>((unlock) => {
            this.#unlock = unlock
          })
        })
        .catch(failed)
    })
  }

  #openDatabase(name: string): Promise<PlatformDatabase> {
    const request = this.#parts.indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    return resultOf(request)
  }
}

function resultOf<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
