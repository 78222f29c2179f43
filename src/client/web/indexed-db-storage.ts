/**
 * One leader's hold on a database of the browser's IndexedDB. Several tabs may have it open, and one may have been the
 * leader without knowing that it is no more: so each opening counts an epoch up, and each write looks in its own
 * transaction whether the epoch is still that of its opening.
 */
import { type ClientStorage, EPOCH, FencedError, StorageError } from '../storage.js'
import type { PlatformDatabase, PlatformIndexedDb, Request, Transaction } from './indexed-db-types.js'

/** 2: with an epoch; whoever knows nothing of it must not write beside those who do. */
const VERSION = 2
const STORE = 'entries'

export class IndexedDbStorage implements ClientStorage {
  readonly #indexedDB: PlatformIndexedDb
  readonly #name: string
  #database: PlatformDatabase | undefined
  #epoch = ''

  constructor(indexedDB: PlatformIndexedDb, name: string) {
    this.#indexedDB = indexedDB
    this.#name = name
  }

  async open(): Promise<ReadonlyMap<string, string>> {
    try {
      this.#database = await this.#openDatabase()
      this.#database.onversionchange = () => void this.close() // a newer page wants to change its form
      const transaction = this.#begin()
      const store = transaction.objectStore(STORE)
      const [keys, values] = await Promise.all([resultOf(store.getAllKeys()), resultOf(store.getAll())])
      const entries = new Map(keys.map((key, index) => [key, values[index]!]))
      this.#epoch = `${Number(entries.get(EPOCH) ?? 0) + 1}`
      store.put(this.#epoch, EPOCH)
      await ended(transaction)
      return entries.set(EPOCH, this.#epoch)
    } catch (cause) {
      await this.close()
      if (cause instanceof StorageError) throw cause
      throw new StorageError(`Cannot open the database ${this.#name}: does this browser keep data here?`, { cause })
    }
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    if (this.#database === undefined) throw new FencedError()
    const transaction = this.#begin()
    const store = transaction.objectStore(STORE)
    let isFenced = false
    const epoch = store.get(EPOCH)
    epoch.onsuccess = () => {
      isFenced = epoch.result !== this.#epoch
      if (isFenced) return transaction.abort()
      for (const [key, value] of changes) {
        if (value === undefined) store.delete(key)
        else store.put(value, key)
      }
    }
    await ended(transaction).catch((cause) => {
      throw isFenced ? new FencedError() : cause
    })
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = undefined
  }

  /** Strict: complete means on the disk, not on its way there. */
  #begin(): Transaction {
    return this.#database!.transaction(STORE, 'readwrite', { durability: 'strict' })
  }

  #openDatabase(): Promise<PlatformDatabase> {
    const request = this.#indexedDB.open(this.#name, VERSION)
    request.onupgradeneeded = () => {
      const { objectStoreNames } = request.result
      if (!objectStoreNames.contains(STORE)) request.result.createObjectStore(STORE)
    }
    const isBlocked = new Promise<never>((_, reject) => {
      request.onblocked = () => {
        request.onsuccess = () => request.result.close() // it is opened in the end, when nobody wants it any more
        reject(
          new StorageError(`Cannot open the database ${this.#name}: close the tabs with an older version of this page`),
        )
      }
    })
    return Promise.race([resultOf(request), isBlocked])
  }
}

function resultOf<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function ended(transaction: Transaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error ?? new StorageError('The transaction was aborted'))
  })
}
