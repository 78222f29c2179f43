/**
 * Frames to append in tests, and how to read them back.
 */
import type { ShardId } from '../../src/domain/ids.js'
import type { LoggedFrame, ShardLog, Tail } from '../../src/log/shard-log.js'

export async function readOnce(log: ShardLog, shard: ShardId, after: Tail): Promise<LoggedFrame[]> {
  const frames: LoggedFrame[] = []
  for await (const frame of log.read(shard, after)) frames.push(frame)
  return frames
}

export function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `frame ${from + index}`)
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function textOf(frame: LoggedFrame): string {
  return new TextDecoder().decode(frame.bytes)
}

export function patternOf(size: number, step: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * step) & 0xff)
}
