import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { closeCodeOf, type FakeSocket, GatewayRig, inWords, numberOf } from '../../test/support/gateway-rig.js'
import { shardOf } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'

describe('a tick', () => {
  test('everything for one socket leaves in one message, in order', () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1))
    rig.deliver([socket], 'lunch', 1)
    rig.answer(numberOf(socket), 1, { kind: 'ack', ref: 1, n: 1, seq: 2, time: 1, flags: 0 })
    rig.deliver([socket], 'lunch', 3, 4)
    equal(socket.messages.length, 0)
    rig.clock.tick()
    equal(socket.messages.length, 1)
    deepEqual(inWords(socket.frames()), ['lunch#1', 'ack 1', 'lunch#3', 'lunch#4'])
    rig.clock.tick()
    equal(socket.messages.length, 0)
  })

  test('a block for many is one view for all that have nothing else', () => {
    const rig = new GatewayRig()
    const [a, b, c] = [rig.welcomed('alice'), rig.welcomed('bob'), rig.welcomed('carol')]
    rig.deliver([a, b, c], 'lunch', 1, 3)
    rig.deliver([a, b, c], 'lunch', 4)
    rig.send(c, { kind: 'ping', ref: 8 })
    rig.clock.tick()
    equal(a.views[0], b.views[0])
    notEqual(a.views[0], c.views[0])
    for (const socket of [a, b]) deepEqual(inWords(socket.frames()), ['lunch#1', 'lunch#2', 'lunch#3', 'lunch#4'])
    deepEqual(inWords(c.frames()), ['lunch#1', 'lunch#2', 'lunch#3', 'lunch#4', 'pong 8'])
  })

  test('blocks of several conversations mix in the order they came', () => {
    const rig = new GatewayRig()
    const [a, b] = [rig.welcomed('alice'), rig.welcomed('bob')]
    rig.deliver([a, b], 'lunch', 1)
    rig.deliver([a], 'solo', 1)
    rig.deliver([a, b], 'dinner', 1)
    rig.deliver([b, a], 'lunch', 2)
    rig.clock.tick()
    deepEqual(inWords(a.frames()), ['lunch#1', 'solo#1', 'dinner#1', 'lunch#2'])
    deepEqual(inWords(b.frames()), ['lunch#1', 'dinner#1', 'lunch#2'])
  })

  test('two crowds in one tick never hear of each other', () => {
    const rig = new GatewayRig()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((user) => rig.welcomed(user)) as [FakeSocket, ...FakeSocket[]]
    rig.deliver([a, b!], 'lunch', 1)
    rig.deliver([c!, d!], 'dinner', 1)
    rig.deliver([a, b!], 'lunch', 2)
    rig.clock.tick()
    for (const socket of [a, b!]) deepEqual(inWords(socket.frames()), ['lunch#1', 'lunch#2'])
    for (const socket of [c!, d!]) deepEqual(inWords(socket.frames()), ['dinner#1'])
  })

  test('more than LIMITS.messageBytesMax leaves in several messages of whole frames', () => {
    const rig = new GatewayRig({ messageBytesMax: 2_000 })
    const [a, b] = [rig.welcomed('alice'), rig.welcomed('bob')]
    for (let seq = 1; seq <= 6; seq++) rig.deliver([a, b], 'lunch', seq, seq, 500)
    for (let seq = 1; seq <= 6; seq++) rig.deliver([a], 'solo', seq, seq, 500)
    rig.clock.tick()
    for (const socket of [a, b]) ok(socket.messages.every((message) => message.length <= 2_000))
    const lunch = Array.from({ length: 6 }, (_, at) => `lunch#${at + 1}`)
    const solo = Array.from({ length: 6 }, (_, at) => `solo#${at + 1}`)
    deepEqual(inWords(a.frames()), [...lunch, ...solo])
    deepEqual(inWords(b.frames()), lunch)
  })

  test('many ticks reuse the buffers and never mix what they carry', () => {
    const rig = new GatewayRig()
    const sockets = ['a', 'b', 'c', 'd'].map((user) => rig.welcomed(user))
    for (let round = 1; round <= 50; round++) {
      for (const [index, socket] of sockets.entries()) {
        if (round % (index + 2) === 0) rig.deliver([socket], `solo${index}`, round, round, 10 * round)
      }
      rig.deliver(sockets, 'lunch', round, round, 700)
      rig.clock.tick()
      for (const [index, socket] of sockets.entries()) {
        const solo = round % (index + 2) === 0 ? [`solo${index}#${round}`] : []
        deepEqual(inWords(socket.frames()), [...solo, `lunch#${round}`])
      }
    }
  })
})

describe('connections end', () => {
  test('silence of two heartbeats ends one; any frame keeps it', () => {
    const rig = new GatewayRig()
    const [silent, alive] = [rig.welcomed('alice'), rig.welcomed('bob')]
    for (let ms = 0; ms <= 2 * LIMITS.heartbeatMs; ms += 10_000) {
      rig.send(alive, { kind: 'ping', ref: 1 })
      rig.clock.advance(10_000)
    }
    deepEqual(silent.closedWith, { code: closeCodeOf('idle-timeout'), reason: 'idle-timeout' })
    equal(alive.closedWith, undefined)
    equal(rig.owners.ended_.length, 1)
  })

  test('a connection that is gone is forgotten: no session, no answer, no delivery', () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1))
    const { session } = rig.owners.commands[0]!
    rig.deliver([socket], 'lunch', 1)
    rig.gateway.closed(socket)
    rig.gateway.closed(socket)
    rig.answer(session.connection, 1, { kind: 'ack', ref: 1, n: 1, seq: 1, time: 1, flags: 0 })
    rig.gateway.unknown(session.connection, 1)
    rig.deliver([socket], 'lunch', 2)
    rig.clock.tick()
    deepEqual([socket.messages, rig.owners.ended_], [[], [session]])
    deepEqual([...rig.gateway.sessionsOf(shardOf(session.inbox, 256))], [])
    notEqual(numberOf(rig.connect()), session.connection)
  })

  test('a worker takes a bounded number of connections and says so to one more', () => {
    const rig = new GatewayRig({ connectionsPerWorkerMax: 2 })
    rig.connect()
    rig.connect()
    const third = rig.connect()
    deepEqual(inWords(third.frames()), ['refusal 0 too-many-connections'])
    equal(rig.gateway.load.connections, 2)
    rig.clock.advance(1_000)
    deepEqual(rig.logged, [{ event: 'full', connections: 2, refused: 1 }])
  })

  test('drain() tells everybody, refuses what is new, lets answers leave, then closes', async () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1))
    const drained = rig.gateway.drain(5_000)
    rig.send(socket, rig.sendFrame('lunch', 2, 2))
    rig.clock.advance(1_000)
    equal(socket.closedWith, undefined)
    rig.answer(numberOf(socket), 1, { kind: 'ack', ref: 1, n: 1, seq: 1, time: 1, flags: 0 })
    rig.clock.advance(10)
    await drained
    deepEqual(inWords(socket.frames()), ['refusal 0 draining', 'refusal 2 draining', 'ack 1'])
    deepEqual(socket.closedWith, { code: closeCodeOf('draining'), reason: 'draining' })
    equal(rig.owners.commands.length, 1)
    const late = rig.connect()
    deepEqual(inWords(late.frames()), ['refusal 0 draining'])
  })

  test('drain() does not wait for answers to a connection that is gone', async () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1))
    rig.gateway.closed(socket)
    await rig.gateway.drain(1_000)
    deepEqual(rig.logged.at(-1), { event: 'drained', connections: 0, unanswered: 0 })
  })

  test('drain() gives up on answers that do not come', async () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1))
    const drained = rig.gateway.drain(1_000)
    for (let turn = 0; turn < 101; turn++) {
      rig.clock.advance(10)
      await Promise.resolve()
    }
    await drained
    deepEqual(rig.logged.at(-1), { event: 'drained', connections: 1, unanswered: 1 })
    deepEqual(socket.closedWith, { code: closeCodeOf('draining'), reason: 'draining' })
  })

  test('abandon() closes all with worker-failed at once', () => {
    const rig = new GatewayRig()
    const sockets = [rig.welcomed('alice'), rig.connect()]
    rig.gateway.abandon()
    const failed = { code: closeCodeOf('worker-failed'), reason: 'worker-failed' }
    for (const { closedWith } of sockets) deepEqual(closedWith, failed)
    equal(rig.gateway.load.connections, 0)
  })
})
