/**
 * Recovery's half of "one apply": a logged record into the same state machines that live traffic runs.
 */
import { ActorKind, type ActorName, type AppId, type UserId } from '../domain/ids.js'
import { type LogRecord, RecordKind } from '../log/frame.js'
import { readEvent } from '../protocol/event-frame.js'
import { readHeads } from '../protocol/heads-record.js'
import { readLaneRecord } from '../protocol/lane-record.js'
import { readMark } from '../protocol/mark-record.js'
import { readMarker } from '../protocol/marker-record.js'
import { mentionsOf } from '../protocol/mentions.js'
import { EventKind } from '../protocol/wire-numbers.js'
import { assert } from '../std/assert.js'
import type { Bytes } from '../std/bytes.js'
import type { Activation } from './activation.js'
import { apply, applyIncarnation, applySpent } from './conversation.js'
import { applyInboxSpent, applyLaneOpened, applyMark } from './inbox.js'
import { applyReading } from './reading.js'

/** `find` gives the actor, or undefined where its row holds the record already. */
export async function applyRecord(
  frame: Bytes,
  record: LogRecord,
  find: (name: ActorName) => Promise<Activation | undefined>,
): Promise<void> {
  if (record.kind === RecordKind.event) return await applyEvent(frame, record, find)
  if (record.kind === RecordKind.heads) return await applyHeads(frame, record, find)
  if (record.kind === RecordKind.marker) return await applyMarker(frame, record, find)
  if (record.kind === RecordKind.marked) return await applyMarked(frame, record, find)
  const facts = readLaneRecord(frame, record.start, record.end)
  const name = { app: facts.app as AppId, kind: facts.actorKind as ActorKind, id: facts.actor }
  const lane = { device: facts.device, number: facts.lane, random: facts.laneRandom }
  const activation = await find(name)
  if (activation === undefined) return
  if (activation.kind === 'inbox') {
    if (record.kind === RecordKind.laneOpened) return applyLaneOpened(activation.state, lane)
    return applyInboxSpent(activation.state, { lane, n: facts.n, hash: facts.hash, wireCode: facts.code })
  }
  const from = facts.user as UserId
  applySpent(activation.state, { from, lane, n: facts.n, hash: facts.hash, wireCode: facts.code })
  activation.touch(from)
}

async function applyEvent(
  frame: Bytes,
  record: LogRecord,
  find: (name: ActorName) => Promise<Activation | undefined>,
): Promise<void> {
  const facts = readEvent(frame, record.start)
  const name = { app: facts.app as AppId, kind: facts.conversationKind as ActorKind, id: facts.conversation }
  const activation = await find(name)
  if (activation === undefined) return
  assert(activation.kind === 'conversation', `an event in the inbox of ${name.id}`)
  const { seq, time, ordinal, memberSeq, n, hash } = facts
  const from = facts.from as UserId
  const users = facts.users as UserId[]
  const lane = { device: facts.device, number: facts.lane, random: facts.laneRandom }
  const event = facts.eventKind as EventKind
  const mentions = (event === EventKind.message ? mentionsOf(frame, facts.contentStart) : []) as UserId[]
  apply(activation.state, { event, seq, time, ordinal, memberSeq, n, hash, from, lane, users, mentions })
  applyIncarnation(activation.state, facts.incarnation, seq)
  activation.tail.push(seq, frame.u8, record.start, record.end)
  activation.touch(from)
  for (const user of users) activation.touch(user)
  for (const user of mentions) activation.touch(user)
}

async function applyMarked(
  frame: Bytes,
  record: LogRecord,
  find: (name: ActorName) => Promise<Activation | undefined>,
): Promise<void> {
  const {
    app,
    user,
    device,
    lane: number,
    laneRandom: random,
    n,
    hash,
    ...facts
  } = readMark(frame, record.start, record.end)
  const activation = await find({ app: app as AppId, kind: ActorKind.inbox, id: user })
  if (activation === undefined) return
  assert(activation.kind === 'inbox', `a mark of ${user}, which is no inbox`)
  activation.touch(applyMark(activation.state, { lane: { device, number, random }, n, hash, facts }))
}

async function applyMarker(
  frame: Bytes,
  record: LogRecord,
  find: (name: ActorName) => Promise<Activation | undefined>,
): Promise<void> {
  const { app, actorKind, conversation: id, user, seq, ordinal } = readMarker(frame, record.start, record.end)
  const activation = await find({ app: app as AppId, kind: actorKind as ActorKind, id })
  if (activation === undefined) return
  assert(activation.kind === 'conversation', `a marker in ${id}, which is no conversation`)
  applyReading(activation.state, { user: user as UserId, seq, ordinal })
  activation.touch(user as UserId)
}

async function applyHeads(
  frame: Bytes,
  record: LogRecord,
  find: (name: ActorName) => Promise<Activation | undefined>,
): Promise<void> {
  const heads = readHeads(frame, record.start, record.end)
  for (const member of heads.members) {
    const activation = await find({ app: heads.app as AppId, kind: ActorKind.inbox, id: member.user })
    if (activation === undefined) continue
    assert(activation.kind === 'inbox', `heads for ${member.user}, which is no inbox`)
    // A record names all whom it was told of; for some it may have been no news.
    const { list } = activation.state
    if (list.isNews(heads, member)) activation.touch(list.apply(heads, member))
  }
}
