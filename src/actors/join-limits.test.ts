import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { OneNode } from '../../test/actors/one-node.js'
import { outsidePromises } from '../../test/sim/virtual-time.js'
import { ActorKind, actorKey, type ShardId, shardOf, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address } from '../log/bus.js'
import { encodeContent } from '../protocol/content.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import type { OwnerHandle } from './owner-link.js'
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

inTurn('users about whom nobody was asked are let in only once their lists have said so as well', () => {
  const rig = new Rig()
  const [ann, ben] = [rig.node.connect('ann', 'd'), rig.node.connect('ben', 'd')]
  rig.create(ann, 'a', ['ben'])
  rig.create(ben, 'b', [])
  deepEqual([...rig.answers(ann), ...rig.answers(ben)], ['1', '1'])
  const { host } = rig.node.side
  const { askJoins } = host
  host.askJoins = (from, question, asked) => {
    const isSlow = asked.conversation === actorKey('demo', ActorKind.group, 'a')
    rig.node.time.after(isSlow ? 500 : 0, () => askJoins.call(host, from, question, asked))
  }
  rig.change(ann, 'a', ChangeAction.invite, ['xia', 'ben'])
  rig.send(ann, 'a')
  rig.change(ben, 'a', ChangeAction.leave, [])
  rig.node.run(200)
  rig.create(ben, 'c', [])
  deepEqual(rig.answers(ben), ['1', '1'])
  deepEqual(rig.answers(ann), ['2 user-conversations', '3'])
})

inTurn('who was kicked and is invited again takes up the room once more, whenever the list hears of both', () => {
  const rig = new Rig()
  const ann = rig.node.connect('ann', 'd')
  rig.create(ann, 'a', ['ben'])
  rig.create(rig.node.connect('cem', 'd'), 'b', ['ben'])
  rig.node.run(2_000)
  rig.node.take(ann)
  const dan = rig.node.connect('dan', 'd')
  const { host } = rig.node.side
  const { joinsTold } = host
  let answersAfterMs = 500
  host.joinsTold = (...told) => void rig.node.time.after(answersAfterMs, () => joinsTold.apply(host, told))
  rig.change(ann, 'a', ChangeAction.kick, ['ben'])
  rig.change(ann, 'a', ChangeAction.invite, ['ben'])
  rig.node.run(200) // the list hears that ben is out, and knows of a join to come
  answersAfterMs = 0
  rig.create(dan, 'c', ['ben'])
  deepEqual(rig.answers(ann), ['2', '3'])
  deepEqual(rig.answers(dan), ['1 user-conversations'])
})

inTurn('joins of users who are far from the limit take up no room that others need', () => {
  const { node } = new Rig({ conversationsMax: 2_000, listedMax: 3_000 })
  const toShard = 1
  const names = Array.from({ length: 4_000 }, (_, at) => `u${at}` as UserId)
  const users = names.filter((user) => shardOf(actorKey('demo', ActorKind.inbox, user), node.shardCount) === toShard)
  const questions = Math.ceil(LIMITS.joinsPendingMax / users.length) + 2
  const told: number[] = []
  const from = { joinsTold: (_: unknown, full: readonly UserId[]) => told.push(full.length) } as unknown as OwnerHandle
  for (let k = 0; k < questions; k++) {
    const conversation = actorKey('demo', ActorKind.group, `g${k}`)
    node.side.host.askJoins(from, { fromShard: 0, toShard, k }, { conversation, memberSeq: 0, users })
    node.run(50)
  }
  deepEqual(told, new Array(questions).fill(0))
})
