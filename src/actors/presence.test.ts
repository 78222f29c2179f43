import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { type ActorKey, ActorKind, actorKey, parseActorKey } from '../domain/ids.js'
import type { GatewayHandle } from './owner-link.js'
import { Presence } from './presence.js'

const SHARD = 3
const [ANN, BEN] = ['ann', 'ben'].map((user) => actorKey('demo', ActorKind.inbox, user)) as [ActorKey, ActorKey]

function made() {
  const clock = new ManualClock()
  const connected = new Set<ActorKey>()
  const presence = new Presence(clock, (inbox) => connected.has(inbox))
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
  return { presence, set, take, a: gatewayOf('a'), b: gatewayOf('b') }
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
