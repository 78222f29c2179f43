/** What every storage that tabs share promises, run against each adapter. Each tab has a view of its own of the same storage. */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { EPOCH, FencedError, type SharedStorage } from '../../src/client/storage.js'

export interface SharedTabs {
  /** Another tab's view of the same storage. */
  tab(): SharedStorage
}

export function sharedStorageConformance(adapter: string, begin: () => SharedTabs): void {
  test(`${adapter}: what a leader wrote is there for the next, what was deleted is not`, async () => {
    const tabs = begin()
    const first = tabs.tab().hold()
    deepEqual(await first.open(), changes({ [EPOCH]: '1' }))
    await first.write(changes({ a: '1', b: 'two\nlines "and" \u2028 more', c: '3' }))
    await first.write(changes({ a: '4', c: undefined, never: undefined }))
    await first.close()
    const second = tabs.tab().hold()
    deepEqual(await second.open(), changes({ [EPOCH]: '2', a: '4', b: 'two\nlines "and" \u2028 more' }))
    await second.close()
  })

  test(`${adapter}: a leader writes nothing once another has opened the storage`, async () => {
    const tabs = begin()
    const [first, second] = [tabs.tab().hold(), tabs.tab().hold()]
    await first.open()
    await first.write(changes({ a: '1' }))
    deepEqual(await second.open(), changes({ [EPOCH]: '2', a: '1' }))
    await rejects(first.write(changes({ a: '2', b: '2' })), FencedError)
    await second.write(changes({ c: '3' }))
    await rejects(first.write(changes({ a: '4' })), FencedError)
    await second.close()
    await rejects(second.write(changes({ d: '5' })), FencedError)
    deepEqual(await tabs.tab().hold().open(), changes({ [EPOCH]: '3', a: '1', c: '3' }))
  })

  test(`${adapter}: one tab leads at a time, the next when it is done, in the order in which they came`, async () => {
    const tabs = begin()
    const story: string[] = []
    const done: (() => void)[] = []
    const elections = ['first', 'second', 'third'].map((name) =>
      tabs.tab().elect(false, async () => {
        story.push(name)
        await new Promise<void>((resolve) => done.push(resolve))
      }),
    )
    for (let led = 1; led <= elections.length; led++) {
      await until(() => done.length === led)
      equal(story.length, led)
      done[led - 1]!()
      await elections[led - 1]
    }
    deepEqual(story, ['first', 'second', 'third'])
  })

  test(`${adapter}: the lead can be taken from whoever has it, who hears so`, async () => {
    const tabs = begin()
    let isLed = false
    const forever = () => {
      isLed = true
      return new Promise<void>(() => {})
    }
    const first = tabs.tab().elect(false, forever)
    await until(() => isLed)
    let isTaken = false
    const second = tabs.tab().elect(true, async () => {
      isTaken = true
    })
    await rejects(first)
    await second
    equal(isTaken, true)
  })

  test(`${adapter}: a channel brings copies to the other tabs, in order, and no more once it is closed`, async () => {
    const tabs = begin()
    const heard: unknown[][] = [[], [], []]
    const channels = heard.map((words) => tabs.tab().channel((message) => words.push(message)))
    const bytes = new Uint8Array([1, 2, 3])
    for (let k = 0; k < 100; k++) channels[0]!.post({ k, bytes, big: 1n })
    bytes[0] = 9
    await until(() => heard[1]!.length === 100 && heard[2]!.length === 100)
    const expected = Array.from({ length: 100 }, (_, k) => ({ k, bytes: new Uint8Array([1, 2, 3]), big: 1n }))
    deepEqual(heard, [[], expected, expected])
    channels[1]!.close()
    channels[0]!.post({ k: 100 })
    await until(() => heard[2]!.length === 101)
    equal(heard[1]!.length, 100)
    for (const channel of channels) channel.close()
  })
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

function changes(entries: Record<string, string | undefined>): Map<string, string | undefined> {
  return new Map(Object.entries(entries))
}
