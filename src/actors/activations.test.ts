import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { CorruptionError, UnavailableError } from '../domain/errors.js'
import { ActorKind, type ActorName, type AppId, actorKey, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { ActorRow, MessageStore } from '../storage/message-store.js'
import { ConversationActivation } from './activation.js'
import { Activations } from './activations.js'
import { markStored } from './checkpoint.js'
import { apply, decide } from './conversation.js'
import type { ActorsEvents } from './events.js'
import type { ParkedCommand } from './mailbox.js'
import type { InLink } from './owner-link.js'
import { packConversation } from './rows.js'

function nameOf(id: string): ActorName {
  return { app: 'demo' as AppId, kind: ActorKind.group, id }
}

function keyOf(id: string) {
  return actorKey('demo', ActorKind.group, id)
}

/** A store that answers when the test says so; `said` is what became of the commands, by their k. */
class Rig {
  readonly said: string[] = []
  readonly clock = new ManualClock()
  readonly #reads = new Map<string, { resolve: (row?: ActorRow) => void; reject: (cause: Error) => void }>()
  readonly activations = new Activations({
    store: {
      readActor: (key: string) =>
        new Promise((resolve, reject) => {
          this.said.push(`read ${key.slice(key.lastIndexOf('\u0000') + 1)}`)
          this.#reads.set(key, { resolve, reject })
        }),
    } as unknown as MessageStore,
    clock: this.clock,
    events: {
      rowUnreadable: ({ actor }: { actor: ActorName }) => this.said.push(`unreadable ${actor.id}`),
    } as unknown as ActorsEvents,
    loaded: () => {},
    unpark: ({ k }) => this.said.push(`decide ${k}`),
    refuse: ({ k }, why) => this.said.push(`${why} ${k}`),
  })

  park(id: string, k: number): void {
    const link = { unknown: (of: number) => this.said.push(`unknown ${of}`) } as unknown as InLink
    const target = { key: keyOf(id), name: nameOf(id), shard: 0 }
    this.activations.park({ link, k, target, since: this.clock.monotonic() } as unknown as ParkedCommand)
  }

  async read(id: string, row?: ActorRow | Error): Promise<string[]> {
    const reading = this.#reads.get(keyOf(id))!
    if (row instanceof Error) reading.reject(row)
    else reading.resolve(row)
    await new Promise((resolve) => setImmediate(resolve))
    return this.said.splice(0)
  }

  /** Answers the read that is under way, late. */
  readOf(id: string): () => void {
    const reading = this.#reads.get(keyOf(id))!
    return () => reading.resolve()
  }

  take(): string[] {
    return this.said.splice(0)
  }

  async load(id: string): Promise<ConversationActivation> {
    this.park(id, 1)
    await this.read(id)
    return this.activations.get(keyOf(id)) as ConversationActivation
  }
}

/** Something is said in the conversation. */
function change(rig: Rig, activation: ConversationActivation, n: number): void {
  const lane = { device: 'd', number: 1, random: 1n }
  const create = { kind: 'change', action: 1, users: [], from: 'ann' as UserId, lane, n, hash: n } as const
  const decision = decide(activation.state, n === 1 ? create : { ...create, kind: 'send', mentions: [] }, 0)
  if (decision.kind !== 'accept') throw new Error(decision.kind)
  apply(activation.state, decision.event)
  activation.tail.push(decision.event.seq, new Uint8Array(8), 0, 8)
  activation.touch('ann' as UserId)
  rig.activations.touched(activation)
}

describe('an actor that is not in memory', () => {
  test('is read once, and its commands are decided in the order in which they came', async () => {
    const rig = new Rig()
    for (const k of [1, 2, 3]) rig.park('team', k)
    rig.park('other', 4)
    deepEqual(rig.take(), ['read team', 'read other'])
    deepEqual(await rig.read('other'), ['decide 4'])
    deepEqual(await rig.read('team'), ['decide 1', 'decide 2', 'decide 3'])
    equal(rig.activations.count, 2)
  })

  test('comes back as its row says', async () => {
    const rig = new Rig()
    rig.park('team', 1)
    const row = packConversation({
      ...new ConversationActivation(keyOf('team'), nameOf('team'), undefined).state,
      head: 41,
    })
    const position = { logIncarnation: 1, batchNo: 9, index: 0 }
    await rig.read('team', { position, row, pages: new Map() })
    const activation = rig.activations.get(keyOf('team'))
    ok(activation?.kind === 'conversation')
    deepEqual([activation.state.head, activation.storedSeq, activation.rowPosition], [41, 41, position])
  })

  test('whose row cannot be read is not made: its commands may come again', async () => {
    const rig = new Rig()
    for (const trouble of [new UnavailableError('away'), new CorruptionError('bad')]) {
      rig.park('team', 1)
      rig.take()
      deepEqual(await rig.read('team', trouble), ['unreadable team', 'store-behind 1'])
      equal(rig.activations.get(keyOf('team')), undefined)
    }
    rig.park('team', 2)
    deepEqual(await rig.read('team'), ['read team', 'decide 2'])
  })

  test('keeps nobody longer than LIMITS.parkMs, and those who came later get the row', async () => {
    const rig = new Rig()
    rig.park('team', 1)
    rig.clock.advance(LIMITS.parkMs)
    rig.park('team', 2)
    rig.activations.expire()
    deepEqual(rig.take(), ['read team'])
    rig.clock.advance(1)
    rig.activations.expire()
    deepEqual(rig.take(), ['store-behind 1'])
    deepEqual(await rig.read('team'), ['decide 2'])
  })

  test('parks exactly LIMITS.mailboxMax commands of a shard, and again when there is room', async () => {
    const rig = new Rig()
    for (let k = 1; k <= LIMITS.mailboxMax; k++) rig.park(`team ${k % 3}`, k)
    rig.take()
    rig.park('team 0', 5_000)
    rig.park('new', 5_001)
    deepEqual(rig.take(), ['mailbox-full 5000', 'mailbox-full 5001'])
    await rig.read('team 0')
    rig.park('new', 5_002)
    deepEqual(rig.take(), ['read new'])
  })
})

describe('when the shard is lost', () => {
  test('those who wait hear that nobody knows, and a row that comes late is for nobody', async () => {
    const rig = new Rig()
    await rig.load('kept')
    rig.park('team', 7)
    const isCurrent = rig.activations.lifeCheck()
    rig.take()
    rig.activations.reset()
    deepEqual(rig.take(), ['unknown 7'])
    equal(isCurrent(), false)
    deepEqual(await rig.read('team'), [])
    equal(rig.activations.count, 0)

    rig.park('team', 8)
    deepEqual(await rig.read('team'), ['read team', 'decide 8'])
  })
})

test('a replay that a later one has overtaken brings back no older state', async () => {
  const rig = new Rig()
  rig.activations.reset()
  const [first, overtaken] = [rig.activations.forReplay(nameOf('team')), rig.readOf('team')]
  rig.activations.reset()
  const second = rig.activations.forReplay(nameOf('team'))
  await rig.read('team')
  const activation = await second
  overtaken()
  await rejects(first, UnavailableError)
  equal(rig.activations.get(keyOf('team')), activation)
})

describe('retirement', () => {
  test('takes only actors whose row holds everything: not changed ones, not those whose cut is on its way', async () => {
    const rig = new Rig()
    const { activations } = rig
    const team = await rig.load('team')
    change(rig, team, 1)
    activations.retire(9) // all were used since the last sweep
    equal(activations.retire(9), 0)

    const cut = activations.cut()
    equal(activations.retire(9), 0)
    change(rig, team, 2)
    markStored(cut)
    equal(activations.retire(9), 0)
    equal(activations.hasChanges, true)

    markStored(activations.cut())
    equal(activations.retire(9), 1)
    equal(activations.get(keyOf('team')), undefined)
  })

  test('spares those used since the last sweep, and takes no more than asked', async () => {
    const rig = new Rig()
    for (const id of ['a', 'b', 'c']) await rig.load(id)
    equal(rig.activations.retire(9), 0)
    rig.activations.get(keyOf('b'))!.isWarm = true
    equal(rig.activations.retire(1), 1)
    equal(rig.activations.get(keyOf('a')), undefined)
    notEqual(rig.activations.get(keyOf('b')), undefined)
    equal(rig.activations.retire(9), 1)
    deepEqual([rig.activations.get(keyOf('c')), rig.activations.count], [undefined, 1])
  })
})

describe('a cut', () => {
  test('holds what changed since the cut before, and nothing else', async () => {
    const rig = new Rig()
    const team = await rig.load('team')
    await rig.load('quiet')
    change(rig, team, 1)
    change(rig, team, 2)
    const blocks = () =>
      rig.activations
        .cut()
        .writes.map(({ key, blocks: cut, pages }) => [
          key,
          cut.map((block) => [block.firstSeq, block.lastSeq]),
          [...pages.keys()],
        ])
    deepEqual(blocks(), [[keyOf('team'), [[1, 2]], [0]]])
    deepEqual(blocks(), [])
    change(rig, team, 3)
    deepEqual(blocks(), [[keyOf('team'), [[3, 3]], [0]]])
  })

  test('stored, it lets the recent tail go beyond its limit, and not before', async () => {
    const rig = new Rig()
    const team = await rig.load('team')
    change(rig, team, 1)
    for (let seq = 2; seq <= 8; seq++) team.tail.push(seq, new Uint8Array(32 * 1024), 0, 32 * 1024)
    team.state.head = 8
    const held = rig.activations.tailBytes()
    const cut = rig.activations.cut()
    equal(rig.activations.tailBytes(), held)
    markStored(cut)
    ok(rig.activations.tailBytes() <= LIMITS.recentTailPerConversationBytesMax)
    equal(team.storedSeq, 8)
  })
})
