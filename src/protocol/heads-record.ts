/**
 * Where a conversation stands for some of its members (schemas/log.fbs): what outboxes tell user shards, and what user
 * shards log. The same bytes on the bus and in the log.
 */
import { type Builder, ByteBuffer } from 'flatbuffers'
import type { Bytes, GrowingBytes } from '../std/bytes.js'
import { HeadsRecord } from './generated/parley/log/heads-record.js'
import { MemberState } from './generated/parley/log/member-state.js'
import { addText, recordBuilder } from './record-builder.js'

export interface MemberStateFacts {
  readonly user: string
  /** The last event that let this user in or out. */
  readonly memberSeq: number
  readonly joinOrdinal: number
  /** 0 while the user is a member. */
  readonly endOrdinal: number
  readonly readSeq: number
  readonly readOrdinal: number
  readonly isMember: boolean
  /** The last event that mentions this user; 0: none does. */
  readonly mentionSeq: number
}

export interface HeadsFacts {
  readonly app: string
  /** An ActorKind. */
  readonly actorKind: number
  readonly conversation: string
  readonly head: number
  readonly ordinal: number
  readonly time: number
  /** The last event that said how lists hear of the conversation; 0: none did. */
  readonly modeSeq: number
  /** By read fan-out. */
  readonly isLarge: boolean
  /** Of the conversation's log at the head: compared before any seq. And the first event that has it. */
  readonly incarnation: number
  readonly sinceSeq: number
  readonly members: readonly MemberStateFacts[]
}

/** Appends the payload of one record. */
export function writeHeads(out: GrowingBytes, facts: HeadsFacts): void {
  const builder = recordBuilder()
  const app = addText(builder, facts.app)
  const conversation = addText(builder, facts.conversation)
  const users = HeadsRecord.createUsersVector(
    builder,
    facts.members.map(({ user }) => addText(builder, user)),
  )
  HeadsRecord.startStatesVector(builder, facts.members.length)
  for (let at = facts.members.length - 1; at >= 0; at--) addState(builder, facts.members[at]!)
  const states = builder.endVector()
  const mentions = facts.members.some(({ mentionSeq }) => mentionSeq > 0)
    ? HeadsRecord.createMentionSeqsVector(
        builder,
        facts.members.map(({ mentionSeq }) => BigInt(mentionSeq)),
      )
    : 0
  HeadsRecord.startHeadsRecord(builder)
  HeadsRecord.addApp(builder, app)
  HeadsRecord.addActorKind(builder, facts.actorKind)
  HeadsRecord.addConversation(builder, conversation)
  HeadsRecord.addHead(builder, BigInt(facts.head))
  HeadsRecord.addOrdinal(builder, BigInt(facts.ordinal))
  HeadsRecord.addTime(builder, BigInt(facts.time))
  HeadsRecord.addUsers(builder, users)
  HeadsRecord.addStates(builder, states)
  HeadsRecord.addModeSeq(builder, BigInt(facts.modeSeq))
  HeadsRecord.addIsLarge(builder, facts.isLarge)
  HeadsRecord.addIncarnation(builder, facts.incarnation)
  HeadsRecord.addSinceSeq(builder, BigInt(facts.sinceSeq))
  HeadsRecord.addMentionSeqs(builder, mentions)
  builder.finish(HeadsRecord.endHeadsRecord(builder))
  out.append(builder.asUint8Array())
}

function addState(builder: Builder, state: MemberStateFacts): void {
  MemberState.createMemberState(
    builder,
    BigInt(state.memberSeq),
    BigInt(state.joinOrdinal),
    BigInt(state.endOrdinal),
    BigInt(state.readSeq),
    BigInt(state.readOrdinal),
    state.isMember ? 1 : 0,
  )
}

/** The record in [start, end). */
export function readHeads(bytes: Bytes, start: number, end: number): HeadsFacts {
  const record = HeadsRecord.getRootAsHeadsRecord(new ByteBuffer(bytes.u8.subarray(start, end)))
  return {
    app: record.app() ?? '',
    actorKind: record.actorKind(),
    conversation: record.conversation() ?? '',
    head: Number(record.head()),
    ordinal: Number(record.ordinal()),
    time: Number(record.time()),
    modeSeq: Number(record.modeSeq()),
    isLarge: record.isLarge(),
    incarnation: record.incarnation(),
    sinceSeq: Number(record.sinceSeq()),
    members: Array.from({ length: record.statesLength() }, (_, index) => {
      const state = record.states(index)!
      return {
        user: record.users(index),
        memberSeq: Number(state.memberSeq()),
        joinOrdinal: Number(state.joinOrdinal()),
        endOrdinal: Number(state.endOrdinal()),
        readSeq: Number(state.readSeq()),
        readOrdinal: Number(state.readOrdinal()),
        isMember: state.isMember() === 1,
        mentionSeq: Number(record.mentionSeqs(index) ?? 0),
      }
    }),
  }
}
