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

function session(user: string, connection: number): Session {
  const inbox = inboxOf(user)
  const [app, device] = ['demo' as AppId, 'd' as DeviceId]
  return { connection, app, user: user as UserId, device, inbox, laneNumber: 0, laneRandom: 0n }
}

function inboxOf(user: string) {
  return actorKey('demo', ActorKind.inbox, user)
}

/** Two gateway workers that remember what was delivered, as `address:connection`. */
class Rig {
  readonly sessions = new Sessions()
  readonly #heard: string[] = []
  readonly a = this.#gateway('a')
  readonly b = this.#gateway('b')

  #gateway(address: string): GatewayHandle {
    const deliver: GatewayHandle['deliver'] = (connections, count) => {
      for (let at = 0; at < count; at++) this.#heard.push(`${address}:${connections[at]}`)
    }
    return { address: address as Address, deliver } as GatewayHandle
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
  return { sessions: rig.sessions, a: rig.a, b: rig.b, tell: rig.tell.bind(rig) }
}
