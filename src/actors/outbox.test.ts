import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, type ActorName, type AppId, actorKey, type DeviceId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { recordsIn } from '../log/frame.js'
import { readHeads } from '../protocol/heads-record.js'
import { EventKind } from '../protocol/wire-numbers.js'
import type { Bytes } from '../std/bytes.js'
import { ConversationActivation } from './activation.js'
import { apply } from './conversation.js'
import { HeadTeller } from './head-teller.js'
import { Outbox } from './outbox.js'
import type { HeadsRoute } from './owner-link.js'
import { applyReading } from './reading.js'
import type { Shard } from './shard.js'

const ANN = 'ann' as UserId
const USER_SHARDS = 4
const LANE = { device: 'phone' as DeviceId, number: 1, random: 1n }

/** An outbox, and user shards that take what they are told while `isTaking`. Time goes in turns. */
class Rig {
  readonly clock = new ManualClock()
  readonly told: string[] = []
  readonly load = { owed: 0 }
  isTaking = true
  /** What waits for a batch that hangs; undefined: everything is durable at once. */
  hanging: (() => void)[] | undefined
  readonly outbox: Outbox
  readonly #headTeller: HeadTeller

  constructor() {
    const owner = {
      heads: (_: unknown, route: HeadsRoute, bytes: Bytes, start: number, end: number) => {
        for (const record of recordsIn(bytes, start, end)) {
          const { head, members } = readHeads(bytes, record.start, record.end)
          this.told.push(`${head}: ${members.map(({ user }) => user).join(' ')}`)
        }
        if (this.isTaking) this.outbox.taken(route)
      },
    }
    const parts = {
      id: 0,
      clock: this.clock,
      outboxLoad: this.load,
      fanOut: {
        inboxOf: (_: unknown, { index }: { index: number }) => ({ shard: index % USER_SHARDS }),
        audienceNow: () => new Map(),
      },
      router: { ownerOf: () => owner },
    }
    const horizon = () => this.hanging && { whenDurable: this.hanging }
    const loop = { isServing: true, epoch: 1, logIncarnation: 1, horizon, whenDurable: () => {} }
    const shard = { parts, loop, stir: () => {}, activations: { touched: () => {} } } as unknown as Shard
    this.#headTeller = new HeadTeller(shard)
    this.outbox = new Outbox(Object.assign(shard, { headTeller: this.#headTeller }))
  }

  run(ms: number): string[] {
    for (let left = ms; left > 0; left -= LIMITS.outboxFlushMs) {
      this.clock.advance(LIMITS.outboxFlushMs)
      this.outbox.tick(this.clock.monotonic())
      this.#headTeller.tick(this.clock.monotonic())
    }
    return this.told.splice(0).sort()
  }

  happens(group: ConversationActivation, event: EventKind, ...users: string[]): void {
    const { state } = group
    const seq = state.head + 1
    const n = (state.members.get(ANN)?.lanes.find(LANE)?.last ?? 0) + 1
    const isMessage = event === EventKind.message
    const isMembership = event <= EventKind.kicked && !isMessage
    apply(state, {
      ...{ event, seq, time: seq, ordinal: state.ordinal + (isMessage ? 1 : 0), n, hash: 0, from: ANN },
      ...{ memberSeq: isMembership ? seq : state.memberSeq, users: users as UserId[], mentions: [] },
      lane: LANE,
    })
    this.outbox.owe(group)
  }

  group(id: string, ...users: string[]): ConversationActivation {
    const name: ActorName = { app: 'demo' as AppId, kind: ActorKind.group, id }
    const group = new ConversationActivation(actorKey(name.app, name.kind, id), name, undefined)
    this.happens(group, EventKind.created, ...users)
    return group
  }
}

describe('an outbox', () => {
  test('tells those who left that they did, and no more once that was taken, however busy the conversation stays', () => {
    const rig = new Rig()
    const group = rig.group('team', 'ann', 'ben')
    deepEqual(rig.run(100), ['1: ann', '1: ben'])
    rig.happens(group, EventKind.left, 'ben')
    rig.happens(group, EventKind.message)
    deepEqual(rig.run(1_000), ['3: ann', '3: ben'])
    rig.happens(group, EventKind.message)
    deepEqual(rig.run(2_000), ['4: ann'])
  })

  test('goes on telling those who left while their shard does not take it', () => {
    const rig = new Rig()
    const group = rig.group('team', 'ann', 'ben')
    rig.isTaking = false
    rig.happens(group, EventKind.left, 'ben')
    deepEqual(rig.run(100), ['2: ann', '2: ben'])
    rig.isTaking = true
    rig.happens(group, EventKind.message)
    deepEqual(rig.run(1_500), ['3: ann', '3: ben'])
    rig.happens(group, EventKind.message)
    deepEqual(rig.run(2_500), ['4: ann'])
  })

  test('writes nothing again while what it wrote is not durable', () => {
    const rig = new Rig()
    rig.hanging = []
    rig.isTaking = false
    rig.group('team', 'ann')
    rig.run(10_000)
    equal(rig.hanging.length, 1)
    for (const leave of rig.hanging.splice(0)) leave()
    deepEqual(rig.run(LIMITS.outboxAgainMs - LIMITS.outboxFlushMs), ['1: ann'])
    rig.hanging = undefined
    deepEqual(rig.run(2 * LIMITS.outboxFlushMs), ['1: ann'], 'a second after it left')
  })

  test('tells of so many members a second, all conversations of the shard together, and of every one in the end', () => {
    const rig = new Rig()
    const users = Array.from({ length: 100 }, (_, index) => `u${index}`)
    const groups = 2 * (LIMITS.outboxMembersPerSecondOfShard / users.length)
    for (let at = 0; at < groups; at++) rig.group(`g${at}`, ...users)
    const membersIn = (lines: readonly string[]) => lines.flatMap((line) => line.split(' ').slice(1)).length
    const first = membersIn(rig.run(1_000))
    equal(Math.abs(first - LIMITS.outboxMembersPerSecondOfShard) <= users.length, true, `${first} in the first second`)
    equal(first + membersIn(rig.run(1_100)), groups * users.length)
  })

  test('tells all of a large conversation until all know, then only those who came, went or wrote, then all again', () => {
    const rig = new Rig()
    const group = rig.group('crowd', 'ann', 'ben', 'cid')
    rig.run(2_000)
    group.isModeTold = false
    rig.isTaking = false
    rig.happens(group, EventKind.large)
    rig.happens(group, EventKind.message)
    deepEqual(rig.run(100), ['3: ann', '3: ben', '3: cid'])
    rig.isTaking = true
    deepEqual(rig.run(1_500), ['3: ann', '3: ben', '3: cid'])
    rig.happens(group, EventKind.message)
    rig.happens(group, EventKind.left, 'cid')
    applyReading(group.state, { user: 'ben' as UserId, seq: 5, ordinal: 2 })
    deepEqual(rig.run(2_000), ['5: ann', '5: cid'], 'who only reads is not told at every flush')
    rig.isTaking = false
    rig.happens(group, EventKind.message)
    rig.run(4_100)
    rig.happens(group, EventKind.joined, 'cid')
    rig.run(4_100)
    rig.isTaking = true
    deepEqual(rig.run(4_100), ['7: ann', '7: cid'], 'what was not taken is told again')
    group.isModeTold = false
    rig.happens(group, EventKind.small)
    deepEqual(rig.run(4_100), ['8: ann', '8: ben', '8: cid'])
  })

  test('owes a large conversation until its last beacon, so that who takes over goes on with them', () => {
    const rig = new Rig()
    const group = rig.group('crowd', 'ann')
    rig.happens(group, EventKind.large)
    rig.run(30_000)
    equal(rig.load.owed, 1)
    rig.run(5_000)
    equal(rig.load.owed, 0)
  })

  test('is full when the worker owes as much as it may', () => {
    const rig = new Rig()
    rig.group('team', 'ann')
    deepEqual([rig.load.owed, rig.outbox.isFull], [1, false])
    rig.load.owed = LIMITS.outboxOwedPerWorkerMax
    equal(rig.outbox.isFull, true)
    rig.load.owed = 1
    rig.run(2_000)
    equal(rig.load.owed, 0)
    rig.group('tea', 'ann')
    rig.outbox.reset()
    equal(rig.load.owed, 0)
  })
})
