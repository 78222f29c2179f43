import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { type ActorKey, ActorKind, actorKey } from '../domain/ids.js'
import { OnlineCounts } from './online-counts.js'
import type { OwnerHandle } from './owner-link.js'
import type { Router } from './router.js'

test('owners are asked about every conversation, also where another is forgotten for it', () => {
  const asked: ActorKey[] = []
  const owner = {
    askOnline: (_: unknown, conversation: ActorKey) => asked.push(conversation),
  } as unknown as OwnerHandle
  const router = { shardCount: 1, ownerOf: () => owner } as unknown as Router
  const counts = new OnlineCounts({ clock: new ManualClock(), router, self: owner })
  const conversations = Array.from({ length: 10_002 }, (_, at) => actorKey('demo', ActorKind.group, `${at}`))
  for (const conversation of conversations) counts.of(conversation)
  deepEqual(asked, conversations)
})
