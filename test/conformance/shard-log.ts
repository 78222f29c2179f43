/**
 * What every ShardLog promises, run against each adapter: the WAL, JetStream R1 and R3, the simulator's log.
 *
 * Written for the weakest log that still keeps the contract. Tails may be sparse, so only their order counts. An append
 * may end unknown at any time, so `settled` resolves it the way an owner does (rules §4). A read may end early, so
 * `readUntil` reads again until it has seen the frame it knows of.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { ShardId } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import { type LoggedFrame, type ShardLog, TAIL_START, type Tail } from '../../src/log/shard-log.js'
import { bytesOf, patternOf, readOnce, textOf, texts } from './log-frames.js'

export interface ShardLogConformanceOptions {
  /** Tests take a shard of their own each, so they need this many below it. */
  readonly shardCount?: number
  /** True where two handles may be open at once, as two nodes of a cluster are. */
  readonly sharedByHandles?: boolean
  /** Opens a log that holds nothing yet: the purge that every shard allows is tried there, since shards share storage. */
  readonly openEmpty?: () => Promise<ShardLog>
  /** Lets a little of the log's time pass, while it is busy or stale. */
  readonly pause?: () => Promise<void>
}

/** `open` opens the same log each time: what one handle appended, the next one reads. */
export function shardLogConformance(
  adapter: string,
  open: () => Promise<ShardLog>,
  options: ShardLogConformanceOptions = {},
): void {
  const shardCount = options.shardCount ?? 256
  const pause = options.pause ?? (() => new Promise<void>((resolve) => setTimeout(resolve, 5)))
  let shardsUsed = 0
  const freshShard = (): ShardId => {
    ok(shardsUsed < shardCount, 'the suite has run out of shards')
    return shardsUsed++ as ShardId
  }

  describe(`${adapter} keeps the ShardLog contract`, () => {
    test('a new shard is empty, and its first append follows TAIL_START', async () => {
      await using log = await open()
      const shard = freshShard()
      equal(await log.tail(shard), TAIL_START)
      deepEqual(await readOnce(log, shard, TAIL_START), [])
      const tail = await settled(log, shard, bytesOf('first'), TAIL_START)
      ok(tail > TAIL_START && Number.isSafeInteger(tail))
    })

    test('tails rise with every append, and read() gives the frames back in order', async () => {
      await using log = await open()
      const shard = freshShard()
      const tails = await fill(log, shard, 20)
      ok(tails.every((tail, index) => index === 0 || tail > tails[index - 1]!))
      const frames = await readUntil(log, shard, TAIL_START, tails.at(-1)!)
      deepEqual(
        frames.map((frame) => frame.tail),
        tails,
      )
      deepEqual(frames.map(textOf), texts(0, 20))
    })

    test('read() starts after the tail it is given', async () => {
      await using log = await open()
      const shard = freshShard()
      const tails = await fill(log, shard, 9)
      const last = tails.at(-1)!
      deepEqual((await readUntil(log, shard, tails[3]!, last)).map(textOf), texts(4, 9))
      deepEqual((await readUntil(log, shard, tails[7]!, last)).map(textOf), texts(8, 9))
      deepEqual(await readOnce(log, shard, last), [])
      deepEqual(await readOnce(log, shard, last + 1_000_000), [])
    })

    test('tail() comes to name the newest frame', async () => {
      await using log = await open()
      const shard = freshShard()
      const tails = await fill(log, shard, 3)
      await eventually(async () => (await log.tail(shard)) === tails[2])
    })

    test('append() refuses a position that is no longer the tail, and stores nothing', async () => {
      await using log = await open()
      const shard = freshShard()
      const tails = await fill(log, shard, 2)
      for (const stale of [TAIL_START, tails[0]!]) await fencedAt(log, shard, stale, tails[1]!)
      const after = await settled(log, shard, bytesOf('after'), tails[1]!)
      deepEqual((await readUntil(log, shard, TAIL_START, after)).map(textOf), [...texts(0, 2), 'after'])
    })

    test('append() refuses a position that the log has not reached', async () => {
      await using log = await open()
      const shard = freshShard()
      const [tail] = await fill(log, shard, 1)
      await fencedAt(log, shard, tail! + 1_000_000, tail!)
      deepEqual((await readUntil(log, shard, TAIL_START, tail!)).map(textOf), texts(0, 1))
    })

    test('of several appends to one position at most one is stored', async () => {
      await using log = await open()
      const shard = freshShard()
      let tail = TAIL_START
      const stored: string[] = []
      for (let round = 0; round < 10; round++) {
        const contenders = [0, 1, 2].map((who) => `round ${round} contender ${who}`)
        const outcomes = await Promise.all(contenders.map((text) => log.append(shard, bytesOf(text), tail)))
        ok(outcomes.filter((outcome) => outcome.kind === 'appended').length <= 1)
        for (const outcome of outcomes) ok(outcome.kind !== 'refused')
        const barrier = await appendedAnywhere(log, shard, `barrier ${round}`, tail)
        const between = (await readUntil(log, shard, tail, barrier)).map(textOf)
        equal(between.pop(), `barrier ${round}`)
        ok(between.length <= 1, `stored side by side: ${between}`)
        const winner = outcomes.findIndex((outcome) => outcome.kind === 'appended')
        if (winner >= 0) deepEqual(between, [contenders[winner]])
        stored.push(...between, `barrier ${round}`)
        tail = barrier
      }
      deepEqual((await readUntil(log, shard, TAIL_START, tail)).map(textOf), stored)
    })

    test('shards have tails of their own, many at once', async () => {
      await using log = await open()
      const shards = Array.from({ length: 16 }, freshShard)
      const tails = new Map<ShardId, Tail>(shards.map((shard) => [shard, TAIL_START]))
      for (let round = 0; round < 8; round++) {
        await Promise.all(
          shards.map(async (shard) => {
            tails.set(shard, await settled(log, shard, bytesOf(`${shard}/${round}`), tails.get(shard)!))
          }),
        )
      }
      for (const shard of shards) {
        const frames = await readUntil(log, shard, TAIL_START, tails.get(shard)!)
        deepEqual(
          frames.map(textOf),
          Array.from({ length: 8 }, (_, round) => `${shard}/${round}`),
        )
      }
    })

    test('frames of exactly the limit are stored whole; one more byte is too large', async () => {
      await using log = await open()
      const shard = freshShard()
      const largest = patternOf(LIMITS.logFrameBytesMax, 7)
      const tail = await settled(log, shard, largest, TAIL_START)
      deepEqual(await log.append(shard, patternOf(LIMITS.logFrameBytesMax + 1, 9), tail), {
        kind: 'refused',
        why: 'too-large',
      })
      const smallest = await settled(log, shard, Uint8Array.of(1), tail)
      const frames = await readUntil(log, shard, TAIL_START, smallest)
      deepEqual(
        frames.map((frame) => frame.bytes.byteLength),
        [LIMITS.logFrameBytesMax, 1],
      )
      ok(Buffer.compare(frames[0]!.bytes, largest) === 0)
    })

    test('a frame may be a view into a larger buffer, and what is read belongs to the reader', async () => {
      await using log = await open()
      const shard = freshShard()
      const whole = patternOf(4096, 3)
      const tail = await settled(log, shard, whole.subarray(100, 1100), TAIL_START)
      const [first] = await readUntil(log, shard, TAIL_START, tail)
      deepEqual(Uint8Array.from(first!.bytes), whole.slice(100, 1100))
      first!.bytes.fill(0)
      const [again] = await readUntil(log, shard, TAIL_START, tail)
      deepEqual(Uint8Array.from(again!.bytes), whole.slice(100, 1100))
    })

    test('a reader that stops early leaves the log usable', async () => {
      await using log = await open()
      const shard = freshShard()
      const tails = await fill(log, shard, 5)
      for await (const frame of log.read(shard, TAIL_START)) {
        equal(textOf(frame), 'frame 0')
        break
      }
      await settled(log, shard, bytesOf('more'), tails.at(-1)!)
    })

    test('purge() never drops the newest frame nor what was not allowed', async () => {
      await using log = await open()
      const shard = freshShard()
      const neighbour = freshShard()
      const kept = await fill(log, neighbour, 6)
      const tails = await fill(log, shard, 6)
      log.purge(shard, tails[4]!)
      await pause()
      deepEqual((await readUntil(log, shard, tails[3]!, tails[5]!)).map(textOf), texts(4, 6))
      log.purge(shard, tails[5]! + 1_000_000)
      log.purge(shard, TAIL_START) // it never goes back
      await pause()
      deepEqual((await readUntil(log, shard, tails[4]!, tails[5]!)).map(textOf), texts(5, 6))
      await fencedAt(log, shard, TAIL_START, tails[5]!)
      const next = await settled(log, shard, bytesOf('next'), tails[5]!)
      ok(next > tails[5]!)
      deepEqual((await readUntil(log, neighbour, TAIL_START, kept[5]!)).map(textOf), texts(0, 6))
    })

    test.runIf(options.openEmpty !== undefined)(
      'a purge that every shard allows leaves what each still needs',
      async () => {
        await using log = await options.openEmpty!()
        const shards = [0, 1, 2, 3] as ShardId[]
        const tails = new Map<ShardId, Tail[]>()
        for (const shard of shards) tails.set(shard, await fill(log, shard, 8))
        for (const [index, shard] of shards.entries()) log.purge(shard, tails.get(shard)![4 + index]!)
        await pause()
        for (const [index, shard] of shards.entries()) {
          const [newest, needed] = [tails.get(shard)!.at(-1)!, tails.get(shard)![4 + index]!]
          const frames = await readUntil(log, shard, needed - 1, newest)
          deepEqual(frames.map(textOf), texts(4 + index, 8))
          await fencedAt(log, shard, TAIL_START, newest)
          await settled(log, shard, bytesOf('next'), newest)
        }
      },
    )

    test('everything is there again after closing and opening', async () => {
      const shard = freshShard()
      let tails: Tail[]
      {
        await using log = await open()
        tails = await fill(log, shard, 12)
      }
      await using log = await open()
      const frames = await readUntil(log, shard, TAIL_START, tails.at(-1)!)
      deepEqual(
        frames.map((frame) => frame.tail),
        tails,
      )
      deepEqual(frames.map(textOf), texts(0, 12))
      await fencedAt(log, shard, tails[10]!, tails[11]!)
      const next = await settled(log, shard, bytesOf('next'), tails[11]!)
      deepEqual((await readUntil(log, shard, tails[11]!, next)).map(textOf), ['next'])
    })

    test('after closing, an append has an outcome and a read throws', async () => {
      const log = await open()
      const shard = freshShard()
      await fill(log, shard, 1)
      await log[Symbol.asyncDispose]()
      const outcome = await log.append(shard, bytesOf('late'), TAIL_START)
      ok(outcome.kind !== 'appended')
      await rejects(readOnce(log, shard, TAIL_START))
    })

    test('usage() is below its limit and pacing is sane', async () => {
      await using log = await open()
      await fill(log, freshShard(), 1)
      const { usedBytes, limitBytes } = log.usage()
      ok(usedBytes >= 0 && usedBytes < limitBytes)
      if (log.pacing.kind === 'streams') ok(log.pacing.inFlightMax >= 1)
    })

    test.runIf(options.sharedByHandles === true)('of two handles, the one that appended first wins', async () => {
      await using ours = await open()
      await using theirs = await open()
      const shard = freshShard()
      const first = await settled(ours, shard, bytesOf('ours'), TAIL_START)
      await fencedAt(theirs, shard, TAIL_START, first)
      const second = await settled(theirs, shard, bytesOf('theirs'), first)
      await fencedAt(ours, shard, first, second)
      deepEqual((await readUntil(ours, shard, TAIL_START, second)).map(textOf), ['ours', 'theirs'])
    })
  })

  /** Appends `count` numbered frames one after another and returns their tails. */
  async function fill(log: ShardLog, shard: ShardId, count: number): Promise<Tail[]> {
    const tails: Tail[] = []
    for (const text of texts(0, count)) {
      tails.push(await settled(log, shard, bytesOf(text), tails.at(-1) ?? TAIL_START))
    }
    return tails
  }

  /**
   * Appends until the frame is certainly there; an outcome that stays unknown is resolved by trying the same position
   * again and, once that is fenced, by looking. Needs frames that differ from each other.
   */
  async function settled(log: ShardLog, shard: ShardId, frame: Uint8Array, expected: Tail): Promise<Tail> {
    let doubtful = false
    for (;;) {
      const outcome = await log.append(shard, frame, expected)
      if (outcome.kind === 'appended') return outcome.tail
      if (outcome.kind === 'unknown') {
        doubtful = true
        await pause()
        continue
      }
      ok(doubtful && outcome.kind === 'fenced', `append ended ${JSON.stringify(outcome)}`)
      for (;;) {
        const [first] = await readOnce(log, shard, expected)
        if (first === undefined) await pause()
        else {
          ok(Buffer.compare(first.bytes, frame) === 0, 'another frame took the place')
          return first.tail
        }
      }
    }
  }

  /** Appends at whatever the tail is, from the guess `expected` on: what a takeover does. */
  async function appendedAnywhere(log: ShardLog, shard: ShardId, text: string, expected: Tail): Promise<Tail> {
    for (;;) {
      const outcome = await log.append(shard, bytesOf(text), expected)
      if (outcome.kind === 'appended') return outcome.tail
      ok(outcome.kind === 'fenced' || outcome.kind === 'unknown', `append ended ${outcome.kind}`)
      await pause()
      const frames = await readOnce(log, shard, expected)
      const ours = frames.find((frame) => textOf(frame) === text) // an attempt that ended unknown may be in
      if (ours !== undefined) return ours.tail
      expected = frames.at(-1)?.tail ?? expected
    }
  }

  /** The append is fenced, and where it names a tail, it is the right one. */
  async function fencedAt(log: ShardLog, shard: ShardId, expected: Tail, tail: Tail): Promise<void> {
    for (;;) {
      const outcome = await log.append(shard, bytesOf(`never stored after ${expected}`), expected)
      if (outcome.kind === 'unknown') {
        await pause()
        continue
      }
      ok(outcome.kind === 'fenced', `append ended ${JSON.stringify(outcome)}`)
      if (outcome.tail !== undefined) equal(outcome.tail, tail)
      return
    }
  }

  async function readUntil(log: ShardLog, shard: ShardId, after: Tail, wanted: Tail): Promise<LoggedFrame[]> {
    let frames: LoggedFrame[] = []
    await eventually(async () => {
      frames = await readOnce(log, shard, after)
      return frames.some((frame) => frame.tail >= wanted)
    })
    return frames
  }

  async function eventually(holds: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      if (await holds()) return
      await pause()
    }
    throw new Error('it never came to hold')
  }
}
