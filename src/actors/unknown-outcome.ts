/**
 * What became of an append whose outcome is unknown (rules §4): never guessed, always decided by a barrier at the same
 * expectation.
 *
 *   1. the append of batch B after tail 7 times out; 2. a barrier after 7 is accepted: B can never be; it is lost for
 *   certain and is appended again. Or the barrier is fenced: something stands above 7, and reading it says whether B
 *   is among it, and whether a stranger is.
 */
import { CorruptionError } from '../domain/errors.js'
import { follow, type LogPlace } from '../log/frame.js'
import type { LoggedFrame, Tail } from '../log/shard-log.js'
import { barrierFrame, type OwnLog } from './takeover.js'

export type Resolved =
  /** Durable, with everything up to `place` ours. */
  | { readonly kind: 'committed'; readonly place: LogPlace }
  /** Lost for certain; append it again after `place`. */
  | { readonly kind: 'lost'; readonly place: LogPlace }
  /** Somebody else writes here now, or this life is over: step down, waiters hear "unknown". */
  | { readonly kind: 'foreign' }

const BUSY_MS = 3
const RETRY_MS = 50
const RETRY_MS_MAX = 2_000

export async function resolveUnknown(own: OwnLog, place: LogPlace, attemptOf: bigint): Promise<Resolved> {
  let pauseMs = RETRY_MS
  while (own.isCurrent()) {
    const barrier = barrierFrame(own, place.tail)
    const outcome = await own.log.append(own.shard, barrier, place.tail)
    if (outcome.kind === 'appended') {
      const followed = follow(place, { tail: outcome.tail, bytes: barrier })
      if (followed.kind === 'unlinked') throw new CorruptionError('Cannot follow our own barrier')
      return { kind: 'lost', place: followed.place }
    }
    if (outcome.kind === 'fenced') {
      const found = await readAbove(own, place, attemptOf, outcome.tail)
      if (found !== undefined) return found
    }
    const isBusy = outcome.kind === 'unknown' && outcome.busy === true
    await own.pause(isBusy ? BUSY_MS : pauseMs)
    if (!isBusy) pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)
  }
  return { kind: 'foreign' }
}

/** Undefined: the read did not reach `named`, or saw nothing at all; ask again. */
async function readAbove(
  own: OwnLog,
  start: LogPlace,
  attemptOf: bigint,
  named: Tail | undefined,
): Promise<Resolved | undefined> {
  const frames: LoggedFrame[] = []
  try {
    for await (const frame of own.log.read(own.shard, start.tail)) frames.push(frame)
  } catch {
    return undefined
  }
  let place = start
  let isCommitted = false
  for (const frame of frames) {
    const followed = follow(place, frame)
    if (followed.kind === 'unlinked') return { kind: 'foreign' } // purged meanwhile: only a newer owner does that
    if (followed.head.owner !== own.owner) return { kind: 'foreign' }
    if (followed.head.attemptOf === attemptOf) isCommitted = true
    place = followed.place
  }
  if (frames.length === 0 || place.tail < (named ?? 0)) return undefined
  return isCommitted ? { kind: 'committed', place } : { kind: 'lost', place }
}
