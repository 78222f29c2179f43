/** What a command's lane alone decides (rules §5): everything but the next n. */
import { isKeyedLane } from '../domain/ids.js'
import { isAboutLane, type RefusalName, refusalOfWire } from '../domain/refusal.js'
import { assert } from '../std/assert.js'
import type { LaneName, UserLanes } from './lanes.js'

/** A command's place in its lane. */
export interface InLane {
  readonly lane: LaneName
  readonly n: number
  /** CRC-32 of what the command says. */
  readonly hash: number
}

export type LaneAnswer =
  | { readonly kind: 'duplicate'; readonly seq: number; readonly time: number }
  | { readonly kind: 'already-accepted' }
  | { readonly kind: 'refuse'; readonly refusal: RefusalName; readonly expected?: number }

/** Undefined: it is the next of its lane. `lanes` are those of the user in the actor; undefined: none. */
export function answerOfLane(lanes: UserLanes | undefined, command: InLane, isVoid: boolean): LaneAnswer | undefined {
  if (isKeyedLane(command.lane.number)) return answerOfKey(lanes, command)
  const lane = lanes?.find(command.lane)
  if (lane === undefined) {
    if (lanes?.isRetired(command.lane)) return { kind: 'refuse', refusal: 'lane-retired' }
    return command.n === 1 ? undefined : { kind: 'refuse', refusal: 'send-gap', expected: 1 }
  }
  // A void says nothing, so it has no hash: whatever stands at its n is the answer.
  const verdict = isVoid ? lane.judgeAny(command.n) : lane.judge(command.n, command.hash)
  switch (verdict.kind) {
    case 'next':
      return undefined
    case 'gap':
      return { kind: 'refuse', refusal: 'send-gap', expected: verdict.expected }
    case 'accepted':
      return { kind: 'duplicate', seq: verdict.seq, time: verdict.time }
    case 'refused':
      return refusedBefore(verdict.wireCode)
    case 'already-accepted':
      return { kind: 'already-accepted' }
    case 'reused':
      return { kind: 'refuse', refusal: 'lane-reused' }
  }
}

function answerOfKey(lanes: UserLanes | undefined, { lane, hash }: InLane): LaneAnswer | undefined {
  const known = lanes?.keyed?.find(lane.random)
  if (known === undefined) return undefined
  if (known.hash !== hash) return { kind: 'refuse', refusal: 'key-reused' }
  return { kind: 'duplicate', seq: known.seq, time: known.time }
}

function refusedBefore(wireCode: number): LaneAnswer {
  if (wireCode === 0) return { kind: 'duplicate', seq: 0, time: 0 }
  const refusal = refusalOfWire(wireCode)
  assert(refusal !== undefined && !isAboutLane(refusal), `lane holds unknown refusal ${wireCode}`)
  return { kind: 'refuse', refusal }
}
