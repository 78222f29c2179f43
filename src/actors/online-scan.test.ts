import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, actorKey } from '../domain/ids.js'
import type { Activations } from './activations.js'
import { OnlineScan } from './online-scan.js'
import type { OwnerHandle } from './owner-link.js'

test('nobody online is told where there are no users, and nothing where no list is in memory', () => {
  for (const [users, counts] of [
    [[], [0]],
    [['ann', 'ben'], []],
  ]) {
    const told: number[] = []
    const clock = new ManualClock()
    const asker = { onlineTold: (_from, _of, online) => told.push(online) } as Pick<OwnerHandle, 'onlineTold'>
    const activations = { get: () => undefined } as unknown as Activations
    const sessions = { inboxesOf: () => users!.map((user) => actorKey('demo', ActorKind.inbox, `${user}`)) }
    const scan = new OnlineScan({
      clock,
      self: asker as OwnerHandle,
      shards: new Map([[0, { activations }]]),
      sessions,
    })
    scan.ask(asker as OwnerHandle, actorKey('demo', ActorKind.group, 'lunch'))
    clock.advance(1_000)
    deepEqual(told, counts)
  }
})
