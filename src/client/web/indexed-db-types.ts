/** The parts of the browser's IndexedDB, Web Locks and BroadcastChannel that are used here: the server's build knows no DOM. */

export interface Request<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

interface OpenRequest extends Request<PlatformDatabase> {
  onblocked: ((event: never) => void) | null
  onupgradeneeded: ((event: never) => void) | null
}

interface ObjectStore {
  get(key: string): Request<string | undefined>
  getAllKeys(): Request<string[]>
  getAll(): Request<string[]>
  put(value: string, key: string): unknown
  delete(key: string): unknown
}

export interface Transaction {
  readonly error: unknown
  oncomplete: ((event: never) => void) | null
  onabort: ((event: never) => void) | null
  objectStore(name: string): ObjectStore
  abort(): void
}

export interface PlatformDatabase {
  onversionchange: ((event: never) => void) | null
  readonly objectStoreNames: { contains(name: string): boolean }
  transaction(store: string, mode: 'readwrite', options: { durability: 'strict' }): Transaction
  createObjectStore(name: string): unknown
  close(): void
}

export interface PlatformIndexedDb {
  open(name: string, version: number): OpenRequest
}

export interface LockManager {
  /** Rejects where somebody else has stolen the lock. */
  request(name: string, options: { readonly steal: boolean }, held: () => Promise<void>): Promise<unknown>
}

export interface PlatformChannel {
  onmessage: ((event: never) => void) | null
  postMessage(message: object): void
  close(): void
}

export type PlatformBroadcastChannel = new (name: string) => PlatformChannel
