import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import type { Command } from './command-queue.js'
import { KEYS, readKept } from './kept-text.js'
import { MemoryStorage, StorageError } from './storage.js'
import { StoredJournal } from './stored-journal.js'

const LUNCH = { kind: 2, id: 'lunch at noon' } as const
const LANE = { number: 3, random: 0xffff_ffff_ffff_fffen }
const message = (id: string): Command => ({ id, body: { kind: 'send', content: new Uint8Array([0, 1, 254, 255]) } })

/** Fails as often as it is told to. */
class FailingStorage extends MemoryStorage {
  failures = 0
  readonly sizes: number[] = []

  override async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    if (this.failures-- > 0) throw new Error('no space')
    this.sizes.push(changes.size)
    await super.write(changes)
  }
}

function rig() {
  const clock = new ManualClock()
  const storage = new FailingStorage()
  const causes: unknown[] = []
  const failed = (cause: unknown) => causes.push(cause)
  const journal = new StoredJournal({ clock, storage, orders: new Map(), listed: [], failed })
  const turn = async () => {
    clock.tick()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { clock, storage, causes, journal, turn }
}

test('what was told comes back as it was, in order', async () => {
  const { journal, storage, turn } = rig()
  journal.put(KEYS.format, '1')
  journal.lane(LANE)
  journal.conversation(LUNCH, { nextN: 3, held: 7, isFollowed: true })
  journal.command(LUNCH, { command: message('b'), n: 1, voidFor: 1103 })
  const change: Command = { id: 'a', body: { kind: 'change', action: 2, users: ['bob'] } }
  journal.command(LUNCH, { command: change, n: 2, voidFor: undefined })
  journal.command(LUNCH, { command: message('gone'), n: 0, voidFor: undefined })
  journal.settled(LUNCH, message('gone'))
  await turn()
  equal(storage.sizes.length, 1)
  deepEqual(readKept(await storage.open())?.session, {
    lane: LANE,
    conversations: [
      {
        name: LUNCH,
        nextN: 3,
        held: 7,
        isFollowed: true,
        commands: [
          { command: message('b'), n: 1, voidFor: 1103 },
          { command: change, n: 2, voidFor: undefined },
        ],
      },
    ],
  })
})

test('a write that fails is tried again with what came since; flush waits for it', async () => {
  const { journal, storage, causes, clock, turn } = rig()
  const flushed: string[] = []
  storage.failures = 2
  journal.put('a', '1')
  journal.flush(() => flushed.push('a'))
  await turn()
  journal.put('a', '2')
  journal.flush(() => flushed.push('b'))
  await turn()
  deepEqual([flushed, causes.length], [[], 1])
  for (let second = 0; second < 2; second++) {
    clock.advance(1_000)
    await turn()
    await turn()
  }
  deepEqual([flushed, causes.length], [['a', 'b'], 2])
  equal((await storage.open()).get('a'), '2')
})

test('a format of a later version is refused', () => {
  throws(() => readKept(new Map(Object.entries({ format: '2', lane: '{}' }))), StorageError)
})

test('cursor and entries of the conversation list go together; a whole list replaces the one before', async () => {
  const { journal, storage, turn } = rig()
  const entry = (conversation: string, version: number) => {
    const state = { head: 3, ordinal: 2, time: 1, readSeq: 0, readOrdinal: 0, isMember: true, flags: 0 }
    const place = { incarnation: 1, mentionSeq: 2, sinceSeq: 1 }
    return { conversationKind: 2, conversation, ...state, ...place, version }
  }
  journal.put(KEYS.format, '1')
  journal.lane(LANE)
  journal.inbox({ incarnation: 1, version: 4 }, [entry('lunch at noon', 3), entry('tea', 4)], true)
  journal.conversation(LUNCH, { nextN: 1, held: 3, isFollowed: true })
  await turn()
  deepEqual(storage.sizes, [6])
  journal.inbox({ incarnation: 2, version: 1 }, [entry('tea', 1)], true)
  await turn()
  deepEqual(readKept(await storage.open())?.session.inbox, {
    cursor: { incarnation: 2, version: 1 },
    entries: [entry('tea', 1)],
  })
})

test('a journal that was stopped writes nothing any more, and tries nothing again', async () => {
  const { journal, storage, turn } = rig()
  journal.put(KEYS.format, '1')
  await turn()
  journal.put(KEYS.device, 'd')
  journal.stop()
  journal.put(KEYS.lane, 'l')
  await turn()
  deepEqual(storage.sizes, [1])
})
