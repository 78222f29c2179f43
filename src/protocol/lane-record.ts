/**
 * Log records without an event: a command that used up its n, a lane that was opened (schemas/log.fbs). They are rare,
 * so the generated code writes them.
 */
import { ByteBuffer } from 'flatbuffers'
import type { Bytes, GrowingBytes } from '../std/bytes.js'
import { LaneRecord } from './generated/parley/log/lane-record.js'
import { addText, recordBuilder } from './record-builder.js'

export interface LaneRecordFacts {
  readonly app: string
  /** An ActorKind. */
  readonly actorKind: number
  readonly actor: string
  readonly user: string
  readonly device: string
  readonly lane: number
  readonly laneRandom: bigint
  /** 0 for an opened lane. */
  readonly n: number
  readonly hash: number
  /** Wire code of the refusal that consumed n, or 0. */
  readonly code: number
}

/** Appends the payload of one record. */
export function writeLaneRecord(out: GrowingBytes, facts: LaneRecordFacts): void {
  const builder = recordBuilder()
  const app = addText(builder, facts.app)
  const actor = addText(builder, facts.actor)
  const user = addText(builder, facts.user)
  const device = addText(builder, facts.device)
  LaneRecord.startLaneRecord(builder)
  LaneRecord.addApp(builder, app)
  LaneRecord.addActorKind(builder, facts.actorKind)
  LaneRecord.addActor(builder, actor)
  LaneRecord.addUser(builder, user)
  LaneRecord.addDevice(builder, device)
  LaneRecord.addLane(builder, facts.lane)
  LaneRecord.addLaneRandom(builder, facts.laneRandom)
  LaneRecord.addN(builder, BigInt(facts.n))
  LaneRecord.addHash(builder, facts.hash)
  LaneRecord.addCode(builder, facts.code)
  builder.finish(LaneRecord.endLaneRecord(builder))
  out.append(builder.asUint8Array())
}

/** The record in [start, end). */
export function readLaneRecord(bytes: Bytes, start: number, end: number): LaneRecordFacts {
  const record = LaneRecord.getRootAsLaneRecord(new ByteBuffer(bytes.u8.subarray(start, end)))
  return {
    app: record.app() ?? '',
    actorKind: record.actorKind(),
    actor: record.actor() ?? '',
    user: record.user() ?? '',
    device: record.device() ?? '',
    lane: record.lane(),
    laneRandom: record.laneRandom(),
    n: Number(record.n()),
    hash: record.hash(),
    code: record.code(),
  }
}
