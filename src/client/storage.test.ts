import { equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { clientStorageConformance } from '../../test/conformance/client-storage.js'
import { MemoryStorage, StorageError } from './storage.js'

test('a memory is opened by one client at a time', async () => {
  const storage = new MemoryStorage()
  equal((await storage.open()).size, 0)
  const error = await storage.open().catch((cause: unknown) => cause)
  ok(error instanceof StorageError)
})

clientStorageConformance('memory', () => {
  const storage = new MemoryStorage()
  const views: { isOpen: boolean }[] = []
  return {
    again() {
      const view = { isOpen: false }
      views.push(view)
      return {
        async open() {
          const entries = await storage.open()
          view.isOpen = true
          return entries
        },
        write: (changes) => storage.write(changes),
        async close() {
          if (view.isOpen) await storage.close()
          view.isOpen = false
        },
      }
    },
  }
})
