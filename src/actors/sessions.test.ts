import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ActorKind, type AppId, actorKey, type DeviceId, parseActorKey, type UserId } from '../domain/ids.js'
import type { Address } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import { fixedList } from './fixed-list.js'
import type { GatewayHandle } from './owner-link.js'
import type { Session } from './peers.js'
import { Sessions } from './sessions.js'

const SHARD = 3
const WHAT = { conversation: actorKey('demo', ActorKind.group, 'team'), firstSeq: 1, lastSeq: 1 }

function session(user: string, connection: number, device = `d${connection}`, startedAt = 0): Session {
  const inbox = inboxOf(user)
  const ids = { app: 'demo' as AppId, user: user as UserId, device: device as DeviceId }
  return { connection, ...ids, inbox, laneNumber: connection, laneRandom: 0n, startedAt, isHeard: startedAt > 0 }
}

function inboxOf(user: string) {
  return actorKey('demo', ActorKind.inbox, user)
}

/** Two gateway workers that remember what was delivered, as `address:connection`. */
class Rig {
  readonly changed: string[] = []
  readonly found: string[] = []
  readonly sessions = new Sessions({
    changed: (inbox) => this.changed.push(parseActorKey(inbox).id),
    found: (shard, inbox) => this.found.push(`${parseActorKey(inbox).id} in ${shard}`),
  })
  readonly #heard: string[] = []
  readonly ended: string[] = []
  readonly lists: unknown[] = []
  readonly a = this.#gateway('a')
  readonly b = this.#gateway('b')

  #gateway(address: string): GatewayHandle {
    const deliver: GatewayHandle['deliver'] = (connections, count) => {
      this.lists.push(connections)
      for (let at = 0; at < count; at++) this.#heard.push(`${address}:${connections[at]}`)
    }
    const endSession: GatewayHandle['endSession'] = (connection, why, lane) =>
      this.ended.push(`${address}:${connection} ${why} ${lane}`)
    return { address: address as Address, deliver, endSession } as GatewayHandle
  }

  /** A Hello, and the first word after its Welcome. */
  add(gateway: GatewayHandle, shard: number, session: Session): void {
    this.sessions.add(gateway, shard, session, { lane: session.laneNumber, startedAt: session.startedAt })
    if (session.isHeard) this.sessions.heard(gateway, session)
  }

  tellList(inboxes: readonly string[]): string[] {
    this.sessions.tell(inboxes, undefined, WHAT, Bytes.ofSize(8), 0, 8)
    return this.#heard.splice(0).sort()
  }

  tell(users: readonly string[], except?: { address: string; connection: number }): string[] {
    const origin = except === undefined ? undefined : { ...except, address: except.address as Address }
    this.sessions.tell(users.map(inboxOf), origin, WHAT, Bytes.ofSize(8), 0, 8)
    return this.#heard.splice(0).sort()
  }
}

describe('the sessions of a user shard', () => {
  test('every connection of a user hears, once, wherever it is', () => {
    const { a, b, tell, add } = bound()
    add(a, SHARD, session('ann', 1))
    add(a, SHARD, session('ann', 1))
    add(b, SHARD, session('ann', 1))
    add(a, SHARD, session('ben', 2))
    deepEqual(tell(['ann']), ['a:1', 'b:1'])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:1', 'a:2', 'b:1'])
    deepEqual(tell([]), [])
  })

  test('the origin is left out by address and connection together', () => {
    const { a, b, tell, add } = bound()
    add(a, SHARD, session('ann', 1))
    add(b, SHARD, session('ann', 1))
    deepEqual(tell(['ann'], { address: 'a', connection: 1 }), ['b:1'])
    deepEqual(tell(['ann'], { address: 'a', connection: 2 }), ['a:1', 'b:1'])
  })

  test('who has left hears nothing', () => {
    const { sessions, a, b, tell, add } = bound()
    add(a, SHARD, session('ann', 1))
    sessions.remove(b, session('ann', 1))
    sessions.remove(a, session('ann', 2))
    deepEqual(tell(['ann']), ['a:1'])
    sessions.remove(a, session('ann', 1))
    deepEqual(tell(['ann']), [])
  })

  test('a digest replaces what its worker said of that shard, and nothing else', () => {
    const { sessions, a, b, tell, add } = bound()
    add(a, SHARD, session('ann', 1))
    add(b, SHARD, session('ann', 9))
    add(a, SHARD + 1, session('cid', 3))
    sessions.replace(a, SHARD, [session('ben', 2)])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:2', 'a:3', 'b:9'])
    sessions.replace(a, SHARD, [])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:3', 'b:9'])
  })

  test('a shard that was lost takes its sessions with it; a worker that is gone does so in all shards', () => {
    const { sessions, a, b, tell, add } = bound()
    add(a, SHARD, session('ann', 1))
    add(a, SHARD + 1, session('ben', 2))
    add(b, SHARD + 1, session('ben', 3))
    sessions.forgetShard(SHARD)
    deepEqual(tell(['ann', 'ben']), ['a:2', 'b:3'])
    sessions.forgetGateway('a')
    deepEqual(tell(['ann', 'ben']), ['b:3'])
  })

  test('a worker that sends no digest has no sessions after a while; the others stay', () => {
    const { sessions, a, b, changed, add, tell } = bound()
    add(a, SHARD, session('ann', 1))
    add(b, SHARD, session('ben', 2))
    for (let second = 1; second < 30; second++) sessions.sweep()
    sessions.replace(b, SHARD, [session('ben', 2)])
    deepEqual(tell(['ann', 'ben']), ['a:1', 'b:2'])
    sessions.sweep()
    deepEqual([tell(['ann', 'ben']), changed], [['b:2'], ['ann', 'ben', 'ann']])
  })

  test('a session that a digest tells of first is told where its inbox stands; one that said Hello here asks itself', () => {
    const { sessions, a, found, add } = bound()
    add(a, SHARD, session('ann', 1))
    sessions.replace(a, SHARD, [session('ann', 1), session('ben', 2)])
    sessions.replace(a, SHARD, [session('ann', 1), session('ben', 2)])
    deepEqual(found, ['ben in 3'])
  })
})

function bound() {
  const rig = new Rig()
  const { sessions, a, b, ended, found, changed } = rig
  const calls = { tell: rig.tell.bind(rig), tellList: rig.tellList.bind(rig), add: rig.add.bind(rig) }
  return { sessions, a, b, ended, found, changed, lists: rig.lists, ...calls }
}

describe('a device has one session', () => {
  test('which is the newest, wherever the others are; other devices stay', () => {
    const { a, b, ended, tell, add } = bound()
    add(a, SHARD, session('ann', 1, 'phone', 100))
    add(a, SHARD, session('ann', 2, 'tablet', 50))
    add(b, SHARD, session('ann', 3, 'phone', 101))
    deepEqual(ended, ['a:1 replaced 3'])
    deepEqual(tell(['ann']), ['a:2', 'b:3'])
  })

  test('which was heard of since its Welcome: a Hello that was decided after its device gave it up replaces nobody', () => {
    const { sessions, a, b, ended, add, tell } = bound()
    add(a, SHARD, session('ann', 1, 'phone', 100))
    sessions.add(b, SHARD, session('ann', 2, 'phone'), { lane: 2, startedAt: 101 })
    sessions.replace(b, SHARD, [{ ...session('ann', 2, 'phone', 101), isHeard: false }])
    deepEqual([ended, tell(['ann'])], [[], ['a:1', 'b:2']])
    sessions.replace(b, SHARD, [session('ann', 2, 'phone', 101)]) // the digest knows that it was heard
    deepEqual([ended, tell(['ann'])], [['a:1 replaced 2'], ['b:2']])
  })

  test('a session that begins now starts after all of its device that are known, whatever the clock says', () => {
    const { sessions, a, add } = bound()
    add(a, SHARD, session('ann', 1, 'phone', 100))
    deepEqual(sessions.startOf(session('ann', 2, 'phone'), 90), 101)
    deepEqual(sessions.startOf(session('ann', 2, 'tablet'), 90), 90)
  })

  test('a digest that still has the replaced one is told again; one without a start is judged later', () => {
    const { sessions, a, b, ended } = bound()
    sessions.replace(b, SHARD, [session('ann', 3, 'phone', 101)])
    sessions.replace(a, SHARD, [session('ann', 1, 'phone', 100), session('ann', 4, 'phone', 0)])
    deepEqual(ended.splice(0), ['a:1 replaced 3'])
    sessions.add(a, SHARD, session('ann', 4, 'phone'), { lane: 9, startedAt: 102 })
    sessions.heard(a, session('ann', 4, 'phone'))
    deepEqual(ended, ['b:3 replaced 9'])
  })

  test('of two that started at once one stays, the same in any order', () => {
    for (const order of [0, 1]) {
      const { a, b, ended, add } = bound()
      const adds = [
        () => add(a, SHARD, session('ann', 1, 'phone', 7)),
        () => add(b, SHARD, session('ann', 1, 'phone', 7)),
      ]
      for (const at of [order, 1 - order]) adds[at]!()
      deepEqual(ended, ['a:1 replaced 1'])
    }
  })

  test('signing out ends the sessions of a device, or of all', () => {
    const { sessions, a, b, ended, tell, add } = bound()
    for (const [gateway, connection, device] of [
      [a, 1, 'phone'],
      [b, 2, 'tablet'],
      [b, 3, 'web'],
    ] as const) {
      add(gateway, SHARD, session('ann', connection, device, 1))
    }
    sessions.signOut(inboxOf('ann'), 'tablet')
    deepEqual(ended.splice(0), ['b:2 signed-out 0'])
    sessions.signOut(inboxOf('ann'), undefined)
    deepEqual(ended.sort(), ['a:1 signed-out 0', 'b:3 signed-out 0'])
    deepEqual(tell(['ann']), [])
  })

  test('a fixed list of users is told as any other is, whoever comes and goes', () => {
    const { sessions, a, b, tell, tellList, add } = bound()
    const users = ['ann', 'ben', 'cid']
    const list = fixedList(users.map(inboxOf), undefined)
    const grown = fixedList([...users, 'dora'].map(inboxOf), list)
    const check = () => {
      deepEqual(tellList(list), tell(users))
      deepEqual(tellList(list), tell(users))
      deepEqual(tellList(grown), tell([...users, 'dora']))
    }
    const [ann, ben, dora] = [session('ann', 1), session('ben', 2), session('dora', 3)]
    const steps = [
      () => add(a, SHARD, ann),
      () => add(b, SHARD, ann),
      () => add(b, SHARD, ben),
      () => add(a, SHARD, dora),
      () => sessions.remove(a, ann),
      () => sessions.replace(b, SHARD, [ben]),
      () => sessions.forgetGateway('a'),
      () => add(a, SHARD, ann),
      () => sessions.forgetShard(SHARD),
    ]
    for (const step of steps) {
      step()
      check()
    }
    deepEqual(tellList(list), [])
  })

  test('the same sessions are the same list to a gateway worker, which need not be sent it again', () => {
    const { a, b, add, tellList, lists } = bound()
    const list = fixedList(['ann', 'ben'].map(inboxOf), undefined)
    add(a, SHARD, session('ann', 1))
    tellList(list)
    add(b, SHARD, session('dora', 9)) // of no concern
    tellList(list)
    tellList(fixedList(['ann', 'cid'].map(inboxOf), list))
    deepEqual([lists.length, new Set(lists).size], [3, 1])
    add(a, SHARD, session('ben', 2))
    tellList(list)
    deepEqual(new Set(lists).size, 2)
  })
})
