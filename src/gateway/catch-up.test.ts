import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import {
  type Command,
  closeCodeOf,
  eventFrame,
  type FakeSocket,
  GatewayRig,
  groupKey,
  inWords,
  numberOf,
} from '../../test/support/gateway-rig.js'
import { ActorKind, actorKey } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { Bytes } from '../std/bytes.js'

const QUEUE_MAX = 10_000
const limits = { sendQueueBytesMax: QUEUE_MAX }

/** A welcomed connection that has stopped reading and is over its limit by one event of `lunch`, seq 1. */
function lagging(rig: GatewayRig, user = 'alice'): FakeSocket {
  const socket = rig.welcomed(user)
  socket.isReading = false
  rig.deliver([socket], 'lunch', 1, 1, QUEUE_MAX)
  rig.clock.tick()
  deepEqual(inWords(socket.frames()), ['lunch#1', 'refusal 0 lagging'])
  return socket
}

function readsAgain(rig: GatewayRig, socket: FakeSocket): void {
  socket.read()
  rig.gateway.drained(socket)
}

/** What an owner answers to the last History read. */
function serve(rig: GatewayRig, socket: FakeSocket, frames: readonly EncodableFrame[], completeTo: number): void {
  const { ref, frame } = rig.owners.commands.at(-1)! as Command & { frame: { conversation: string; anchor: number } }
  const { conversation, anchor } = frame
  const end = { conversation, conversationKind: ActorKind.group, from: anchor + 1, completeTo, head: completeTo }
  rig.answer(numberOf(socket), ref, ...frames, { kind: 'history-end', ref, ...end })
  rig.clock.tick()
}

function events(conversation: string, from: number, to: number): EncodableFrame[] {
  return Array.from({ length: to - from + 1 }, (_, index) => eventFrame(conversation, from + index))
}

/** A step of the user's inbox, as its shard sends it. */
function tellInbox(rig: GatewayRig, socket: FakeSocket, version: number): void {
  const step = { kind: 'inbox', ref: 0, incarnation: 3, prev: version - 1, version, ...NOTHING } as const
  tell(rig, socket, step)
}

/** Where large conversations stand, as the user's shard sends it: no word of the list. */
function tellHeads(rig: GatewayRig, socket: FakeSocket): void {
  tell(rig, socket, { kind: 'inbox', ref: 0, incarnation: 0, prev: 0, version: 0, ...NOTHING })
}

const NOTHING = { entries: [], more: false, heads: [], headsNext: 0 }

function tell(rig: GatewayRig, socket: FakeSocket, step: EncodableFrame): void {
  const bytes = Bytes.over(encodeFrame(step))
  const conversation = actorKey('app', ActorKind.inbox, 'alice')
  rig.gateway.deliver([numberOf(socket)], 1, { conversation, firstSeq: 0, lastSeq: 0 }, bytes, 0, bytes.size)
}

const readsOf = (rig: GatewayRig) =>
  rig.owners.commands.map(({ target, frame }) => [target, (frame as { anchor: number }).anchor])

describe('a connection that reads too slowly', () => {
  test('is told once, gets no more deliveries, and still gets its answers', () => {
    const rig = new GatewayRig(limits)
    const [slow, quick] = [lagging(rig), rig.welcomed('bob')]
    rig.deliver([slow, quick], 'lunch', 2)
    rig.deliver([slow], 'dinner', 7)
    rig.send(slow, { kind: 'ping', ref: 4 })
    rig.clock.tick()
    deepEqual(inWords(slow.frames()), ['pong 4'])
    deepEqual(inWords(quick.frames()), ['lunch#2'])
    deepEqual(rig.logged, [{ event: 'lagging', connection: numberOf(slow), unsentBytes: 10_240 }])
  })

  test('exactly at its limit is not lagging', () => {
    const rig = new GatewayRig(limits)
    const socket = rig.welcomed('alice')
    socket.isReading = false
    rig.deliver([socket], 'lunch', 1, 1, QUEUE_MAX - 240)
    rig.clock.tick()
    equal(socket.unsentBytes(), QUEUE_MAX)
    rig.deliver([socket], 'lunch', 2)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#1', 'lunch#2', 'refusal 0 lagging'])
  })

  test('is served every conversation from the first seq it missed, then is live again', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2, 3)
    rig.deliver([socket], 'dinner', 8)
    rig.deliver([socket], 'lunch', 4)
    readsAgain(rig, socket)
    deepEqual(readsOf(rig), [[groupKey('lunch'), 1]])

    serve(rig, socket, events('lunch', 2, 4), 4)
    deepEqual(inWords(socket.frames()), ['lunch#2', 'lunch#3', 'lunch#4'])
    deepEqual(readsOf(rig).slice(1), [[groupKey('dinner'), 7]])
    rig.deliver([socket], 'lunch', 5)
    serve(rig, socket, events('dinner', 8, 8), 8)
    rig.deliver([socket], 'dinner', 9)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#5', 'dinner#8', 'dinner#9'])
    equal(rig.owners.commands.length, 2)
  })

  test('hears where its inbox stands when it reads again, and every step from then on', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2)
    for (const version of [7, 8]) tellInbox(rig, socket, version)
    tellHeads(rig, socket)
    rig.clock.tick()
    deepEqual(socket.frames(), [])
    readsAgain(rig, socket)
    tellInbox(rig, socket, 9) // lunch is still being served
    rig.clock.tick()
    deepEqual(
      socket.frames().map((frame) => frame.kind === 'inbox' && [frame.incarnation, frame.prev, frame.version]),
      [
        [3, 8, 8],
        [3, 8, 9],
      ],
    )
    readsAgain(rig, socket)
    rig.clock.tick()
    deepEqual(socket.frames(), [])
  })

  test('what comes while it is being served is noted, not delivered before its turn', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2, 3)
    readsAgain(rig, socket)
    rig.deliver([socket], 'lunch', 4) // after the owner read, before its answer arrives
    serve(rig, socket, events('lunch', 2, 3), 3)
    deepEqual(inWords(socket.frames()), ['lunch#2', 'lunch#3'])
    deepEqual(readsOf(rig).at(-1), [groupKey('lunch'), 3])
    serve(rig, socket, events('lunch', 4, 4), 4)
    rig.deliver([socket], 'lunch', 5)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#4', 'lunch#5'])
  })

  test('a late delivery of what history brought is not repeated, for as long as one may be late', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2)
    readsAgain(rig, socket)
    serve(rig, socket, events('lunch', 2, 5), 5)
    socket.frames()
    rig.deliver([socket], 'lunch', 3, 5)
    rig.deliver([socket], 'lunch', 6)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#6'])
    rig.clock.advance(10_000)
    rig.deliver([socket], 'lunch', 7)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#7'])
  })

  test('long histories come page by page, each when the socket has taken the last', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2, 9)
    readsAgain(rig, socket)
    socket.isReading = false
    serve(rig, socket, [eventFrame('lunch', 2, QUEUE_MAX / 2)], 2)
    equal(rig.owners.commands.length, 1)
    socket.read(100)
    rig.gateway.drained(socket)
    equal(rig.owners.commands.length, 1)
    readsAgain(rig, socket)
    deepEqual(readsOf(rig).at(-1), [groupKey('lunch'), 2])
  })

  test('skips pass without the ref of a request the client never made', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2, 5)
    readsAgain(rig, socket)
    const { ref } = rig.owners.commands[0]!
    const skip = { kind: 'skip', ref, conversationKind: 2, conversation: 'lunch', from: 2, to: 4 } as const
    serve(rig, socket, [skip, eventFrame('lunch', 5)], 5)
    deepEqual(inWords(socket.frames()), ['lunch#2-4 skipped, ref 0', 'lunch#5'])
  })

  test('it may fall behind again while it catches up, and is told nothing new', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2)
    rig.deliver([socket], 'dinner', 1)
    readsAgain(rig, socket)
    socket.isReading = false
    serve(rig, socket, [eventFrame('lunch', 2, QUEUE_MAX)], 2)
    rig.deliver([socket], 'lunch', 3)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['lunch#2'])
    readsAgain(rig, socket)
    serve(rig, socket, events('dinner', 1, 1), 1)
    serve(rig, socket, events('lunch', 3, 3), 3)
    deepEqual(inWords(socket.frames()), ['dinner#1', 'lunch#3'])
  })

  test('a read that fails is tried again; one that is forbidden is given up', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2)
    rig.deliver([socket], 'dinner', 1)
    const refuse = (name: string, code: number) => {
      const { ref } = rig.owners.commands.at(-1)!
      const refusal = { ref, code, name, n: 0, retryAfterMs: 0, expected: 0, advice: '' }
      rig.answer(numberOf(socket), ref, { kind: 'refusal', ...refusal })
    }
    readsAgain(rig, socket)
    refuse('store-behind', 1206)
    equal(rig.owners.commands.length, 1)
    rig.clock.advance(100)
    rig.gateway.unknown(numberOf(socket), rig.owners.commands.at(-1)!.ref)
    rig.owners.takes = false
    rig.clock.advance(100)
    rig.owners.takes = true
    rig.clock.advance(100)
    refuse('not-member', 1401)
    rig.clock.tick()
    deepEqual(readsOf(rig), [...new Array(3).fill([groupKey('lunch'), 1]), [groupKey('dinner'), 0]])
    deepEqual(inWords(socket.frames()), [])
  })

  test('reads that bring nothing for ten seconds end the connection', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    rig.deliver([socket], 'lunch', 2)
    rig.owners.takes = false
    readsAgain(rig, socket)
    rig.clock.advance(9_000)
    equal(socket.closedWith, undefined)
    rig.clock.advance(2_000)
    deepEqual(socket.closedWith, { code: closeCodeOf('too-far-behind'), reason: 'too-far-behind' })
  })

  test('a bounded number of conversations is noted; one more ends the connection', () => {
    const rig = new GatewayRig({ ...limits, laggingConversationsMax: 2 })
    const socket = lagging(rig)
    rig.deliver([socket], 'a', 1)
    rig.deliver([socket], 'b', 1)
    rig.deliver([socket], 'a', 2)
    equal(socket.closedWith, undefined)
    rig.deliver([socket], 'c', 1)
    equal(socket.closedWith, 'aborted') // it does not read, so it would not read why
    equal(rig.owners.ended_.length, 1)
  })

  test('answers to one that never reads are bounded too', () => {
    const rig = new GatewayRig(limits)
    const socket = lagging(rig)
    for (let ref = 1; ref <= 20 && socket.closedWith === undefined; ref++) {
      rig.send(socket, rig.sendFrame('lunch', ref, ref))
      rig.answer(numberOf(socket), ref, eventFrame('lunch', ref, 5_000))
      rig.clock.tick()
    }
    equal(socket.closedWith, 'aborted')
    equal(socket.unsentBytes() > 4 * QUEUE_MAX && socket.unsentBytes() < 5 * QUEUE_MAX, true)
  })
})

test('when all queues together are too long, the largest lag first', () => {
  const rig = new GatewayRig({ sendQueuesBytesMax: 30_000 })
  const sockets = ['a', 'b', 'c', 'd'].map((user) => rig.welcomed(user))
  for (const [index, socket] of sockets.entries()) {
    socket.isReading = false
    rig.deliver([socket], 'solo', 1, 1, 4_000 * (index + 1))
  }
  rig.clock.tick()
  const heard = sockets.map((socket) => inWords(socket.frames()).slice(1))
  deepEqual(heard, [[], [], [], ['refusal 0 lagging']])
  rig.deliver(sockets, 'lunch', 1)
  rig.clock.tick()
  deepEqual(
    sockets.map((socket) => inWords(socket.frames())),
    [['lunch#1'], ['lunch#1'], ['lunch#1'], []],
  )
  equal(LIMITS.sendQueueBytesMax > 16_000, true) // none of them lagged on its own account
})
