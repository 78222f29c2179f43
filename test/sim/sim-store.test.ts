import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { type ActorKey, ActorKind, actorKey, type ShardId } from '../../src/domain/ids.js'
import { seededRandom } from '../../src/std/random.js'
import type { Checkpoint } from '../../src/storage/message-store.js'
import { messageStoreConformance } from '../conformance/message-store.js'
import { Coverage } from './draw.js'
import { Host } from './host.js'
import { HONEST_STORE, SimStore, SimStoreServer } from './sim-store.js'
import { outsidePromises, VirtualTime } from './virtual-time.js'

{
  const { time, store } = world()
  const pump = setInterval(() => time.run(time.now + 1_000), 0)
  pump.unref()
  messageStoreConformance("the simulator's store", async () => store())
}

describe('the simulated store fails in ways that positions make harmless', () => {
  const key: ActorKey = actorKey('app', ActorKind.group, 'lunch')
  const shard = 0 as ShardId

  test('a write that failed may apply later, but never over a newer one', async () => {
    const { time, server, store } = world()
    server.faults = { ...HONEST_STORE, writeLate: 1 }
    const first = rejects(store().store([checkpoint(1)]))
    server.faults = HONEST_STORE
    const second = store().store([checkpoint(2)])
    await outsidePromises(() => time.run(60_000))
    await Promise.all([first, second])
    deepEqual([...server.actors.get(key)!.row], [2])
    equal(server.snapshots.get(shard)?.position.batchNo, 2)
  })

  test('a write that failed in part has brought no snapshot', async () => {
    const { time, server, store } = world()
    server.faults = { ...HONEST_STORE, writeFails: 1 }
    for (let attempt = 0; attempt < 20; attempt++) {
      const write = rejects(
        store().store([{ ...checkpoint(1), writes: [...checkpoint(1).writes, ...checkpoint(1).writes] }]),
      )
      await outsidePromises(() => time.run(time.now + 1_000))
      await write
    }
    equal(server.actors.get(key)!.row[0], 1)
    equal(server.snapshots.get(shard), undefined)
  })

  test('what is stored is read while the call is under way, and not after it', async () => {
    for (const writeLate of [0, 1]) {
      const { time, server, store } = world()
      server.faults = { ...HONEST_STORE, writeLate }
      const sent = checkpoint(1)
      const write = store()
        .store([sent])
        .catch(() => {})
      sent.writes[0]!.row[0] = 2
      void write.then(() => {
        sent.writes[0]!.row[0] = 3
      })
      await outsidePromises(() => time.run(60_000))
      await write
      equal(server.actors.get(key)!.row[0], 2)
    }
  })

  function checkpoint(batchNo: number): Checkpoint {
    const position = { logIncarnation: 1, batchNo, index: 0 }
    const write = { key, row: Uint8Array.of(batchNo), pages: new Map(), blocks: [] }
    return { shard, snapshot: { position, epoch: 1, chain: 0, tail: batchNo }, writes: [write] }
  }
})

function world() {
  const time = new VirtualTime()
  const server = new SimStoreServer(time, seededRandom(3), new Coverage())
  const host = new Host('test', time, (_host, error) => {
    throw error
  })
  return { time, server, store: () => new SimStore(server, host) }
}
