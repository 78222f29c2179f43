import { deepEqual, rejects } from 'node:assert/strict'
import { IDBFactory } from 'fake-indexeddb'
import { test } from 'vitest'
import { clientStorageConformance } from '../../../test/conformance/client-storage.js'
import { IndexedDbStorage } from './indexed-db-storage.js'
import type { LockManager, PlatformIndexedDb } from './indexed-db-types.js'

/** The browser's, as far as `ifAvailable` goes. */
function lockManager(): LockManager {
  const held = new Set<string>()
  return {
    async request(name, _, use) {
      if (held.has(name)) return await use(null)
      held.add(name)
      await use({ name })
      held.delete(name)
    },
  }
}

function browser() {
  const parts = { indexedDB: new IDBFactory() as unknown as PlatformIndexedDb, locks: lockManager() }
  return { again: () => new IndexedDbStorage(parts) }
}

clientStorageConformance('IndexedDB', browser)

test('each tab has a queue of its own; the next tab takes up what a closed one left', async () => {
  const tabs = browser()
  const [first, second] = [tabs.again(), tabs.again()]
  await first.open()
  await second.open()
  await first.write(new Map([['lane', 'first']]))
  await second.write(new Map([['lane', 'second']]))
  await second.close()
  const third = tabs.again()
  deepEqual((await third.open()).get('lane'), 'second')
  await first.close()
  const fourth = tabs.again()
  deepEqual((await fourth.open()).get('lane'), 'first')
})

test('without Web Locks there is no queue that two tabs might share', async () => {
  const indexedDB = new IDBFactory() as unknown as PlatformIndexedDb
  await rejects(new IndexedDbStorage({ indexedDB, locks: undefined }).open(), /Web Locks/)
})
