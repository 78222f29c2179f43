import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ActorKind, type AppId, actorKey, type DeviceId, type UserId } from '../domain/ids.js'
import type { Address } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import type { GatewayHandle } from './owner-link.js'
import type { Session } from './peers.js'
import { Sessions } from './sessions.js'

const SHARD = 3
const WHAT = { conversation: actorKey('demo', ActorKind.group, 'team'), firstSeq: 1, lastSeq: 1 }

function session(user: string, connection: number, device = `d${connection}`, startedAt = 0): Session {
  const inbox = inboxOf(user)
  const ids = { app: 'demo' as AppId, user: user as UserId, device: device as DeviceId }
  return { connection, ...ids, inbox, laneNumber: connection, laneRandom: 0n, startedAt }
}

function inboxOf(user: string) {
  return actorKey('demo', ActorKind.inbox, user)
}

/** Two gateway workers that remember what was delivered, as `address:connection`. */
class Rig {
  readonly sessions = new Sessions()
  readonly #heard: string[] = []
  readonly ended: string[] = []
  readonly a = this.#gateway('a')
  readonly b = this.#gateway('b')

  #gateway(address: string): GatewayHandle {
    const deliver: GatewayHandle['deliver'] = (connections, count) => {
      for (let at = 0; at < count; at++) this.#heard.push(`${address}:${connections[at]}`)
    }
    const endSession: GatewayHandle['endSession'] = (connection, why, lane) =>
      this.ended.push(`${address}:${connection} ${why} ${lane}`)
    return { address: address as Address, deliver, endSession } as GatewayHandle
  }

  tell(users: readonly string[], except?: { address: string; connection: number }): string[] {
    const origin = except === undefined ? undefined : { ...except, address: except.address as Address }
    this.sessions.tell(users.map(inboxOf), origin, WHAT, Bytes.ofSize(8), 0, 8)
    return this.#heard.splice(0).sort()
  }
}

describe('the sessions of a user shard', () => {
  test('every connection of a user hears, once, wherever it is', () => {
    const { sessions, a, b, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1))
    sessions.add(a, SHARD, session('ann', 1))
    sessions.add(b, SHARD, session('ann', 1))
    sessions.add(a, SHARD, session('ben', 2))
    deepEqual(tell(['ann']), ['a:1', 'b:1'])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:1', 'a:2', 'b:1'])
    deepEqual(tell([]), [])
  })

  test('the origin is left out by address and connection together', () => {
    const { sessions, a, b, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1))
    sessions.add(b, SHARD, session('ann', 1))
    deepEqual(tell(['ann'], { address: 'a', connection: 1 }), ['b:1'])
    deepEqual(tell(['ann'], { address: 'a', connection: 2 }), ['a:1', 'b:1'])
  })

  test('who has left hears nothing', () => {
    const { sessions, a, b, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1))
    sessions.remove(b, session('ann', 1))
    sessions.remove(a, session('ann', 2))
    deepEqual(tell(['ann']), ['a:1'])
    sessions.remove(a, session('ann', 1))
    deepEqual(tell(['ann']), [])
  })

  test('a digest replaces what its worker said of that shard, and nothing else', () => {
    const { sessions, a, b, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1))
    sessions.add(b, SHARD, session('ann', 9))
    sessions.add(a, SHARD + 1, session('cid', 3))
    sessions.replace(a, SHARD, [session('ben', 2)])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:2', 'a:3', 'b:9'])
    sessions.replace(a, SHARD, [])
    deepEqual(tell(['ann', 'ben', 'cid']), ['a:3', 'b:9'])
  })

  test('a shard that was lost takes its sessions with it; a worker that is gone does so in all shards', () => {
    const { sessions, a, b, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1))
    sessions.add(a, SHARD + 1, session('ben', 2))
    sessions.add(b, SHARD + 1, session('ben', 3))
    sessions.forgetShard(SHARD)
    deepEqual(tell(['ann', 'ben']), ['a:2', 'b:3'])
    sessions.forgetGateway('a')
    deepEqual(tell(['ann', 'ben']), ['b:3'])
  })
})

function bound() {
  const rig = new Rig()
  return { sessions: rig.sessions, a: rig.a, b: rig.b, ended: rig.ended, tell: rig.tell.bind(rig) }
}

describe('a device has one session', () => {
  test('which is the newest, wherever the others are; other devices stay', () => {
    const { sessions, a, b, ended, tell } = bound()
    sessions.add(a, SHARD, session('ann', 1, 'phone', 100))
    sessions.add(a, SHARD, session('ann', 2, 'tablet', 50))
    sessions.add(b, SHARD, session('ann', 3, 'phone', 101))
    sessions.settle(inboxOf('ann'))
    deepEqual(ended, ['a:1 replaced 3'])
    deepEqual(tell(['ann']), ['a:2', 'b:3'])
  })

  test('a session that begins now starts after all of its device that are known, whatever the clock says', () => {
    const { sessions, a } = bound()
    sessions.add(a, SHARD, session('ann', 1, 'phone', 100))
    deepEqual(sessions.startOf(session('ann', 2, 'phone'), 90), 101)
    deepEqual(sessions.startOf(session('ann', 2, 'tablet'), 90), 90)
  })

  test('a digest that still has the replaced one is told again; one without a start is judged later', () => {
    const { sessions, a, b, ended } = bound()
    sessions.replace(b, SHARD, [session('ann', 3, 'phone', 101)])
    sessions.replace(a, SHARD, [session('ann', 1, 'phone', 100), session('ann', 4, 'phone', 0)])
    deepEqual(ended.splice(0), ['a:1 replaced 3'])
    sessions.add(a, SHARD, session('ann', 4, 'phone'), { lane: 9, startedAt: 102 })
    sessions.settle(inboxOf('ann'))
    deepEqual(ended, ['b:3 replaced 9'])
  })

  test('of two that started at once one stays, the same in any order', () => {
    for (const order of [0, 1]) {
      const { sessions, a, b, ended } = bound()
      const adds = [
        () => sessions.add(a, SHARD, session('ann', 1, 'phone', 7)),
        () => sessions.add(b, SHARD, session('ann', 1, 'phone', 7)),
      ]
      for (const at of [order, 1 - order]) adds[at]!()
      sessions.settle(inboxOf('ann'))
      deepEqual(ended, ['a:1 replaced 1'])
    }
  })

  test('signing out ends the sessions of a device, or of all', () => {
    const { sessions, a, b, ended, tell } = bound()
    for (const [gateway, connection, device] of [
      [a, 1, 'phone'],
      [b, 2, 'tablet'],
      [b, 3, 'web'],
    ] as const) {
      sessions.add(gateway, SHARD, session('ann', connection, device, 1))
    }
    sessions.signOut(inboxOf('ann'), 'tablet')
    deepEqual(ended.splice(0), ['b:2 signed-out 0'])
    sessions.signOut(inboxOf('ann'), undefined)
    deepEqual(ended.sort(), ['a:1 signed-out 0', 'b:3 signed-out 0'])
    deepEqual(tell(['ann']), [])
  })
})
