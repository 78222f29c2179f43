import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { ShardId } from '../../src/domain/ids.js'
import { seededRandom } from '../../src/std/random.js'
import { shardLogConformance } from '../conformance/shard-log.js'
import { Coverage } from './draw.js'
import { Host } from './host.js'
import { SimLog } from './sim-log.js'
import { HONEST_LOG, SIM_LOG_DEFAULTS, SimLogServer } from './sim-log-server.js'
import { outsidePromises, VirtualTime } from './virtual-time.js'

for (const kind of ['jetstream', 'wal'] as const) {
  const time = new VirtualTime()
  const server = new SimLogServer(time, seededRandom(1), new Coverage(), { ...SIM_LOG_DEFAULTS, kind })
  const host = new Host('test', time, fail)
  const pump = setInterval(() => time.run(time.now + 100), 0)
  pump.unref()
  shardLogConformance(`the simulator's log (${kind})`, async () => new SimLog(server, host), { sharedByHandles: true })
}

describe('the simulated log lies as JetStream was seen to', () => {
  const shard = 3 as ShardId
  const frame = Uint8Array.of(1)

  test('an append whose answer is lost is unknown, and is in the log', async () => {
    const { time, server, log } = world()
    server.faults = { ...HONEST_LOG, answerLost: 1 }
    const outcome = log.append(shard, frame, 0)
    await outsidePromises(() => time.run(10_000))
    equal((await outcome).kind, 'unknown')
    equal(server.ledger(shard).length, 1)
  })

  test('an append that arrives late commits only if its expectation still holds', async () => {
    for (const meanwhile of [false, true]) {
      const { time, server, log, other } = world()
      server.faults = { ...HONEST_LOG, requestLate: 1 }
      const late = log.append(shard, frame, 0)
      server.faults = HONEST_LOG
      const barrier = meanwhile ? other.append(shard, Uint8Array.of(2), 0) : undefined
      await outsidePromises(() => time.run(30_000))
      equal((await late).kind, 'unknown')
      if (barrier !== undefined) equal((await barrier).kind, 'appended')
      deepEqual(
        server.ledger(shard).map(({ bytes }) => bytes[0]),
        [meanwhile ? 2 : 1],
      )
    }
  })

  test('while one append is being committed, another is told 10164', async () => {
    const { time, log, other } = world()
    const outcomes = Promise.all([log.append(shard, frame, 0), other.append(shard, frame, 0)])
    await outsidePromises(() => time.run(1_000))
    const [first, second] = await outcomes
    ok(first.kind === 'appended')
    ok(second.kind === 'unknown' && second.busy === true)
  })

  test('without a leader nothing is answered and nothing commits', async () => {
    const { time, server, log } = world()
    server.loseLeader(4_000)
    server.loseLeader(4_000)
    const outcome = log.append(2 as ShardId, frame, 0)
    const odd = log.append(shard, frame, 0)
    await outsidePromises(() => time.run(20_000))
    const kinds = [(await outcome).kind, (await odd).kind]
    ok(kinds.includes('unknown'), `${kinds}`)
  })

  test('tails are sparse, because shards share streams', async () => {
    const { time, log } = world()
    const appends = Promise.all([log.append(2 as ShardId, frame, 0), log.append(4 as ShardId, frame, 0)])
    await outsidePromises(() => time.run(100))
    const tails = (await appends).map((outcome) => (outcome.kind === 'appended' ? outcome.tail : -1))
    deepEqual(tails.sort(), [1, 2])
  })
})

function world() {
  const time = new VirtualTime()
  const server = new SimLogServer(time, seededRandom(7), new Coverage())
  return {
    time,
    server,
    log: new SimLog(server, new Host('a', time, fail)),
    other: new SimLog(server, new Host('b', time, fail)),
  }
}

function fail(_host: Host, error: unknown): never {
  throw error
}
