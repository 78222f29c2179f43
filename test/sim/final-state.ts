/**
 * What is true in the end, as lines for the checkers: all that the log ever took, frame by frame, and all that the store
 * holds.
 */

import { unpackConversation } from '../../src/actors/rows.js'
import { ActorKind, type ActorName, parseActorKey } from '../../src/domain/ids.js'
import { FrameKind, follow, type LogPlace, RecordKind, recordsOf } from '../../src/log/frame.js'
import { decodeFrame } from '../../src/protocol/decode.js'
import { readLaneRecord } from '../../src/protocol/lane-record.js'
import { readMark } from '../../src/protocol/mark-record.js'
import { Bytes } from '../../src/std/bytes.js'
import type { HistoryLine, RowLine } from '../checkers/history.js'
import { eventFactsOf } from './event-line.js'
import type { CommittedFrame, SimLogServer } from './sim-log-server.js'
import type { SimStoreServer } from './sim-store.js'

export interface FinalLog {
  readonly lines: readonly HistoryLine[]
  /** What is wrong with the chain of frames itself. */
  readonly wrong: readonly string[]
  /** Frames of each kind. */
  readonly frames: ReadonlyMap<string, number>
}

const FIRST: LogPlace = { tail: 0, batchNo: 0, epoch: 0, chain: 0, logIncarnation: 1 }

export function readFinalLog(log: SimLogServer): FinalLog {
  const lines: HistoryLine[] = []
  const wrong: string[] = []
  const frames = new Map<string, number>()
  for (const shard of log.shards()) {
    let place = FIRST
    for (const frame of log.ledger(shard)) {
      const followed = follow(place, frame)
      if (followed.kind === 'unlinked') {
        wrong.push(`shard ${shard}: the frame at tail ${frame.tail} does not follow the one at ${place.tail}`)
        break
      }
      if (followed.place.epoch < place.epoch)
        wrong.push(`shard ${shard}: epoch ${followed.place.epoch} after ${place.epoch}`)
      const kind = kindName(followed.head.kind)
      frames.set(kind, (frames.get(kind) ?? 0) + 1)
      place = followed.place
      readRecords(lines, frame, followed.head.count, shard)
    }
  }
  return { lines, wrong, frames }
}

function kindName(kind: number): string {
  return Object.entries(FrameKind).find(([, number]) => number === kind)?.[0] ?? `kind ${kind}`
}

function readRecords(lines: HistoryLine[], frame: CommittedFrame, count: number, shard: number): void {
  const bytes = Bytes.over(frame.bytes)
  for (const { kind, start, end } of recordsOf(bytes, count)) {
    if (kind === RecordKind.event) {
      const event = decodeFrame(bytes.u8.subarray(start, end))
      if (event.kind !== 'event') throw new RangeError(`shard ${shard} holds a ${event.kind} where an event should be`)
      lines.push({ type: 'logged', shard, ...eventFactsOf(event) })
    } else if (kind === RecordKind.marked) {
      const { user, device, lane, n, conversation, seq, ordinal, set, flags } = readMark(bytes, start, end)
      lines.push({ type: 'marked', user, device, lane, n, conversation, seq, ordinal, set, flags })
    } else if (kind === RecordKind.refused || kind === RecordKind.voided) {
      const { actor: conversation, user: from, device, lane, n, code } = readLaneRecord(bytes, start, end)
      lines.push({ type: 'spent', conversation, from, device, lane, n, code })
    }
  }
}

export function readFinalStore(store: SimStoreServer): HistoryLine[] {
  const lines: HistoryLine[] = []
  for (const [key, actor] of store.actors) {
    const name = parseActorKey(key)
    if (name.kind === ActorKind.inbox || name.kind === ActorKind.outbox) continue
    for (const seq of [...actor.events.keys()].sort((a, b) => a - b)) {
      const event = decodeFrame(actor.events.get(seq)!.bytes)
      if (event.kind !== 'event') throw new RangeError(`the store holds a ${event.kind} where an event should be`)
      lines.push({ type: 'stored', ...eventFactsOf(event) })
    }
    lines.push(rowOf(name, actor.row, actor.pages))
  }
  return lines
}

export function rowOf(name: ActorName, row: Uint8Array, pages: ReadonlyMap<number, Uint8Array>): RowLine {
  const { head, ordinal, memberSeq, members } = unpackConversation(name, row, pages)
  return {
    type: 'row',
    conversation: name.id,
    head,
    ordinal,
    memberSeq,
    members: [...members.all()].map(({ user, intervals, lanes, readSeq }) => ({
      user,
      readSeq,
      intervals: intervals.map(({ from, to }) => (to === Number.MAX_SAFE_INTEGER ? { from } : { from, to })),
      lanes: lanes.lanes.map((lane) => ({ device: lane.name.device, lane: lane.name.number, last: lane.last })),
    })),
  }
}
