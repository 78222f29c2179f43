/**
 * Log records without an event: a command that used up its n, a lane that was opened (schemas/log.fbs). They are rare,
 * so the generated code writes them.
 */
import { Builder, ByteBuffer } from 'flatbuffers'
import type { ActorKind, ActorName, AppId, UserId } from '../domain/ids.js'
import { LaneRecord } from '../protocol/generated/parley/log/lane-record.js'
import type { Bytes, GrowingBytes } from '../std/bytes.js'
import type { LaneSpent } from './conversation.js'
import type { LaneName } from './lanes.js'

export interface ReadLaneRecord {
  readonly name: ActorName
  readonly spent: LaneSpent
}

/** Appends the payload; for an opened lane `spent` is absent. */
export function writeLaneRecord(
  out: GrowingBytes,
  name: ActorName,
  spent: LaneSpent | undefined,
  lane: LaneName,
): void {
  const builder = new Builder(256)
  const app = builder.createString(name.app)
  const actor = builder.createString(name.id)
  const user = builder.createString(spent?.from ?? name.id)
  const device = builder.createString(lane.device)
  LaneRecord.startLaneRecord(builder)
  LaneRecord.addApp(builder, app)
  LaneRecord.addActorKind(builder, name.kind)
  LaneRecord.addActor(builder, actor)
  LaneRecord.addUser(builder, user)
  LaneRecord.addDevice(builder, device)
  LaneRecord.addLane(builder, lane.number)
  LaneRecord.addLaneRandom(builder, lane.random)
  LaneRecord.addN(builder, BigInt(spent?.n ?? 0))
  LaneRecord.addHash(builder, spent?.hash ?? 0)
  LaneRecord.addCode(builder, spent?.wireCode ?? 0)
  builder.finish(LaneRecord.endLaneRecord(builder))
  out.append(builder.asUint8Array())
}

export function readLaneRecord(bytes: Bytes, start: number, end: number): ReadLaneRecord {
  const record = LaneRecord.getRootAsLaneRecord(new ByteBuffer(bytes.u8.subarray(start, end)))
  const name = { app: record.app() as AppId, kind: record.actorKind() as ActorKind, id: record.actor() as string }
  const lane = { device: record.device() as string, number: record.lane(), random: record.laneRandom() }
  const from = record.user() as UserId
  return { name, spent: { from, lane, n: Number(record.n()), hash: record.hash(), wireCode: record.code() } }
}
