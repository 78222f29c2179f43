/**
 * A storage that the tabs of a browser share: a database in IndexedDB, the lead over it by a Web Lock, which ends with its
 * page however that ends, and a BroadcastChannel between the tabs.
 */
import type { ClientStorage, SharedStorage, TabChannel } from '../storage.js'
import { IndexedDbStorage } from './indexed-db-storage.js'
import type { LockManager, PlatformBroadcastChannel, PlatformIndexedDb } from './indexed-db-types.js'

export interface SharedIndexedDbParts {
  /** Names database, lock and channel; by default `parley`. */
  readonly name?: string
  readonly indexedDB: PlatformIndexedDb
  readonly locks: LockManager
  readonly BroadcastChannel: PlatformBroadcastChannel
}

export class SharedIndexedDb implements SharedStorage {
  readonly #parts: SharedIndexedDbParts
  readonly #name: string

  constructor(parts: SharedIndexedDbParts) {
    this.#parts = parts
    this.#name = parts.name ?? 'parley'
  }

  async elect(isForced: boolean, lead: () => Promise<void>): Promise<void> {
    await this.#parts.locks.request(`parley storage ${this.#name}`, { steal: isForced }, lead)
  }

  hold(): ClientStorage {
    return new IndexedDbStorage(this.#parts.indexedDB, this.#name)
  }

  channel(heard: (message: unknown) => void): TabChannel {
    const channel = new this.#parts.BroadcastChannel(`parley storage ${this.#name}`)
    channel.onmessage = ({ data }: { data: unknown }) => heard(data)
    return { post: (message) => channel.postMessage(message), close: () => channel.close() }
  }
}
