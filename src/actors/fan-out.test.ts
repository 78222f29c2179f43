import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ActorKind, type AppId, actorKey, parseActorKey, shardOf, type UserId } from '../domain/ids.js'
import type { Address } from '../log/bus.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import { Bytes } from '../std/bytes.js'
import { ConversationActivation } from './activation.js'
import type { BatchedEvent } from './batch.js'
import { apply, type ConversationCommand, decide } from './conversation.js'
import { FanOut } from './fan-out.js'
import { type GatewayHandle, InLink, type OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

const SHARDS = 8
const CONNECTION = 5

/** One conversation whose events are each one byte, their seq. What is told is noted as `bytes → users [but origin]`. */
class Rig {
  readonly activation: ConversationActivation
  readonly told: string[] = []
  readonly frame = Bytes.over(Uint8Array.from({ length: 256 }, (_, at) => at))
  /** Shards below this one are owned by `low`, the others by `high`. */
  #border = SHARDS
  #version = 0
  readonly #low = this.#owner('low')
  readonly #high = this.#owner('high')
  readonly #fanOut: FanOut
  readonly #links = new Map<string, InLink>()
  readonly #n = new Map<string, number>()
  #batch: BatchedEvent[] = []

  constructor(id = 'team', kind: 1 | 2 = ActorKind.group) {
    const name = { app: 'demo' as AppId, kind, id }
    this.activation = new ConversationActivation(actorKey(name.app, kind, id), name, undefined)
    const rig = this
    const router: Router = {
      ownerOf: (shard) => (shard < this.#border ? this.#low : this.#high),
      shardCount: SHARDS,
      get version() {
        return rig.#version
      },
      onMoved() {},
    }
    this.#fanOut = new FanOut(router)
  }

  /** All shards but one move to another owner. */
  move(border: number): void {
    this.#border = border
    this.#version++
  }

  #owner(address: string): OwnerHandle {
    const tell: OwnerHandle['tell'] = (inboxes, except, what, bytes, start, end) => {
      const users = inboxes.map((inbox) => parseActorKey(inbox as never).id).sort()
      const range = `${what.firstSeq}-${what.lastSeq}`
      const but = except === undefined ? '' : ` but ${except.address}:${except.connection}`
      const held = [...bytes.u8.subarray(start, end)].join(',')
      this.told.push(`${range} [${held}] → ${users.join(' ')}${but}${address === 'low' ? '' : ` at ${address}`}`)
    }
    return { address: address as Address, tell } as OwnerHandle
  }

  send(from: string, gateway = 'w1', connection = CONNECTION): this {
    return this.#run({ kind: 'send', mentions: [], ...this.#head(from) }, gateway, connection)
  }

  change(from: string, action: ChangeAction, ...users: string[]): this {
    const change = { kind: 'change', action, users: users as UserId[], ...this.#head(from) } as const
    return this.#run(change, 'w1', CONNECTION)
  }

  #head(from: string) {
    const n = (this.#n.get(from) ?? 0) + 1
    this.#n.set(from, n)
    return { from: from as UserId, lane: { device: from, number: 1, random: 1n }, n, hash: n }
  }

  #run(command: ConversationCommand, gateway: string, originConnection: number): this {
    const decision = decide(this.activation.state, command, 0)
    if (decision.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(decision)}`)
    const { seq } = decision.event
    apply(this.activation.state, decision.event)
    const originLink = this.#links.get(gateway) ?? new InLink({ address: gateway } as GatewayHandle, 0, 0)
    this.#links.set(gateway, originLink)
    const isMembership = command.kind !== 'send'
    this.#batch.push({
      activation: this.activation,
      seq,
      isMembership,
      start: seq,
      end: seq + 1,
      originLink,
      originConnection,
    })
    return this
  }

  /** The batch is durable; what was told. */
  release(): string[] {
    this.#fanOut.release({ events: this.#batch, eventCount: this.#batch.length }, this.frame)
    this.#batch = []
    return this.told.splice(0)
  }
}

function team(...others: string[]): Rig {
  const rig = new Rig().change('ann', ChangeAction.create, ...others)
  rig.release()
  return rig
}

describe('fan-out', () => {
  test('tells neighbours of one connection as one run, and others apart', () => {
    const rig = new Rig('ann\u001fben', ActorKind.direct).send('ann').send('ann').send('ben', 'w2').send('ann')
    deepEqual(rig.release(), [
      '1-2 [1,2] → ann ben but w1:5',
      '3-3 [3] → ann ben but w2:5',
      '4-4 [4] → ann ben but w1:5',
    ])
  })

  test('takes two connections of one worker for two, and one number in two workers as well', () => {
    const rig = new Rig('ann\u001fben', ActorKind.direct).send('ann').send('ann', 'w1', 6).send('ann', 'w2', 6)
    deepEqual(rig.release(), ['1-1 [1] → ann ben but w1:5', '2-2 [2] → ann ben but w1:6', '3-3 [3] → ann ben but w2:6'])
  })

  test('in groups above 16 members leaves nobody out, so that all senders share one run', () => {
    const others = (count: number) => Array.from({ length: count }, (_, at) => `u${at}`)
    deepEqual(
      team(...others(15))
        .send('ann')
        .send('u0', 'w2')
        .release()
        .map((line) => line.includes('but')),
      [true, true],
    )
    const [run, ...more] = team(...others(16))
      .send('ann')
      .send('u0', 'w2')
      .release()
    deepEqual([run!.startsWith('2-3 [2,3] → ann u0'), run!.includes('but'), more], [true, false, []])
  })

  test('tells each event to those who were members at its seq, not to those who are now', () => {
    const rig = team('ben')
    rig
      .send('ann')
      .change('ann', ChangeAction.kick, 'ben')
      .send('ann')
      .change('ann', ChangeAction.invite, 'cid')
      .send('ann')
    deepEqual(rig.release(), [
      '2-2 [2] → ann ben but w1:5',
      '3-3 [3] → ann ben but w1:5',
      '4-4 [4] → ann but w1:5',
      '5-5 [5] → ann cid but w1:5',
      '6-6 [6] → ann cid but w1:5',
    ])
  })

  test('tells whoever leaves of the leaving, and whoever is kicked in the same batch nothing after it', () => {
    const rig = team('ben', 'cid').change('ben', ChangeAction.leave).send('cid', 'w3')
    deepEqual(rig.release(), ['2-2 [2] → ann ben cid but w1:5', '3-3 [3] → ann cid but w3:5'])
  })

  test('remembers its audience only as long as neither membership nor placement changes', () => {
    const rig = team('ben')
    deepEqual(rig.send('ann').release(), ['2-2 [2] → ann ben but w1:5'])
    deepEqual(rig.change('ann', ChangeAction.invite, 'cid').send('ann').release().slice(1), [
      '4-4 [4] → ann ben cid but w1:5',
    ])
    rig.move(0)
    deepEqual(rig.send('ann').release(), ['5-5 [5] → ann ben cid but w1:5 at high'])
  })

  test('tells each owner of inboxes once, with those inboxes only', () => {
    const shard = (user: string) => shardOf(actorKey('demo', ActorKind.inbox, user), SHARDS)
    const users = Array.from({ length: 12 }, (_, at) => `user${at}`)
    const rig = team(...users)
    rig.move(4)
    const everybody = ['ann', ...users]
    const names = (isLow: boolean) =>
      everybody
        .filter((user) => shard(user) < 4 === isLow)
        .sort()
        .join(' ')
    deepEqual(
      rig.send('ann').release().sort(),
      [`2-2 [2] → ${names(true)} but w1:5`, `2-2 [2] → ${names(false)} but w1:5 at high`].sort(),
    )
  })
})
