import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, type ActorName, type AppId, actorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { decodeFrames } from '../protocol/decode.js'
import type { HeadsFacts } from '../protocol/heads-record.js'
import type { Bytes } from '../std/bytes.js'
import { InboxActivation } from './activation.js'
import { InboxSteps } from './inbox-steps.js'
import type { Shard } from './shard.js'

const NAME: ActorName = { app: 'demo' as AppId, kind: ActorKind.inbox, id: 'ann' }
const KEY = actorKey(NAME.app, NAME.kind, NAME.id)
const POSITION = { logIncarnation: 1, batchNo: 1, index: 0 }
const ANN = {
  user: 'ann',
  memberSeq: 1,
  joinOrdinal: 0,
  endOrdinal: 0,
  readSeq: 0,
  readOrdinal: 0,
  isMember: true,
  mentionSeq: 0,
}
const REST = { incarnation: 1, sinceSeq: 1 }

/** Steps of a shard whose user is connected; what they are told. */
function rig() {
  const told: string[] = []
  const tellInbox = (_: unknown, bytes: Bytes, start: number, end: number) => {
    for (const frame of decodeFrames(bytes.u8.slice(start, end))) {
      if (frame.kind !== 'inbox') continue
      const entries = frame.entries.map(({ conversation, head }) => `${conversation} ${head}`)
      told.push([`${frame.prev}-${frame.version}`, ...entries].join(': '))
    }
  }
  const steps = new InboxSteps({
    loop: { logIncarnation: 1, horizon: () => undefined },
    parts: { sessions: { has: () => true, tellInbox } },
    beacons: { changed: () => {}, repeat: () => told.push('beacon') },
    stir: () => {},
  } as unknown as Shard)
  const hear = (inbox: InboxActivation, conversation: string, head: number) => {
    const place = { app: 'demo', actorKind: 2, conversation, head, ordinal: head, time: 0 }
    const heads: HeadsFacts = { ...place, modeSeq: 0, isLarge: false, members: [], ...REST }
    const prev = inbox.state.list.version
    steps.add(inbox, inbox.state.list.apply(heads, ANN), prev)
  }
  return { steps, told, hear }
}

test('a step tells of the inbox as it was read last, also where one that retired had begun it', () => {
  const { steps, told, hear } = rig()
  const first = new InboxActivation(KEY, NAME, undefined)
  hear(first, 'lunch', 1)
  const row = first.cut()
  const again = new InboxActivation(KEY, NAME, { row: row.row, pages: row.pages, position: POSITION })
  hear(again, 'lunch', 2)
  hear(again, 'tea', 1)
  steps.tick(0)
  deepEqual(told, ['0-3: lunch 2: tea 1'])
})

test('more entries than one answer may hold are a beacon: whoever hears it asks', () => {
  const { steps, told, hear } = rig()
  const inbox = new InboxActivation(KEY, NAME, undefined)
  for (let at = 0; at <= LIMITS.resumeEntriesMax; at++) hear(inbox, `c${at}`, 1)
  steps.tick(0)
  hear(inbox, 'lunch', 1)
  steps.tick(LIMITS.inboxStepMs)
  deepEqual(told, ['beacon', `${LIMITS.resumeEntriesMax + 1}-${LIMITS.resumeEntriesMax + 2}: lunch 1`])
})
