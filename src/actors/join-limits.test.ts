import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { OneNode } from '../../test/actors/one-node.js'
import { outsidePromises } from '../../test/sim/virtual-time.js'
import { ActorKind, actorKey, type ShardId, shardOf } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address } from '../log/bus.js'
import { encodeContent } from '../protocol/content.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import type { Session } from './peers.js'

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

class Rig {
  readonly node: OneNode
  readonly #ns = new Map<string, number>()

  constructor(listLimits = { conversationsMax: 2, listedMax: 3 }) {
    this.node = new OneNode(undefined, { listLimits })
  }

  change(from: Session, group: string, action: ChangeAction, users: string[], kind: ActorKind = ActorKind.group): void {
    const { n, key, place } = this.#next(from, group, kind)
    this.node.say(from, key, { kind: 'change', ref: n, n, ...place, action, users })
  }

  send(from: Session, group: string): void {
    const { n, key, place } = this.#next(from, group, ActorKind.group)
    const content = encodeContent({ messageId: BigInt(n), body: new Uint8Array(9) })
    this.node.say(from, key, { kind: 'send', ref: n, n, ...place, content })
  }

  create(from: Session, group: string, users: string[], kind?: ActorKind): void {
    this.change(from, group, ChangeAction.create, users, kind)
  }

  #next({ user }: Session, id: string, kind: ActorKind) {
    const n = (this.#ns.get(`${user} ${id}`) ?? 0) + 1
    this.#ns.set(`${user} ${id}`, n)
    return { n, key: actorKey('demo', kind, id), place: { conversationKind: kind, conversation: id } }
  }

  /** What was answered, in order. */
  answers(session: Session, ms = 2_000): string[] {
    this.node.run(ms)
    return this.node.take(session).flatMap((frame) => {
      if (frame.kind === 'ack') return `${frame.n}`
      return frame.kind === 'refusal' ? `${frame.n} ${frame.name}` : []
    })
  }
}

inTurn('who is in as many groups and channels as may be is let into no more, until they leave one', () => {
  const rig = new Rig()
  const [ann, ben] = [rig.node.connect('ann', 'd'), rig.node.connect('ben', 'd')]
  rig.create(ann, 'a', ['ben'])
  rig.create(ann, 'b', ['ben'], ActorKind.channel)
  deepEqual(rig.answers(ann), ['1', '1'])
  rig.create(ann, 'c', [])
  rig.create(ben, 'd', [])
  deepEqual(rig.answers(ann), ['1 user-conversations'])
  deepEqual(rig.answers(ben), ['1 user-conversations'])
  rig.create(ann, 'e', [], ActorKind.room)
  rig.change(ann, 'a', ChangeAction.leave, [])
  deepEqual(rig.answers(ann).sort(), ['1', '2'], 'rooms stand in no list')
  rig.create(ann, 'f', [])
  deepEqual(rig.answers(ann), ['1'])
  rig.change(ann, 'f', ChangeAction.leave, [])
  rig.node.run(20_000)
  rig.create(ann, 'g', [])
  deepEqual(rig.answers(ann).sort(), ['1 user-conversations', '2'], 'those that were left stand in the list as well')
})

inTurn('conversations that ask at the same time do not pass the limit together', () => {
  const rig = new Rig()
  const ann = rig.node.connect('ann', 'd')
  for (const group of ['a', 'b', 'c', 'd']) rig.create(ann, group, ['ben'])
  const answers = rig.answers(ann)
  deepEqual(answers.sort(), ['1', '1', '1 user-conversations', '1 user-conversations'])
})

inTurn('what the same device says behind a change waits with it', () => {
  const rig = new Rig()
  const ann = rig.node.connect('ann', 'd')
  for (const group of ['a', 'b', 'c']) {
    rig.create(ann, group, ['ben', 'cem'])
    rig.send(ann, group)
    rig.send(ann, group)
  }
  deepEqual(rig.answers(ann).sort(), [
    ...['1', '1', '1 user-conversations', '2', '2', '2 not-member', '3', '3', '3 not-member'],
  ])
})

inTurn('where a list does not answer in time, the change is refused for now and uses up nothing', () => {
  const rig = new Rig()
  const { shardCount, side } = rig.node
  const ann = rig.node.connect('ann', 'd')
  const group = 'a'
  const ours = [shardOf(ann.inbox, shardCount), shardOf(actorKey('demo', ActorKind.group, group), shardCount)]
  const shardOfUser = (user: string) => shardOf(actorKey('demo', ActorKind.inbox, user), shardCount)
  const user = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].find((name) => !ours.includes(shardOfUser(name)))!
  const owner = side.router.ownerOf(shardOfUser(user))!.address
  side.router.assign(shardOfUser(user) as ShardId, 'n.nobody' as Address)
  rig.create(ann, group, [user])
  deepEqual(rig.answers(ann, LIMITS.joinCheckMs + 200), ['1 list-away'])
  side.router.assign(shardOfUser(user) as ShardId, owner)
  rig.change(ann, group, ChangeAction.create, [user]) // n = 2: the one before is missing
  deepEqual(rig.answers(ann), ['2 send-gap'])
})

inTurn('joins that were allowed take up room where the list is built again because the log says no', () => {
  const rig = new Rig()
  const ann = rig.node.connect('ann', 'd')
  rig.create(ann, 'a', ['ben'])
  rig.create(ann, 'b', ['ben'])
  deepEqual(rig.answers(ann, 40), ['1', '1'])
  rig.node.log.refusal = 'read-only'
  rig.node.run(200)
  rig.node.log.refusal = undefined
  const cem = rig.node.connect('cem', 'd')
  rig.create(cem, 'c', ['ben'])
  deepEqual(rig.answers(cem, 300), ['1 user-conversations'])
})
