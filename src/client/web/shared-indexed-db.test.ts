import { rejects } from 'node:assert/strict'
import { IDBFactory } from 'fake-indexeddb'
import { test } from 'vitest'
import { sharedStorageConformance } from '../../../test/conformance/shared-storage.js'
import { StorageError } from '../storage.js'
import type { LockManager, PlatformBroadcastChannel, PlatformDatabase, PlatformIndexedDb } from './indexed-db-types.js'
import { SharedIndexedDb } from './shared-indexed-db.js'

/** The browser's, as far as it is used here: one holder, the rest in their order, and a thief before all. */
function lockManager(): LockManager {
  let stolen: (() => void) | undefined
  let last: Promise<unknown> = Promise.resolve()
  return {
    async request(_, { steal }, held) {
      const before = last
      const thief = stolen
      const robbed = new Promise<never>((__, reject) => {
        const rob = () => reject(new DOMException('The lock was stolen', 'AbortError'))
        if (steal) stolen = rob
        else void before.then(() => (stolen = rob))
      })
      const turn = steal ? Promise.resolve(thief?.()) : before
      const use = Promise.race([turn.then(held), robbed])
      last = use.catch(() => {})
      return await use
    },
  }
}

let browsers = 0

function browser() {
  const indexedDB = new IDBFactory() as unknown as PlatformIndexedDb
  const Channel = BroadcastChannel as unknown as PlatformBroadcastChannel
  const parts = { name: `browser ${++browsers}`, indexedDB, locks: lockManager(), BroadcastChannel: Channel }
  return { parts, tab: () => new SharedIndexedDb(parts) }
}

sharedStorageConformance('IndexedDB', browser)

test('a page of a newer version gets the database; the older one writes nothing any more', async () => {
  const { parts, tab } = browser()
  const older = tab().hold()
  await older.open()
  const newer = new Promise((resolve, reject) => {
    const request = parts.indexedDB.open(parts.name, 3)
    request.onsuccess = resolve
    request.onblocked = reject
  })
  await newer
  await rejects(older.write(new Map([['a', '1']])), StorageError)
  await rejects(tab().hold().open(), StorageError)
})

test('a page that found the database held by an older one does not hold it itself, later', async () => {
  const { parts, tab } = browser()
  const open = (version: number) => {
    const request = parts.indexedDB.open(parts.name, version)
    return new Promise<PlatformDatabase>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onblocked = reject
    })
  }
  const older = await open(1)
  await rejects(tab().hold().open(), StorageError)
  older.close()
  const held = await open(2)
  held.close()
  await open(3)
})
