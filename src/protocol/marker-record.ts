/**
 * How far a member has read (schemas/log.fbs): what the shard of a user tells that of a conversation, and what the latter
 * logs, without a seq.
 */
import { Builder, ByteBuffer } from 'flatbuffers'
import type { Bytes, GrowingBytes } from '../std/bytes.js'
import { MarkerRecord } from './generated/parley/log/marker-record.js'

export interface MarkerFacts {
  readonly app: string
  /** An ActorKind. */
  readonly actorKind: number
  readonly conversation: string
  readonly user: string
  readonly seq: number
  /** Countable messages up to `seq`. */
  readonly ordinal: number
  /** Of the conversation's log, as the user's list knows it. */
  readonly incarnation: number
}

const builder = new Builder(256)

/** Appends the payload of one record. */
export function writeMarker(out: GrowingBytes, facts: MarkerFacts): void {
  builder.clear()
  const app = builder.createString(facts.app)
  const conversation = builder.createString(facts.conversation)
  const user = builder.createString(facts.user)
  MarkerRecord.startMarkerRecord(builder)
  MarkerRecord.addApp(builder, app)
  MarkerRecord.addActorKind(builder, facts.actorKind)
  MarkerRecord.addConversation(builder, conversation)
  MarkerRecord.addUser(builder, user)
  MarkerRecord.addSeq(builder, BigInt(facts.seq))
  MarkerRecord.addOrdinal(builder, BigInt(facts.ordinal))
  MarkerRecord.addIncarnation(builder, facts.incarnation)
  builder.finish(MarkerRecord.endMarkerRecord(builder))
  out.append(builder.asUint8Array())
}

/** The record in [start, end). */
export function readMarker(bytes: Bytes, start: number, end: number): MarkerFacts {
  const record = MarkerRecord.getRootAsMarkerRecord(new ByteBuffer(bytes.u8.subarray(start, end)))
  return {
    app: record.app() ?? '',
    actorKind: record.actorKind(),
    conversation: record.conversation() ?? '',
    user: record.user() ?? '',
    seq: Number(record.seq()),
    ordinal: Number(record.ordinal()),
    incarnation: record.incarnation(),
  }
}
