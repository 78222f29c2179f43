/** What a user decided of a conversation of their list, as it is logged (schemas/log.fbs). */
import { ByteBuffer } from 'flatbuffers'
import type { Bytes, GrowingBytes } from '../std/bytes.js'
import { MarkRecord } from './generated/parley/log/mark-record.js'
import { addText, recordBuilder } from './record-builder.js'

/** Read up to `seq`, whose event has `ordinal`; and those of `flags` that `set` names (ListFlag). */
export interface MarkFacts {
  readonly conversationKind: number
  readonly conversation: string
  /** 0: says nothing of what was read. */
  readonly seq: number
  readonly ordinal: number
  readonly set: number
  readonly flags: number
}

export interface MarkRecordFacts extends MarkFacts {
  readonly app: string
  readonly user: string
  readonly device: string
  readonly lane: number
  readonly laneRandom: bigint
  readonly n: number
  readonly hash: number
}

/** Appends the payload of one record. */
export function writeMark(out: GrowingBytes, facts: MarkRecordFacts): void {
  const builder = recordBuilder()
  const app = addText(builder, facts.app)
  const user = addText(builder, facts.user)
  const device = addText(builder, facts.device)
  const conversation = addText(builder, facts.conversation)
  MarkRecord.startMarkRecord(builder)
  MarkRecord.addApp(builder, app)
  MarkRecord.addUser(builder, user)
  MarkRecord.addDevice(builder, device)
  MarkRecord.addLane(builder, facts.lane)
  MarkRecord.addLaneRandom(builder, facts.laneRandom)
  MarkRecord.addN(builder, BigInt(facts.n))
  MarkRecord.addHash(builder, facts.hash)
  MarkRecord.addActorKind(builder, facts.conversationKind)
  MarkRecord.addConversation(builder, conversation)
  MarkRecord.addSeq(builder, BigInt(facts.seq))
  MarkRecord.addOrdinal(builder, BigInt(facts.ordinal))
  MarkRecord.addSet(builder, facts.set)
  MarkRecord.addFlags(builder, facts.flags)
  builder.finish(MarkRecord.endMarkRecord(builder))
  out.append(builder.asUint8Array())
}

/** The record in [start, end). */
export function readMark(bytes: Bytes, start: number, end: number): MarkRecordFacts {
  const record = MarkRecord.getRootAsMarkRecord(new ByteBuffer(bytes.u8.subarray(start, end)))
  return {
    app: record.app() ?? '',
    user: record.user() ?? '',
    device: record.device() ?? '',
    lane: record.lane(),
    laneRandom: record.laneRandom(),
    n: Number(record.n()),
    hash: record.hash(),
    conversationKind: record.actorKind(),
    conversation: record.conversation() ?? '',
    seq: Number(record.seq()),
    ordinal: Number(record.ordinal()),
    set: record.set(),
    flags: record.flags(),
  }
}
