/** What every client storage promises, run against each adapter. `again` opens the same storage once more. */
import { deepEqual, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { type ClientStorage, StorageError } from '../../src/client/storage.js'

export interface OpenStorages {
  /** Another client's view of the same storage. */
  again(): ClientStorage
}

export function clientStorageConformance(adapter: string, begin: () => OpenStorages): void {
  test(`${adapter}: what was written is there for the next client, what was deleted is not`, async () => {
    const storages = begin()
    const first = storages.again()
    deepEqual(await first.open(), new Map())
    await first.write(changes({ a: '1', b: 'two\nlines "and" \u2028 more', c: '3' }))
    await first.write(changes({ a: '4', c: undefined, never: undefined }))
    await first.close()
    const second = storages.again()
    deepEqual([...(await second.open())].sort(), [
      ['a', '4'],
      ['b', 'two\nlines "and" \u2028 more'],
    ])
    await second.write(changes({ d: '5' }))
    await second.close()
    const third = storages.again()
    deepEqual([...(await third.open()).keys()].sort(), ['a', 'b', 'd'])
    await third.close()
  })

  test(`${adapter}: no two clients have the same at once`, async () => {
    const storages = begin()
    const first = storages.again()
    await first.open()
    await first.write(changes({ a: '1' }))
    const second = storages.again()
    try {
      deepEqual(await second.open(), new Map()) // another one of its own…
    } catch (error) {
      await rejects(Promise.reject(error), StorageError) // … or none
    }
    await second.close()
    await first.write(changes({ b: '2' }))
    await first.close()
    const third = storages.again()
    deepEqual(await third.open(), new Map(Object.entries({ a: '1', b: '2' })))
    await third.close()
  })

  test(`${adapter}: thousands of writes`, async () => {
    const storages = begin()
    const first = storages.again()
    await first.open()
    const text = 'x'.repeat(1_000)
    for (let n = 0; n < 2_000; n++) await first.write(changes({ [`${n}`]: text, [`${n - 10}`]: undefined }))
    await first.close()
    const second = storages.again()
    deepEqual((await second.open()).size, 10)
    await second.close()
  })
}

function changes(entries: Record<string, string | undefined>): Map<string, string | undefined> {
  return new Map(Object.entries(entries))
}
