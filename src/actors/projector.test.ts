import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import type { ActorKey, ShardId } from '../domain/ids.js'
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
    const onTick = (slice: number) => {
      this.said.push(`slice ${slice}`)
    }
    this.projector = new Projector({ store, clock: this.clock, events: events as unknown as ActorsEvents, onTick })
  }

  /** A checkpoint of so many changed actors. */
  submit(shard: number, actors = 0): void {
    const snapshot = { position: POSITION_START, epoch: 1, chain: 0, tail: 1 }
    const write = { key: '' as ActorKey, row: new Uint8Array(0), pages: new Map(), blocks: [] }
    const writes = Array.from({ length: actors }, () => write)
    const stored = () => this.said.push(`stored ${shard}`)
    this.projector.submit({ checkpoint: { shard: shard as ShardId, snapshot, writes }, stored })
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

/** From one slice to the next. */
const SLICE_MS = LIMITS.projectorFlushMs / LIMITS.projectorSlices

test('what was submitted goes to the store together, at the next slice and not before', () => {
  const rig = new Rig()
  rig.submit(1)
  rig.submit(2)
  deepEqual(rig.run(SLICE_MS - 1), [])
  deepEqual(rig.run(1), ['store 1 2', 'slice 0'])
  equal(rig.projector.lag, 2)
})

test('every slice of the shards is asked once in a flush', () => {
  const asked = new Rig().run(2 * LIMITS.projectorFlushMs)
  equal(asked.length, 2 * LIMITS.projectorSlices)
  equal(new Set(asked.slice(LIMITS.projectorSlices)).size, LIMITS.projectorSlices)
  deepEqual(asked.slice(0, LIMITS.projectorSlices), asked.slice(LIMITS.projectorSlices))
})

test('a checkpoint counts as stored when the store says so, and then the next round may leave', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(SLICE_MS)
  rig.submit(2)
  deepEqual(rig.run(2 * SLICE_MS), ['slice 1', 'slice 2'])
  equal(rig.projector.lag, 2)
  deepEqual(await rig.answer(), ['stored 1'])
  deepEqual(rig.run(SLICE_MS), ['store 2', 'slice 3'])
})

test('the pause after a round is in proportion to what changed in it, up to two seconds', async () => {
  const rig = new Rig()
  const pauseAfter = async (actors: number) => {
    rig.submit(1, actors)
    rig.run(SLICE_MS)
    await rig.answer()
    let ms = 0
    while (rig.run(SLICE_MS).length === 0) ms += SLICE_MS
    return ms
  }
  equal(await pauseAfter(100), 0)
  equal(await pauseAfter(4_000), 1_000 - SLICE_MS)
  equal(await pauseAfter(1_000_000), 2_000 - SLICE_MS)
})

test('while the store fails the same round is tried again, in order, and nothing counts as stored', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(SLICE_MS)
  rig.submit(1)
  for (let attempt = 0; attempt < 3; attempt++) {
    deepEqual(await rig.answer(new Error('away')), ['failed 1'])
    rig.run(40 * SLICE_MS)
    const said = await rig.turn()
    deepEqual(said, ['store 1'])
  }
  deepEqual(await rig.answer(), ['stored 1'])
  deepEqual(rig.run(1_000)[0], 'store 1')
})

test('closed, it asks for nothing more', async () => {
  const rig = new Rig()
  rig.submit(1)
  rig.run(SLICE_MS)
  rig.projector.close()
  deepEqual(await rig.answer(new Error('away')), [])
  deepEqual(rig.run(40 * SLICE_MS), [])
})

test('how long the oldest checkpoint has waited is told until it is stored', async () => {
  const rig = new Rig()
  equal(rig.projector.lagMs, 0)
  rig.submit(1)
  rig.run(LIMITS.projectorFlushMs)
  rig.submit(2) // waits behind the one under way
  rig.run(LIMITS.projectorFlushMs)
  deepEqual([rig.projector.lag, rig.projector.lagMs], [2, 2 * LIMITS.projectorFlushMs])
  await rig.answer()
  deepEqual([rig.projector.lag, rig.projector.lagMs], [1, LIMITS.projectorFlushMs])
  rig.run(LIMITS.projectorFlushMs)
  await rig.answer()
  deepEqual([rig.projector.lag, rig.projector.lagMs], [0, 0])
})
