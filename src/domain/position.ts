/**
 * A place in a shard's history that means the same to every reader, whatever stores it.
 */
export interface Position {
  /** Raised when a log is created, or found behind the store. */
  readonly logIncarnation: number
  /** Dense from 1 per shard and incarnation; the number of the log frame. */
  readonly batchNo: number
  /** The record in the frame, from 0. */
  readonly index: number
}

export const POSITION_START: Position = { logIncarnation: 0, batchNo: 0, index: 0 }

/** Below 0, 0, above 0: `a` before, at, after `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.logIncarnation - b.logIncarnation || a.batchNo - b.batchNo || a.index - b.index
}
