import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import type { LogPacing } from '../log/shard-log.js'
import type { CommitLoop } from './commit-loop.js'
import { CommitScheduler } from './commit-scheduler.js'

/** Shards by name that append when they are told to and settle when the test says so; `said` is what happened. */
class Rig {
  readonly said: string[] = []
  readonly clock = new ManualClock()
  /** Shards that have nothing to append when their turn comes. */
  readonly stopped = new Set<string>()
  /** What it takes this thread to begin an append. */
  appendCostMs = 0
  readonly #scheduler: CommitScheduler
  readonly #settle = new Map<string, (release: (() => void) | undefined) => void>()
  readonly #loops = new Map<string, CommitLoop>()

  constructor(pacing: LogPacing) {
    this.#scheduler = new CommitScheduler(pacing, this.clock)
  }

  ready(name: string, waitingBytes = 100): void {
    const loop = this.#loops.get(name) ?? ({ appendNext: () => this.#append(name) } as unknown as CommitLoop)
    Object.assign(loop, { waitingBytes })
    this.#loops.set(name, loop)
    this.#scheduler.ready(loop)
  }

  #append(name: string): Promise<(() => void) | undefined> | undefined {
    if (this.stopped.has(name)) return undefined
    this.said.push(`append ${name}`)
    if (this.appendCostMs > 0) this.clock.advance(this.appendCostMs)
    return new Promise((resolve) => this.#settle.set(name, resolve))
  }

  /** Ends the tick; gives what was said since the last call. */
  tick(): string[] {
    this.clock.tick()
    return this.said.splice(0)
  }

  async settle(name: string): Promise<string[]> {
    this.#settle.get(name)!(() => this.said.push(`release ${name}`))
    this.#settle.delete(name)
    await new Promise((resolve) => setImmediate(resolve))
    return this.tick()
  }
}

describe('a log that groups', () => {
  test('gets every shard that became ready in the tick at once', () => {
    const rig = new Rig({ kind: 'grouped' })
    rig.ready('a')
    rig.ready('b')
    rig.ready('a')
    deepEqual(rig.said, [])
    deepEqual(rig.tick(), ['append a', 'append b'])
  })

  test('gets the next round only when the last append of this one has settled', async () => {
    const rig = new Rig({ kind: 'grouped' })
    rig.ready('a')
    rig.ready('b')
    rig.tick()
    rig.ready('c')
    deepEqual(rig.tick(), [])
    deepEqual(await rig.settle('a'), [])
    deepEqual(await rig.settle('b'), ['release a', 'release b', 'append c'])
  })

  test('goes on where a shard had nothing left to append, or nothing to release', async () => {
    const rig = new Rig({ kind: 'grouped' })
    rig.ready('a')
    rig.tick()
    rig.ready('b')
    deepEqual(await rig.settle('a'), ['release a', 'append b'])
    deepEqual(await rig.settle('b'), ['release b'])
    rig.ready('a')
    deepEqual(rig.tick(), ['append a'])
  })
})

describe('rounds of a log that groups', () => {
  test('leave three quarters of the time to other work', async () => {
    const rig = new Rig({ kind: 'grouped' })
    rig.appendCostMs = 1
    rig.ready('a')
    deepEqual(rig.tick(), ['append a']) // from 0 to 1
    rig.ready('b')
    deepEqual(await rig.settle('a'), ['release a'])
    rig.clock.advance(2.9)
    deepEqual(rig.said, [])
    rig.clock.advance(0.1)
    deepEqual(rig.said, ['append b'])
  })

  test('are never more than six milliseconds apart for that, and do not wait where they cost next to nothing', async () => {
    const rig = new Rig({ kind: 'grouped' })
    rig.appendCostMs = 5
    rig.ready('a')
    rig.tick()
    rig.ready('b')
    deepEqual(await rig.settle('a'), ['release a'])
    rig.appendCostMs = 0.1
    rig.clock.advance(1)
    deepEqual(rig.said.splice(0), ['append b'])
    rig.ready('c')
    deepEqual(await rig.settle('b'), ['release b', 'append c'])
  })
})

describe('a log of streams', () => {
  const two: LogPacing = { kind: 'streams', inFlightMax: 2 }

  test('gets so many at a time and no more, the fullest first', async () => {
    const rig = new Rig(two)
    rig.ready('small', 10)
    rig.ready('large', 1_000)
    rig.ready('medium', 100)
    deepEqual(rig.tick(), ['append large', 'append medium'])
    deepEqual(await rig.settle('medium'), ['release medium', 'append small'])
  })

  test('goes on to the next where the chosen ones have nothing to append any more', () => {
    const rig = new Rig({ kind: 'streams', inFlightMax: 1 })
    rig.stopped.add('large')
    rig.ready('large', 1_000)
    rig.ready('small', 10)
    deepEqual(rig.tick(), ['append small'])
  })

  test('releases each by itself, whatever the others do', async () => {
    const rig = new Rig(two)
    rig.ready('a')
    rig.ready('b')
    rig.tick()
    deepEqual(await rig.settle('b'), ['release b'])
  })

  test('passes nobody over more than three times', async () => {
    const rig = new Rig({ kind: 'streams', inFlightMax: 1 })
    rig.ready('small', 1)
    const order: string[] = []
    rig.ready('large', 1_000)
    order.push(...rig.tick())
    for (let round = 0; round < 4; round++) {
      rig.ready(`large ${round}`, 1_000)
      const running = order.at(-1)!.slice('append '.length)
      order.push(...(await rig.settle(running)).filter((line) => line.startsWith('append')))
    }
    equal(order.indexOf('append small'), 3)
  })
})
