import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, type ActorName, type AppId, actorKey, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { decodeFrame } from '../protocol/decode.js'
import type { Bytes } from '../std/bytes.js'
import { ConversationActivation } from './activation.js'
import { HeadTeller } from './head-teller.js'
import type { OwnerHandle } from './owner-link.js'
import type { Shard } from './shard.js'

const NAME: ActorName = { app: 'demo' as AppId, kind: ActorKind.group, id: 'crowd' }
const KEY = actorKey(NAME.app, NAME.kind, NAME.id)

/** The owner of one conversation, which has `ann` in it. */
class Rig {
  readonly clock = new ManualClock()
  readonly crowd = new ConversationActivation(KEY, NAME, undefined)
  readonly told: string[] = []
  /** What waits for a batch that hangs; undefined: everything is durable at once. */
  hanging: (() => void)[] | undefined
  isThere = true
  readonly teller: HeadTeller

  constructor() {
    this.crowd.state.members.join('ann' as UserId, { seq: 1, ordinal: 0 }, 'member')
    this.crowd.state.head = 9
    this.crowd.state.ordinal = 7
    const tell = (inboxes: string[], _: unknown, __: unknown, bytes: Bytes, start: number, end: number) => {
      const frame = decodeFrame(bytes.u8.slice(start, end))
      const heads = frame.kind === 'inbox' ? frame.heads.map(({ head, ordinal }) => `${head}/${ordinal}`) : []
      this.told.push(`${this.clock.monotonic() / 1_000} s: ${heads} to ${inboxes}`)
    }
    this.teller = new HeadTeller({
      parts: { fanOut: { audienceNow: () => new Map([[{ tell }, ['ann']]]) } },
      loop: {
        isServing: true,
        whenDurable: (run: () => void) => (this.hanging === undefined ? run() : void this.hanging.push(run)),
      },
      activations: {
        get: () => (this.isThere ? this.crowd : undefined),
        lifeCheck: () => () => true,
        load: async () => undefined,
      },
      stir: () => {},
    } as unknown as Shard)
  }

  run(ms: number): string[] {
    for (let left = ms; left > 0; left -= LIMITS.outboxFlushMs) {
      this.teller.tick(this.clock.monotonic())
      this.clock.advance(LIMITS.outboxFlushMs)
    }
    return this.told.splice(0)
  }

  ask(user: string): void {
    const headsTold = (_: unknown, heads: readonly { head: number; ordinal: number }[]) =>
      this.told.push(`${user}: ${heads.map(({ head, ordinal }) => `${head}/${ordinal}`)}`)
    const from = { headsTold } as unknown as OwnerHandle
    this.teller.answer(from, { fromShard: 1, toShard: 2, k: 3 }, user as UserId, [KEY])
  }
}

describe('the head of a large conversation', () => {
  test('is repeated 1, 2, 4, 8, 16 and 30 s after an event, and then no more', () => {
    const rig = new Rig()
    rig.teller.happened(rig.crowd)
    const at = [1, 2, 4, 8, 16, 30]
    deepEqual(
      rig.run(100_000),
      at.map((seconds) => `${seconds} s: 9/7 to ann`),
    )
    deepEqual(rig.teller.isRepeating(rig.crowd), false)
  })

  test('is repeated once a second while it stays busy, and begins anew with the last event', () => {
    const rig = new Rig()
    const seconds = Array.from({ length: 10 }, () => {
      rig.teller.happened(rig.crowd)
      return rig.run(1_000).length
    })
    deepEqual(seconds.slice(1), Array(9).fill(1))
    deepEqual(rig.run(100_000).length >= 5, true)
  })

  test('is told to members, and nothing to others, once it is durable', () => {
    const rig = new Rig()
    rig.hanging = []
    rig.ask('ann')
    rig.ask('ben')
    deepEqual(rig.told, [])
    for (const run of rig.hanging) run()
    deepEqual(rig.told, ['ann: 9/7', 'ben: 0/0'])
  })

  test('is left out where its row cannot be read', async () => {
    const rig = new Rig()
    rig.isThere = false
    rig.ask('ann')
    await new Promise(setImmediate)
    deepEqual(rig.told, ['ann: '])
  })
})
