import { deepEqual, equal, notEqual, throws } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { CorruptionError } from '../domain/errors.js'
import { Bytes, GrowingBytes } from '../std/bytes.js'
import {
  beginRecord,
  emptyFrame,
  endRecord,
  FRAME_HEAD_BYTES,
  type FrameHead,
  FrameKind,
  follow,
  type LogPlace,
  nextChain,
  RecordKind,
  readHead,
  recordsOf,
  sealFrame,
} from './frame.js'

const HEAD: FrameHead = {
  kind: FrameKind.events,
  shard: 255,
  owner: 2n ** 64n - 1n,
  attemptOf: 2n ** 63n,
  after: 2 ** 40 + 1,
  batchNo: Number.MAX_SAFE_INTEGER,
  logIncarnation: 3,
  epoch: 2 ** 32 - 1,
  chain: 0xdeadbeef,
  count: 0,
}

/** A frame whose records hold the given payloads. */
function frameOf(payloads: readonly string[], head: Partial<FrameHead> = {}): Uint8Array {
  const out = new GrowingBytes(64)
  out.reserve(FRAME_HEAD_BYTES)
  for (const payload of payloads) {
    const record = beginRecord(out)
    out.append(new TextEncoder().encode(payload))
    endRecord(out, record, RecordKind.event)
  }
  return sealFrame(out.bytes, out.size, { ...HEAD, ...head, count: payloads.length }).slice()
}

describe('a log frame', () => {
  test('gives back its head and its records, whatever their size', () => {
    const payloads = ['', 'a', 'seven77', 'eight888', 'nine99999']
    const frame = frameOf(payloads)
    deepEqual(readHead(frame, 'here'), { ...HEAD, count: payloads.length })
    equal(frame.length % 8, 0)
    const found = [...recordsOf(Bytes.over(frame), payloads.length)]
    deepEqual(
      found.map(({ start, end }) => new TextDecoder().decode(frame.subarray(start, end))),
      payloads,
    )
    deepEqual(new Set(found.map(({ kind }) => kind)), new Set([RecordKind.event]))
  })

  test('read again after sealing again: the CRC field does not count itself', () => {
    const frame = frameOf(['again'])
    const sealed = sealFrame(Bytes.over(frame), frame.length, { ...HEAD, count: 1 })
    deepEqual(readHead(sealed, 'here').count, 1)
  })

  test('with any one byte changed is corruption, and the error says where', () => {
    const frame = frameOf(['hello', 'you'])
    for (let at = 0; at < frame.length; at++) {
      const damaged = frame.slice()
      damaged[at]! ^= 0x10
      throws(
        () => readHead(damaged, 'at tail 7'),
        (error) => error instanceof CorruptionError && error.message.includes('at tail 7'),
        `byte ${at}`,
      )
    }
  })

  test('cut short anywhere, or with bytes behind it, is corruption', () => {
    const frame = frameOf(['hello'])
    for (let size = 0; size < frame.length; size++) throws(() => readHead(frame.subarray(0, size), ''), CorruptionError)
    throws(() => readHead(new Uint8Array([...frame, 0, 0, 0, 0, 0, 0, 0, 0]), ''), CorruptionError)
  })
})

describe('following a log', () => {
  const START: LogPlace = { tail: 0, batchNo: 0, epoch: 0, chain: 0, logIncarnation: 1 }
  const blind = { batchNo: 0, logIncarnation: 0, epoch: 0, chain: 0 }
  const barrier = (after: number) => emptyFrame({ ...HEAD, ...blind, kind: FrameKind.barrier, after })
  const events = (place: LogPlace, head: Partial<FrameHead> = {}) => {
    const { tail: after, chain, epoch, logIncarnation } = place
    return frameOf(['x'], { after, chain, epoch, logIncarnation, batchNo: place.batchNo + 1, ...head })
  }

  test('numbers its batches densely, whatever the tails are, and gives positions', () => {
    let place = START
    for (const tail of [5, 6, 90]) {
      const followed = follow(place, { tail, bytes: events(place) })
      if (followed.kind !== 'followed') throw new Error(`unlinked at ${tail}`)
      place = followed.place
      deepEqual(followed.position, { logIncarnation: 1, batchNo: place.batchNo, index: 0 })
    }
    deepEqual([place.tail, place.batchNo], [90, 3])
  })

  test('gives a barrier, which was written blind, the numbers that its place has', () => {
    const place: LogPlace = { tail: 9, batchNo: 4, epoch: 7, chain: 1234, logIncarnation: 2 }
    const bytes = barrier(9)
    const followed = follow(place, { tail: 10, bytes })
    deepEqual(followed.kind === 'followed' && followed.place, {
      tail: 10,
      batchNo: 5,
      epoch: 7,
      chain: nextChain(1234, bytes),
      logIncarnation: 2,
    })
  })

  test('takes epoch and incarnation from whatever else stands there', () => {
    const followed = follow(START, { tail: 1, bytes: events(START, { epoch: 9, logIncarnation: 4 }) })
    deepEqual(followed.kind === 'followed' && [followed.place.epoch, followed.place.logIncarnation], [9, 4])
  })

  test('does not follow what expected another tail, batch or chain; a barrier only its tail', () => {
    const unlinked = (bytes: Uint8Array) => follow(START, { tail: 1, bytes }).kind
    equal(unlinked(events(START)), 'followed')
    equal(unlinked(events(START, { after: 1 })), 'unlinked')
    equal(unlinked(events(START, { batchNo: 2 })), 'unlinked')
    equal(unlinked(events(START, { chain: 1 })), 'unlinked')
    equal(unlinked(barrier(0)), 'followed')
    equal(unlinked(barrier(1)), 'unlinked')
  })

  test('a frame that says the same after another history has another chain', () => {
    const [a, b] = [frameOf(['x']), frameOf(['x'], { attemptOf: 1n })]
    notEqual(nextChain(0, a), nextChain(0, b))
    notEqual(nextChain(0, a), nextChain(1, a))
  })
})
