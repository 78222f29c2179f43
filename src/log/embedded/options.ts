/**
 * The numbers of the embedded log, per worker.
 */
import { KiB, MiB } from '../../domain/limits.js'

export interface WalOptions {
  /** Size of a preallocated segment. Purge frees whole segments; a group that is larger makes its segment larger. */
  readonly segmentBytes: number
  /** Size of the first segment of a worker's life, which a start waits for. */
  readonly firstSegmentBytes: number
  /** Files of this worker's segments together; above it every append is refused with `full`, a spare segment aside. */
  readonly limitBytes: number
  /** Free disk below which sends are refused: room for the store to catch up, and for the spare segments under way. */
  readonly diskReserveBytes: number
  /** One write and one sync take at most this much, unless one frame alone is larger. */
  readonly groupBytesMax: number
  /** Zeroes written and synced at a time while a spare segment is made: larger slices delay appends more. */
  readonly sliceBytes: number
  /** Sealed segments are held without complaint up to this number and these bytes; beyond, owners are asked to carry. */
  readonly heldSegmentsMax: number
  readonly heldBytesMax: number
  /** Milliseconds until a spare segment that could not be made is tried again. */
  readonly spareRetryMs: number
}

export const WAL_DEFAULTS: WalOptions = {
  segmentBytes: 32 * MiB, // a quarter of a second of the fastest writer measured; a new header costs two syncs
  firstSegmentBytes: 8 * MiB,
  limitBytes: 8 * 1024 * MiB,
  diskReserveBytes: 256 * MiB, // the store asks for 64 and twice what it stores; a spare is 32, a look apart as much again
  groupBytesMax: 8 * MiB, // about 20 ms of a disk that syncs 400 MB/s
  sliceBytes: 512 * KiB,
  heldSegmentsMax: 8,
  heldBytesMax: 64 * MiB, // soon after, purged segments are used again and no more zeroes are written
  spareRetryMs: 5_000,
}

/** Who hears of trouble that has no caller. `what` says what we were doing. */
export type Alarm = (what: string, cause: unknown) => void
