import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import type { ShardId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { POSITION_START } from '../domain/position.js'
import type { Checkpoint, MessageStore } from '../storage/message-store.js'
import type { ActorsEvents } from './events.js'
import { Projector } from './projector.js'

/** A store that answers when the test says so. `said` is what happened. */
class Rig {
  readonly said: string[] = []
  readonly clock = new ManualClock()
  readonly projector: Projector
  #answer: { resolve: () => void; reject: (cause: Error) => void } | undefined

  constructor() {
    const store = {
      store: (checkpoints: readonly Checkpoint[]) => {
        this.said.push(`store ${checkpoints.map(({ shard }) => shard).join(' ')}`)
        return new Promise<void>((resolve, reject) => {
          this.#answer = { resolve, reject }
        })
      },
    } as unknown as MessageStore
    const events = {
      storeFailed: ({ checkpoints }: { checkpoints: number }) => this.said.push(`failed ${checkpoints}`),
    }
    const onTick = () => {
      this.said.push('tick')
    }
    this.projector = new Projector({ store, clock: this.clock, events: events as unknown as ActorsEvents, onTick })
  }

  submit(shard: number): void {
    const snapshot = { position: POSITION_START, epoch: 1, chain: 0, tail: 1 }
    const stored = () => this.said.push(`stored ${shard}`)
    this.projector.submit({ checkpoint: { shard: shard as ShardId, snapshot, writes: [] }, stored })
  }

  /** Gives what was said in `ms` from now. */
  run(ms: number): string[] {
    this.clock.advance(ms)
    return this.said.splice(0)
  }

  /** What was said in the rest of this turn. */
  async turn(): Promise<string[]> {
    await new Promise((resolve) => setImmediate(resolve))
    return this.said.splice(0)
  }

  async answer(error?: Error): Promise<string[]> {
    if (error === undefined) this.#answer!.resolve()
    else this.#answer!.reject(error)
    return await this.turn()
  }
}

const FLUSH_MS = LIMITS.projectorFlushMs

test('checkpoints of all shards go to the store together, at the flush and not before', () => {
  const rig = new Rig()
  rig.submit(1)
  rig.submit(2)
  deepEqual(rig.run(FLUSH_MS - 1), [])
  deepEqual(rig.run(1), ['store 1 2', 'tick'])
  equal(rig.projector.lag, 0)
})

test('a checkpoint counts as stored when the store says so, and then the next round may leave', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(FLUSH_MS)
  rig.submit(2)
  deepEqual(rig.run(3 * FLUSH_MS), ['tick', 'tick', 'tick'])
  equal(rig.projector.lag, 1)
  deepEqual(await rig.answer(), ['stored 1'])
  deepEqual(rig.run(FLUSH_MS), ['store 2', 'tick'])
})

test('while the store fails the same round is tried again, in order, and nothing counts as stored', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(FLUSH_MS)
  rig.submit(1)
  for (let attempt = 0; attempt < 3; attempt++) {
    deepEqual(await rig.answer(new Error('away')), ['failed 1'])
    rig.run(10 * FLUSH_MS)
    const said = await rig.turn()
    deepEqual(said, ['store 1'])
  }
  deepEqual(await rig.answer(), ['stored 1'])
  deepEqual(rig.run(FLUSH_MS), ['store 1', 'tick'])
})

test('closed, it asks for nothing more', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(FLUSH_MS)
  rig.projector.close()
  deepEqual(await rig.answer(new Error('away')), [])
  deepEqual(rig.run(10 * FLUSH_MS), [])
})
