/** The parts of the browser's IndexedDB and Web Locks that are used here: the server's build knows no DOM. */

export interface Request<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

interface OpenRequest extends Request<PlatformDatabase> {
  onupgradeneeded: ((event: never) => void) | null
}

interface ObjectStore {
  getAllKeys(): Request<string[]>
  getAll(): Request<string[]>
  put(value: string, key: string): unknown
  delete(key: string): unknown
}

interface Transaction {
  readonly error: unknown
  oncomplete: ((event: never) => void) | null
  onabort: ((event: never) => void) | null
  objectStore(name: string): ObjectStore
}

export interface PlatformDatabase {
  transaction(store: string, mode: 'readonly' | 'readwrite', options?: { durability: 'strict' }): Transaction
  createObjectStore(name: string): unknown
  close(): void
}

export interface PlatformIndexedDb {
  open(name: string, version: number): OpenRequest
}

export interface LockManager {
  request(
    name: string,
    options: { readonly ifAvailable: true },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>
}
