/**
 * The client library for browsers and React Native: nothing of Node is in it. Built into dist/client/browser.js.
 */
import { Client } from './client/client.js'
import type { ClientOptions } from './client/client-options.js'
import { type SharedStorage, StorageError } from './client/storage.js'
import type { PlatformWebSocket } from './client/transport.js'
import type { LockManager, PlatformBroadcastChannel, PlatformIndexedDb } from './client/web/indexed-db-types.js'
import { SharedIndexedDb } from './client/web/shared-indexed-db.js'
import { webSocketTransport } from './client/web/web-socket.js'
import { PLATFORM_CLOCK } from './std/platform-clock.js'
import { SYSTEM_RANDOM } from './std/random.js'

export * from './client/public.js'

interface BrowserGlobals {
  readonly WebSocket: PlatformWebSocket
  readonly indexedDB?: PlatformIndexedDb
  readonly BroadcastChannel?: PlatformBroadcastChannel
  readonly navigator?: { readonly locks?: LockManager }
  addEventListener?(type: 'online', listener: () => void): void
  removeEventListener?(type: 'online', listener: () => void): void
}

const globals = globalThis as unknown as BrowserGlobals

export class ParleyClient extends Client {
  readonly #networkIsBack = () => this.wake()

  constructor(options: ClientOptions) {
    const transport = webSocketTransport(() => globals.WebSocket)
    super(options, { transport, clock: PLATFORM_CLOCK, random: SYSTEM_RANDOM })
    globals.addEventListener?.('online', this.#networkIsBack)
  }

  override async close(): Promise<void> {
    globals.removeEventListener?.('online', this.#networkIsBack)
    await super.close()
  }
}

/**
 * Keeps the queue in IndexedDB, where all tabs of this origin that give the same name share one device and one connection.
 * `name` tells apart the users, or the applications, of one origin. Throws StorageError where the browser lacks what it takes.
 */
export function indexedDbStorage(name?: string): SharedStorage {
  const { indexedDB, navigator, BroadcastChannel } = globals
  if (indexedDB === undefined || BroadcastChannel === undefined) {
    throw new StorageError('Cannot keep a queue here: there is no IndexedDB, or no BroadcastChannel')
  }
  if (navigator?.locks === undefined) {
    throw new StorageError('Cannot keep a queue here: Web Locks need a page from https or localhost')
  }
  return new SharedIndexedDb({
    indexedDB,
    BroadcastChannel,
    locks: navigator.locks,
    ...(name !== undefined && { name }),
  })
}
