/**
 * What every MessageStore promises, run against each adapter: LMDB, Cassandra, the simulator's store.
 *
 * Written for the weakest store that still keeps the contract: a checkpoint that is being stored may be seen in part,
 * actor by actor, but its snapshot never before all of it.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { CorruptionError, UnavailableError } from '../../src/domain/errors.js'
import { type ActorKey, ActorKind, actorKey, type ShardId } from '../../src/domain/ids.js'
import { comparePositions, type Position } from '../../src/domain/position.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import {
  at,
  block,
  bytesOf,
  checkpoint,
  event,
  pageOf,
  patternOf,
  plain,
  seqOf,
  seqs,
  timeline,
  write,
} from './checkpoints.js'

/** `open` opens the same store each time: what one handle stored, the next one reads. */
export function messageStoreConformance(adapter: string, open: () => Promise<MessageStore>): void {
  let namesUsed = 0
  const freshShard = (): ShardId => namesUsed++ as ShardId
  const freshActor = (): ActorKey => actorKey('app', ActorKind.group, `conversation ${namesUsed++}`)

  describe(`${adapter} keeps the MessageStore contract`, () => {
    test('what was never stored is absent', async () => {
      await using store = await open()
      equal(await store.snapshot(freshShard()), undefined)
      equal(await store.readActor(freshActor()), undefined)
      deepEqual(await store.readTimeline(freshActor(), { from: 1, to: 100, bytesMax: 1 << 20 }), [])
      await store.store([])
    })

    test('a checkpoint comes back as it was stored', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const pages = new Map([
        [0, bytesOf('members')],
        [7, new Uint8Array(0)],
        [0xffff_ffff, patternOf(20_000, 3)],
      ])
      const snapshot = { position: at(2 ** 40, 17), epoch: 2 ** 32 - 1, chain: 0xdead_beef, tail: 2 ** 52 }
      await store.store([{ shard, snapshot, writes: [write(key, 'row', { pages, blocks: [block(1, 3)] })] }])
      deepEqual(await store.snapshot(shard), snapshot)
      deepEqual(plain(await store.readActor(key)), { position: snapshot.position, row: 'row', pages })
      deepEqual(await timeline(store, key, 1, 3), [1, 2, 3])
    })

    test('rows, pages and blocks may be empty or none', async () => {
      await using store = await open()
      const [shard, silent] = [freshShard(), freshActor()]
      await store.store([checkpoint(shard, at(1), [])])
      deepEqual((await store.snapshot(shard))?.position, at(1))
      await store.store([checkpoint(shard, at(2), [write(silent, '')])])
      deepEqual(plain(await store.readActor(silent)), { position: at(2), row: '', pages: new Map() })
      deepEqual(await timeline(store, silent, 1, 9), [])
    })

    test('a later checkpoint replaces the row and the pages it names, and adds to the timeline', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const first = new Map([pageOf(1, 'one'), pageOf(2, 'two')])
      const second = new Map([pageOf(2, 'TWO'), pageOf(3, 'three')])
      await store.store([checkpoint(shard, at(1), [write(key, 'old', { pages: first, blocks: [block(1, 2)] })])])
      await store.store([checkpoint(shard, at(2), [write(key, 'new', { pages: second, blocks: [block(3, 5)] })])])
      const pages = new Map([pageOf(1, 'one'), pageOf(2, 'TWO'), pageOf(3, 'three')])
      deepEqual(plain(await store.readActor(key)), { position: at(2), row: 'new', pages })
      deepEqual(await timeline(store, key, 1, 9), [1, 2, 3, 4, 5])
    })

    test('several checkpoints of one shard may come in one call, in order', async () => {
      await using store = await open()
      const [shard, key, other] = [freshShard(), freshActor(), freshActor()]
      await store.store([
        checkpoint(shard, at(1), [write(key, 'first', { blocks: [block(1, 1)] }), write(other, 'only')]),
        checkpoint(shard, at(2), [write(key, 'second', { blocks: [block(2, 2)] })]),
      ])
      deepEqual((await store.snapshot(shard))?.position, at(2))
      equal(plain(await store.readActor(key))?.row, 'second')
      deepEqual((await store.readActor(other))?.position, at(1))
      deepEqual(await timeline(store, key, 1, 2), [1, 2])
    })

    test('storing the same checkpoints again changes nothing', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const pages = new Map([pageOf(0, 'page')])
      const history = [1, 2, 3].map((batch) =>
        checkpoint(shard, at(batch), [write(key, `row ${batch}`, { pages, blocks: [block(batch, batch)] })]),
      )
      for (const one of history) await store.store([one])
      for (const again of [history, history.slice(0, 1), history.slice(1, 2)]) {
        await store.store(again)
        deepEqual((await store.snapshot(shard))?.position, at(3))
        deepEqual(plain(await store.readActor(key)), { position: at(3), row: 'row 3', pages })
        deepEqual(await timeline(store, key, 1, 9), [1, 2, 3])
      }
    })

    test('the highest position wins: incarnation before batch before index', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const rising: Position[] = [at(9, 3), at(9, 4), at(10, 0), { logIncarnation: 2, batchNo: 1, index: 0 }]
      for (const [index, position] of rising.entries()) {
        await store.store([checkpoint(shard, position, [write(key, `row ${index}`)])])
        for (const late of rising.slice(0, index)) {
          const stale = write(key, 'stale', { pages: new Map([pageOf(0, 'stale')]) })
          await store.store([checkpoint(shard, late, [stale])])
        }
        deepEqual((await store.snapshot(shard))?.position, position)
        deepEqual(plain(await store.readActor(key)), { position, row: `row ${index}`, pages: new Map() })
      }
    })

    test('a snapshot is never seen before what it stands for', async () => {
      await using store = await open()
      await using reader = await open()
      const shard = freshShard()
      const keys = Array.from({ length: 20 }, freshActor)
      let writing = true
      const looking = (async () => {
        let looks = 0
        while (writing) {
          const seen = (await reader.snapshot(shard))?.position
          for (const key of keys) {
            if (seen !== undefined) ok(comparePositions((await reader.readActor(key))!.position, seen) >= 0)
          }
          await new Promise((resolve) => setImmediate(resolve))
          looks++
        }
        return looks
      })()
      for (let batch = 1; batch <= 30; batch++) {
        const pages = new Map([[0, patternOf(3_000, batch)]])
        await store.store([
          checkpoint(
            shard,
            at(batch),
            keys.map((key) => write(key, `${batch}`, { pages })),
          ),
        ])
      }
      writing = false
      ok((await looking) > 0)
    })

    test('a range holds exactly the events asked for, wherever it begins and ends', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const cuts = [1, 2, 3, 10, 40, 41, 64]
      const blocks = cuts.slice(1).map((next, index) => block(cuts[index]!, next - 1))
      await store.store([checkpoint(shard, at(1), [write(key, 'row', { blocks })])])
      const head = 63
      for (let from = 1; from <= head + 2; from++) {
        for (const to of [from, from + 1, from + 9, head, head + 1, 2 ** 50]) {
          if (to < from) continue
          deepEqual(await timeline(store, key, from, to), seqs(from, Math.min(to, head)), `${from} … ${to}`)
        }
      }
    })

    test('seqs beyond 32 bits keep their order', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const far = 2 ** 32 - 2
      const blocks = [block(far, far + 1), block(far + 2, far + 5)]
      await store.store([checkpoint(shard, at(1), [write(key, 'row', { blocks })])])
      deepEqual(await timeline(store, key, far, far + 9), seqs(far, far + 5))
      deepEqual(await timeline(store, key, far + 3, far + 4), [far + 3, far + 4])
    })

    test('bytesMax bounds an answer, but one event always comes', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      await store.store([checkpoint(shard, at(1), [write(key, 'row', { blocks: [block(1, 4), block(5, 8)] })])])
      const size = event(1).byteLength
      for (const [bytesMax, count] of [
        [0, 1],
        [size - 1, 1],
        [size, 1],
        [2 * size - 1, 1],
        [2 * size, 2],
        [5 * size, 5],
        [1 << 20, 7],
      ]) {
        const events = await store.readTimeline(key, { from: 2, to: 8, bytesMax: bytesMax! })
        deepEqual(events.map(seqOf), seqs(2, 1 + count!), `bytesMax ${bytesMax}`)
      }
    })

    test('a hole is an error, never the end', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      await store.store([checkpoint(shard, at(1), [write(key, 'row', { blocks: [block(1, 5), block(8, 10)] })])])
      for (const [from, to] of [
        [1, 10],
        [6, 6],
        [7, 8],
      ]) {
        await rejects(timeline(store, key, from!, to!), CorruptionError)
      }
      deepEqual(await timeline(store, key, 1, 5), seqs(1, 5))
      deepEqual(await timeline(store, key, 8, 10), seqs(8, 10))
      deepEqual(await timeline(store, key, 11, 12), [])
    })

    test('a cut whose answer was lost may be cut elsewhere the second time', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      await store.store([checkpoint(shard, at(1), [write(key, 'a', { blocks: [block(1, 4)] })])])
      await store.store([checkpoint(shard, at(2), [write(key, 'b', { blocks: [block(1, 6)] })])])
      await store.store([checkpoint(shard, at(3), [write(key, 'c', { blocks: [block(3, 9)] })])])
      for (let from = 1; from <= 9; from++) deepEqual(await timeline(store, key, from, 9), seqs(from, 9))
    })

    test('actors do not meet, however alike their names', async () => {
      await using store = await open()
      const shard = freshShard()
      const id = `${namesUsed++}`
      const alike = [
        actorKey('a', ActorKind.group, id),
        actorKey('a', ActorKind.group, `${id}a`),
        actorKey('a', ActorKind.group, `${id} `),
        actorKey('a', ActorKind.group, `${id}雪😀`),
        actorKey('a', ActorKind.room, id),
        actorKey('a', ActorKind.inbox, id),
        actorKey('a', ActorKind.direct, `${id}\u001fz`),
        actorKey('aa', ActorKind.group, id),
        actorKey('x'.repeat(64), ActorKind.channel, `${id}${'雪'.repeat(40)}`),
      ]
      const writes = alike.map((key, index) =>
        write(key, `row ${index}`, { pages: new Map([pageOf(index, 'page')]), blocks: [block(index + 1, index + 2)] }),
      )
      await store.store([checkpoint(shard, at(1), writes)])
      for (const [index, key] of alike.entries()) {
        const pages = new Map([pageOf(index, 'page')])
        deepEqual(plain(await store.readActor(key)), { position: at(1), row: `row ${index}`, pages })
        deepEqual(await timeline(store, key, index + 1, 99), [index + 1, index + 2])
      }
    })

    test('one call stores many actors of many shards', async () => {
      await using store = await open()
      const cuts = Array.from({ length: 30 }, () => ({
        shard: freshShard(),
        keys: Array.from({ length: 30 }, freshActor),
      }))
      await store.store(
        cuts.map(({ shard, keys }) =>
          checkpoint(
            shard,
            at(5),
            keys.map((key) => write(key, key, { pages: new Map([pageOf(0, key)]), blocks: [block(1, 3)] })),
          ),
        ),
      )
      for (const { shard, keys } of cuts) {
        deepEqual((await store.snapshot(shard))?.position, at(5))
        for (const key of keys) {
          deepEqual(plain(await store.readActor(key)), { position: at(5), row: key, pages: new Map([pageOf(0, key)]) })
          deepEqual(await timeline(store, key, 2, 3), [2, 3])
        }
      }
    })

    test('what was read belongs to the reader', async () => {
      await using store = await open()
      const [shard, key] = [freshShard(), freshActor()]
      const pages = new Map([pageOf(0, 'page')])
      await store.store([checkpoint(shard, at(1), [write(key, 'row', { pages, blocks: [block(1, 2)] })])])
      for (let time = 0; time < 2; time++) {
        const actor = await store.readActor(key)
        deepEqual(plain(actor), { position: at(1), row: 'row', pages })
        actor!.row.fill(0)
        for (const page of actor!.pages.values()) page.fill(0)
        const events = await store.readTimeline(key, { from: 1, to: 2, bytesMax: 1 << 20 })
        deepEqual(events.map(seqOf), [1, 2])
        for (const one of events) one.fill(0)
      }
    })

    test('everything is there after closing and opening', async () => {
      const [shard, key] = [freshShard(), freshActor()]
      const pages = new Map([pageOf(4, 'page')])
      {
        await using store = await open()
        await store.store([checkpoint(shard, at(3), [write(key, 'row', { pages, blocks: [block(1, 9)] })])])
      }
      await using store = await open()
      deepEqual((await store.snapshot(shard))?.position, at(3))
      deepEqual(plain(await store.readActor(key)), { position: at(3), row: 'row', pages })
      deepEqual(await timeline(store, key, 1, 9), seqs(1, 9))
    })

    test('two handles write at once, each its own shards, and read each other', async () => {
      await using ours = await open()
      await using theirs = await open()
      const handles = [ours, theirs].map((store) => ({ store, shard: freshShard(), key: freshActor() }))
      await Promise.all(
        handles.map(async ({ store, shard, key }) => {
          for (let batch = 1; batch <= 20; batch++) {
            await store.store([
              checkpoint(shard, at(batch), [write(key, `${batch}`, { blocks: [block(batch, batch)] })]),
            ])
          }
        }),
      )
      for (const { store } of handles) {
        for (const { shard, key } of handles) {
          deepEqual((await store.snapshot(shard))?.position, at(20))
          deepEqual(await timeline(store, key, 1, 99), seqs(1, 20))
        }
      }
    })

    test('the facts of the store are kept', async () => {
      await using store = await open()
      const meta = { shardCount: 256, shardHash: 'murmur3_32', formatVersion: 1 }
      await store.writeMeta(meta)
      deepEqual(await store.readMeta(), meta)
      await using again = await open()
      deepEqual(await again.readMeta(), meta)
    })

    test('after closing everything is unavailable', async () => {
      const store = await open()
      await store[Symbol.asyncDispose]()
      await rejects(store.store([checkpoint(freshShard(), at(1), [])]), UnavailableError)
      await rejects(store.snapshot(freshShard()), UnavailableError)
      await rejects(store.readActor(freshActor()), UnavailableError)
      await rejects(timeline(store, freshActor(), 1, 2), UnavailableError)
    })
  })
}
