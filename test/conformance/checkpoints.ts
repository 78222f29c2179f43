/**
 * Checkpoints to store in tests, and what to expect of them: events are 48 bytes and say their seq.
 */
import { equal } from 'node:assert/strict'
import type { ActorKey, Seq, ShardId } from '../../src/domain/ids.js'
import type { Position } from '../../src/domain/position.js'
import type { ActorRow, ActorWrite, Checkpoint, MessageStore, TimelineBlock } from '../../src/storage/message-store.js'

export function at(batchNo: number, index = 0): Position {
  return { logIncarnation: 1, batchNo, index }
}

export function checkpoint(shard: ShardId, position: Position, writes: readonly ActorWrite[]): Checkpoint {
  return { shard, snapshot: { position, epoch: 3, chain: position.batchNo, tail: position.batchNo * 2 }, writes }
}

export function write(
  key: ActorKey,
  row: string,
  { pages = new Map(), blocks = [] }: Partial<Pick<ActorWrite, 'pages' | 'blocks'>> = {},
): ActorWrite {
  return { key, row: bytesOf(row), pages, blocks }
}

export function block(firstSeq: Seq, lastSeq: Seq): TimelineBlock {
  return { firstSeq, lastSeq, events: Buffer.concat(seqs(firstSeq, lastSeq).map(event)) }
}

export async function timeline(store: MessageStore, key: ActorKey, from: Seq, to: Seq): Promise<Seq[]> {
  return (await store.readTimeline(key, { from, to, bytesMax: 1 << 30 })).map(seqOf)
}

export function event(seq: Seq): Uint8Array {
  const bytes = Buffer.alloc(48, seq & 0xff)
  bytes.writeUInt32LE(bytes.length - 4)
  bytes.writeDoubleLE(seq, 8)
  return bytes
}

export function seqOf(bytes: Uint8Array): Seq {
  equal(bytes.byteLength, 48)
  return Buffer.from(bytes).readDoubleLE(8)
}

export function seqs(from: Seq, to: Seq): Seq[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}

export function pageOf(number: number, text: string): [number, Uint8Array] {
  return [number, bytesOf(text)]
}

/** Stores may give Buffers; what counts is the bytes. */
export function plain(actor: ActorRow | undefined) {
  return (
    actor && {
      position: actor.position,
      row: new TextDecoder().decode(actor.row),
      pages: new Map([...actor.pages].map(([number, bytes]) => [number, new Uint8Array(bytes)])),
    }
  )
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function patternOf(size: number, step: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * step) & 0xff)
}
