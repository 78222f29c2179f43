import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { type ActorKey, ActorKind, type AppId, actorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { ClientFrame } from '../protocol/client-frame.js'
import { decodeFrame } from '../protocol/decode.js'
import type { InboxFrame } from '../protocol/decoded-frame.js'
import { type Bytes, GrowingBytes } from '../std/bytes.js'
import { InboxActivation } from './activation.js'
import { LargeHeads } from './large-heads.js'
import type { HeadsQuestion, InLink } from './owner-link.js'
import type { Shard } from './shard.js'

const ANN = { app: 'demo' as AppId, kind: ActorKind.inbox, id: 'ann' }
const MEMBER = { user: 'ann', memberSeq: 1, joinOrdinal: 0, endOrdinal: 0, readSeq: 0, readOrdinal: 0, mentionSeq: 0 }

/** Ann's list with so many large conversations, and owners that answer when they are told to. */
class Rig {
  readonly clock = new ManualClock()
  readonly inbox = new InboxActivation(actorKey(ANN.app, ANN.kind, ANN.id), ANN, undefined)
  readonly asked: { readonly question: HeadsQuestion; readonly keys: readonly ActorKey[] }[] = []
  readonly answers: InboxFrame[] = []
  readonly pushed: InboxFrame[] = []
  readonly refused: string[] = []
  unknown = 0
  isOwned = true
  readonly heads: LargeHeads

  constructor(conversations: number) {
    for (let at = 0; at < conversations; at++) this.hear(`c${at}`, true)
    const bytes = new GrowingBytes()
    const owner = {
      askHeads: (_: unknown, question: HeadsQuestion, __: string, keys: readonly ActorKey[]) =>
        this.asked.push({ question, keys }),
    }
    const frameOf = (of: Bytes, end: number) => decodeFrame(of.u8.slice(0, end)) as InboxFrame
    this.heads = new LargeHeads({
      parts: {
        id: 0,
        clock: this.clock,
        self: undefined,
        router: { shardCount: 2, ownerOf: () => (this.isOwned ? owner : undefined) },
        sessions: {
          tellInbox: (_: ActorKey, of: Bytes, __: number, end: number) => this.pushed.push(frameOf(of, end)),
        },
      },
      answers: () => ({ bytes, add: () => this.answers.push(frameOf(bytes.bytes, bytes.size)) }),
      leave: () => bytes.clear(),
      refuse: (_: unknown, __: unknown, why: string) => this.refused.push(why),
      stir: () => {},
    } as unknown as Shard)
  }

  hear(conversation: string, isLarge: boolean, isMember = true): void {
    const place = { app: 'demo', actorKind: ActorKind.group, conversation, incarnation: 1, sinceSeq: 1 }
    const facts = { ...place, head: 3, ordinal: 3, time: 0, modeSeq: 2, isLarge, members: [] }
    this.inbox.state.list.apply(facts, { ...MEMBER, isMember })
  }

  ask(headsFrom: number): void {
    const link = { unknown: () => this.unknown++ } as unknown as InLink
    this.heads.answer(this.inbox, link, 1, { ref: 8, headsFrom } as ClientFrame)
  }

  /** All owners that were asked tell; those of `silent` shards leave everything out. */
  tell(silent: readonly number[] = []): void {
    for (const { question, keys } of this.asked.splice(0)) {
      const told = keys.map((conversation) => ({ conversation, head: 60, ordinal: 50, time: 7 }))
      this.heads.told(question, silent.includes(question.toShard) ? [] : told)
    }
  }
}

describe('heads of large conversations', () => {
  test('are asked for page by page, each shard once, and answered when all have told', () => {
    const rig = new Rig(LIMITS.resumeEntriesMax + 1)
    rig.hear('small', false)
    rig.hear('left', true, false)
    rig.ask(1)
    equal(rig.asked.length, 2)
    const [first] = rig.asked.splice(0, 1)
    rig.tell()
    equal(rig.answers.length, 0)
    rig.asked.push(first!)
    rig.tell()
    const [page] = rig.answers.splice(0)
    deepEqual([page!.ref, page!.version, page!.heads.length], [8, 0, LIMITS.resumeEntriesMax])
    rig.ask(page!.headsNext)
    rig.tell()
    const head = { conversationKind: 2, conversation: `c${LIMITS.resumeEntriesMax}` }
    deepEqual(rig.answers[0]!.heads, [{ ...head, head: 60, ordinal: 50, time: 7, isAway: false }])
    equal(rig.answers[0]!.headsNext, 0)
  })

  test('are said to be away where their owner is, leaves them out, or does not answer in time', () => {
    const away = ({ heads }: InboxFrame) => heads.map(({ isAway }) => isAway)
    const rig = new Rig(1)
    rig.isOwned = false
    rig.ask(1)
    rig.isOwned = true
    rig.ask(1)
    rig.tell([0, 1])
    rig.ask(1)
    rig.clock.advance(LIMITS.headsAskMs - 1)
    rig.heads.tick(rig.clock.monotonic())
    equal(rig.answers.length, 2)
    rig.clock.advance(1)
    rig.heads.tick(rig.clock.monotonic())
    deepEqual(rig.answers.map(away), [[true], [true], [true]])
    rig.tell()
    equal(rig.answers.length, 3, 'what is told too late is told to nobody')
  })

  test('are told to sessions without those that are away', () => {
    const rig = new Rig(20)
    rig.heads.tell(rig.inbox)
    const ofFirst = rig.asked.find(({ question }) => question.toShard === 1)!.keys.length
    rig.tell([0])
    deepEqual([rig.pushed.length, rig.pushed[0]!.heads.length], [1, ofFirst])
  })

  test('are told to everybody in turn, page by page, and leave room for devices that come back', () => {
    const rig = new Rig(LIMITS.resumeEntriesMax + 1)
    const others = Array.from({ length: LIMITS.headsTellsMax + 10 }, (_, at) => {
      const name = { ...ANN, id: `u${at}` }
      const other = new InboxActivation(actorKey(name.app, name.kind, name.id), name, undefined)
      const place = { app: 'demo', actorKind: ActorKind.group, conversation: 'c0', incarnation: 1, sinceSeq: 1 }
      const facts = { ...place, head: 3, ordinal: 3, time: 0, modeSeq: 2, isLarge: true, members: [] }
      other.state.list.apply(facts, { ...MEMBER, user: name.id, isMember: true })
      return other
    })
    rig.heads.tell(rig.inbox)
    for (const other of others) rig.heads.tell(other)
    rig.ask(1)
    deepEqual(rig.refused, [])
    equal(rig.asked.length, LIMITS.headsTellsMax - 1 + 2 + 2)
    rig.tell()
    equal(rig.pushed.length, LIMITS.headsTellsMax)
    for (let times = 2; times > 0; times--) {
      rig.heads.tick(rig.clock.monotonic())
      rig.tell()
    }
    const ofAnn = rig.pushed.filter(({ heads }) => heads.some(({ conversation }) => conversation !== 'c0'))
    deepEqual(
      [rig.pushed.length, ofAnn.map(({ heads }) => heads.length)],
      [1 + others.length + 1, [LIMITS.resumeEntriesMax, 1]],
    )
    equal(rig.heads.isWaiting, false)
  })

  test('wait in bounded number, and are unknown once the inbox is not ours', () => {
    const rig = new Rig(1)
    for (let left = LIMITS.headsAsksMax; left > 0; left--) rig.ask(1)
    deepEqual(rig.refused, [])
    rig.ask(1)
    deepEqual(rig.refused, ['mailbox-full'])
    rig.heads.reset()
    equal(rig.unknown, LIMITS.headsAsksMax)
  })
})
