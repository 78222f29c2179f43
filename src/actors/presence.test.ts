import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { type ActorKey, ActorKind, actorKey, parseActorKey } from '../domain/ids.js'
import { LastSeen } from './last-seen.js'
import type { GatewayHandle } from './owner-link.js'
import { Presence } from './presence.js'

const SHARD = 3
const [ANN, BEN] = ['ann', 'ben'].map((user) => actorKey('demo', ActorKind.inbox, user)) as [ActorKey, ActorKey]

function made() {
  const clock = new ManualClock()
  const connected = new Set<ActorKey>()
  const served = { settlesAt: 0 }
  const presence = new Presence({
    clock,
    lastSeen: new LastSeen({ clock, shardCount: 4, shards: new Map(), isConnected: () => false, found() {} }),
    isConnected: (inbox) => connected.has(inbox),
    settlesAt: () => served.settlesAt,
  })
  const heard: string[] = []
  const gatewayOf = (address: string) =>
    ({
      address,
      presence: (states) => {
        for (const { inbox, isOnline, lastSeen } of states)
          heard.push(
            `${address}: ${parseActorKey(inbox).id} ${isOnline ? 'online' : lastSeen > 0 ? 'gone' : 'unknown'}`,
          )
      },
    }) as GatewayHandle
  const set = (inbox: ActorKey, isConnected: boolean) => {
    if (isConnected) connected.add(inbox)
    else connected.delete(inbox)
    presence.changed(inbox)
  }
  const take = (ms: number) => {
    clock.advance(ms)
    return heard.splice(0)
  }
  return { presence, served, set, take, a: gatewayOf('a'), b: gatewayOf('b') }
}

test('who watches hears at once how all are, and then who comes and goes', () => {
  const { presence, set, take, a, b } = made()
  set(ANN, true)
  presence.watch(a, SHARD, [ANN, BEN])
  deepEqual(take(0), ['a: ann online', 'a: ben unknown'])
  presence.watch(b, SHARD, [BEN])
  take(0)
  set(BEN, true)
  deepEqual(take(300), ['a: ben online', 'b: ben online'])
  set(BEN, false)
  deepEqual(take(1_500), [])
  deepEqual(take(1_000), ['a: ben gone', 'b: ben gone'])
  presence.watch(a, SHARD, [ANN])
  take(0)
  set(BEN, true)
  deepEqual(take(3_000), ['b: ben online'])
})

test('who comes right back was never gone', () => {
  const { presence, set, take, a } = made()
  set(ANN, true)
  presence.watch(a, SHARD, [ANN])
  take(0)
  set(ANN, false)
  take(1_000)
  presence.watch(a, SHARD, [ANN]) // its digest
  deepEqual(take(0), ['a: ann online'])
  set(ANN, true)
  deepEqual(take(5_000), ['a: ann online'])
})

test('a gateway worker that is gone hears nothing', () => {
  const { presence, set, take, a } = made()
  presence.watch(a, SHARD, [ANN])
  take(0)
  presence.forgetGateway('a')
  set(ANN, true)
  deepEqual(take(3_000), [])
})

test('an owner that has just begun to serve says of nobody that they are gone before their gateway workers could register', () => {
  const { presence, served, set, take, a } = made()
  served.settlesAt = 2_000
  set(ANN, true)
  presence.watch(a, SHARD, [ANN, BEN])
  deepEqual(take(1_900), ['a: ann online'])
  deepEqual(take(400), ['a: ben unknown'])
  served.settlesAt = Number.POSITIVE_INFINITY // not ours any more
  presence.watch(a, SHARD, [BEN])
  deepEqual(take(60_000), [])
})

test('nothing is said of a shard that is not ours any more', () => {
  const { presence, set, take, a } = made()
  set(ANN, true)
  presence.watch(a, SHARD, [ANN])
  presence.watch(a, SHARD + 1, [BEN])
  take(0)
  presence.forgetShard(SHARD)
  set(ANN, false)
  set(BEN, true)
  deepEqual(take(60_000), ['a: ben online'])
})
