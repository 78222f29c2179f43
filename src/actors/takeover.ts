/**
 * Taking a shard over is a write (rules §3): a barrier with the expected sequence, replay until that barrier is read,
 * a `serve` frame, then service. A leader's read is never trusted to be the end.
 *
 * Why the barrier comes before the read: 1. the old owner has a frame in flight; 2. we read to what looks like the end;
 * 3. the frame commits and its sends are acked; 4. we serve without them. With the barrier, step 3 is fenced.
 */
import { UnavailableError } from '../domain/errors.js'
import type { ShardId } from '../domain/ids.js'
import { emptyFrame, type FrameHead, FrameKind, follow, type LogPlace, nextChain, readHead } from '../log/frame.js'
import { type ShardLog, TAIL_START, type Tail } from '../log/shard-log.js'
import { assert } from '../std/assert.js'
import type { Snapshot } from '../storage/message-store.js'

/** The state that replay builds. */
export interface Replayed {
  /** Forgets everything and reads where rows stand. Throws UnavailableError. */
  begin(): Promise<Snapshot | undefined>
  /** Applies one frame's records where they are above their actor's row. Throws UnavailableError. */
  frame(place: LogPlace, head: FrameHead, bytes: Uint8Array): Promise<void>
  /** The store was ahead of the log (rules §14): an operator must know. */
  lostTail(snapshot: Snapshot): void
  /** It does not go on, for the `times`-th time in a row, and is tried again: only the cause tells whether that will help. */
  troubled(cause: unknown, times: number): void
}

/** One owner's dealings with one shard's log, for one life of the commit loop. */
export interface OwnLog {
  readonly shard: ShardId
  readonly log: ShardLog
  readonly owner: bigint
  readonly replayed: Replayed
  /** The log is of this incarnation at least: an operator has said so, by restoring a backup (rules §14). */
  readonly incarnationMin: number
  /** False once this life is over: give up quietly. */
  isCurrent(): boolean
  newId(): bigint
  pause(ms: number): Promise<void>
  /** A second plus a random time that grows with our rank: lets another contender's serve come first. */
  contentionPause(): Promise<void>
}

const RETRY_MS = 50
const RETRY_MS_MAX = 1_000
const READ_AGAIN_MS = 5
const UNLINKED_READS_MAX = 20

/** The place to serve from, or undefined where somebody else serves now or this life is over. */
export async function takeOver(own: OwnLog): Promise<LogPlace | undefined> {
  while (own.isCurrent()) {
    const barrierTail = await appendBarrier(own, await tailOf(own))
    if (barrierTail === undefined) return undefined
    let lost: Snapshot | undefined
    const place = await replayTo(own, barrierTail, (snapshot) => {
      lost = snapshot
    })
    if (place === undefined) return undefined
    const served = await serve(own, place)
    // Only now is it known that the log ends there: the store is ahead of our barrier also where another owner has
    // taken over, appended and stored since.
    if (lost !== undefined && served !== undefined && served !== 'again') own.replayed.lostTail(lost)
    if (served !== 'again') return served
  }
  return undefined
}

/** Appends until the log confirms one of our barriers; its tail, or undefined when this life is over. */
async function appendBarrier(own: OwnLog, guess: Tail): Promise<Tail | undefined> {
  let expected = guess
  for (let times = 1; own.isCurrent(); times++) {
    const outcome = await own.log.append(own.shard, barrierFrame(own, expected), expected)
    switch (outcome.kind) {
      case 'appended':
        return outcome.tail
      case 'fenced':
        expected = outcome.tail ?? (await tailOf(own))
        break
      case 'unknown':
        if (outcome.busy) await own.pause(READ_AGAIN_MS)
        else {
          own.replayed.troubled(
            new UnavailableError('the log did not confirm a barrier', { cause: outcome.cause }),
            times,
          )
          await own.pause(RETRY_MS)
        }
        break
      case 'refused':
        own.replayed.troubled(new UnavailableError(`the log takes nothing: ${outcome.why}`), times)
        await own.pause(RETRY_MS * 4)
        break
    }
  }
  return undefined
}

export function barrierFrame(own: OwnLog, after: Tail): Uint8Array {
  const { shard, owner } = own
  const blind = { batchNo: 0, logIncarnation: 0, epoch: 0, chain: 0 }
  return emptyFrame({ kind: FrameKind.barrier, shard, owner, attemptOf: own.newId(), after, ...blind })
}

async function tailOf(own: OwnLog): Promise<Tail> {
  for (let times = 1; own.isCurrent(); times++) {
    try {
      return await own.log.tail(own.shard)
    } catch (cause) {
      own.replayed.troubled(cause, times)
      await own.pause(RETRY_MS)
    }
  }
  return TAIL_START
}

/**
 * Rebuilds the state from rows and log, up to and including the frame at `end`, however often the read ends early.
 * Undefined when this life is over.
 */
export async function replayTo(
  own: OwnLog,
  end: Tail,
  onLost: (snapshot: Snapshot) => void = (snapshot) => own.replayed.lostTail(snapshot),
): Promise<LogPlace | undefined> {
  let unlinkedReads = 0
  let troubles = 0
  let pauseMs = RETRY_MS
  while (own.isCurrent()) {
    try {
      const snapshot = await own.replayed.begin()
      if (snapshot !== undefined && (end <= snapshot.tail || unlinkedReads >= UNLINKED_READS_MAX)) {
        if (end === snapshot.tail) return placeOf(snapshot)
        onLost(snapshot)
        return startOver(snapshot, end)
      }
      const place = await readFrom(own, placeOf(snapshot), end)
      if (place !== 'unlinked') return place
      unlinkedReads++ // the old owner purged while we read: its snapshot has moved on
    } catch (cause) {
      // What was applied so far is forgotten by the next begin(), or was by that of a later life, which this one met.
      if (own.isCurrent()) own.replayed.troubled(cause, ++troubles)
      // What is no passing failure is found again each time, and a replay costs more than a look.
      if (!(cause instanceof UnavailableError)) pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)
    }
    await own.pause(pauseMs)
  }
  return undefined
}

async function readFrom(own: OwnLog, start: LogPlace, end: Tail): Promise<LogPlace | undefined | 'unlinked'> {
  let place = start
  while (own.isCurrent()) {
    for await (const frame of own.log.read(own.shard, place.tail)) {
      const followed = follow(place, frame)
      if (followed.kind === 'unlinked') return 'unlinked'
      if (!own.isCurrent()) return undefined
      await own.replayed.frame(followed.place, followed.head, frame.bytes)
      place = followed.place
      if (place.tail >= end || !own.isCurrent()) break
    }
    if (place.tail >= end) return place
    await own.pause(READ_AGAIN_MS)
  }
  return undefined
}

function placeOf(snapshot: Snapshot | undefined): LogPlace {
  if (snapshot === undefined) return { tail: TAIL_START, batchNo: 0, epoch: 0, chain: 0, logIncarnation: 1 }
  const { position, epoch, chain, tail } = snapshot
  return { tail, batchNo: position.batchNo, epoch, chain, logIncarnation: position.logIncarnation }
}

/** Rules §14: the log is behind the store, so it begins a new incarnation right after the barrier, from rows alone. */
function startOver(snapshot: Snapshot, barrierTail: Tail): LogPlace {
  return {
    tail: barrierTail,
    batchNo: 1,
    epoch: snapshot.epoch,
    chain: 0,
    logIncarnation: snapshot.position.logIncarnation + 1,
  }
}

async function serve(own: OwnLog, place: LogPlace): Promise<LogPlace | undefined | 'again'> {
  const { shard, owner } = own
  const epoch = place.epoch + 1
  const { tail: after, chain } = place
  const logIncarnation = Math.max(place.logIncarnation, own.incarnationMin)
  const frame = emptyFrame({
    kind: FrameKind.serve,
    shard,
    owner,
    attemptOf: own.newId(),
    after,
    batchNo: place.batchNo + 1,
    logIncarnation,
    epoch,
    chain,
  })
  const outcome = await own.log.append(shard, frame, after)
  if (!own.isCurrent()) return undefined
  if (outcome.kind === 'appended') {
    return { tail: outcome.tail, batchNo: place.batchNo + 1, epoch, chain: nextChain(chain, frame), logIncarnation }
  }
  if (outcome.kind !== 'fenced') {
    await own.pause(RETRY_MS)
    return 'again'
  }
  await own.contentionPause()
  return (await othersServe(own, after)) ? undefined : 'again'
}

/** Whether a foreign `serve` stands above `after`: two contenders would otherwise fence each other for ever. */
async function othersServe(own: OwnLog, after: Tail): Promise<boolean> {
  try {
    for await (const frame of own.log.read(own.shard, after)) {
      const head = readHead(frame.bytes, `at tail ${frame.tail}`)
      assert(head.shard === own.shard, `frame of shard ${head.shard} in the log of ${own.shard}`)
      if (head.kind === FrameKind.serve && head.owner !== own.owner) return true
    }
  } catch {
    return false // contending again is safe, only slower
  }
  return false
}
