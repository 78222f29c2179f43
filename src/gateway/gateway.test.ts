import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import {
  closeCodeOf,
  eventFrame,
  GatewayRig,
  groupKey,
  inWords,
  numberOf,
  oneFrame,
  SECRET,
} from '../../test/support/gateway-rig.js'
import { signToken } from '../access/token.js'
import { ActorKind, actorKey, shardOf, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { encodeFrames } from '../protocol/encode.js'

describe('hello', () => {
  test('a welcome opens the connection and gives the session its lane', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'))
    const [command] = rig.owners.commands
    equal(command!.target, actorKey('app', ActorKind.inbox, 'alice'))
    equal(command!.session.user, 'alice')
    deepEqual([...rig.gateway.sessionsOf(shardOf(command!.target, 256))], [command!.session])
    rig.welcome(command!, 12)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['welcome 1'])
    deepEqual([command!.session.laneNumber, command!.session.laneRandom], [12, 7n])
  })

  test('a bad token, an expired one, and one bound to another device are refused and closed', () => {
    const rig = new GatewayRig()
    const expired = signToken(SECRET, { app: 'app', user: 'alice', expiresAt: rig.clock.now() - 1_000 })
    const cases = [
      ['nonsense', 'bad-token'],
      [expired, 'token-expired'],
      [rig.token('alice', 'laptop'), 'bad-token'],
    ] as const
    for (const [token, code] of cases) {
      const socket = rig.connect()
      rig.send(socket, { kind: 'hello', ref: 9, token, device: 'phone', lane: { number: 0, random: 7n } })
      deepEqual(inWords(socket.frames()), [`refusal 9 ${code}`])
      deepEqual(socket.closedWith, { code: closeCodeOf(code), reason: code })
    }
    equal(rig.owners.commands.length, 0)
  })

  test('a refused hello may be said again on the same connection', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'))
    const { session } = rig.owners.commands[0]!
    const refusal = { ref: 1, n: 0, code: 1107, retryAfterMs: 0, expected: 0, name: 'lane-unknown', advice: '' }
    rig.answer(session.connection, 1, { kind: 'refusal', ...refusal })
    deepEqual(rig.owners.ended_, [session])
    rig.send(socket, rig.hello('alice'))
    rig.welcome(rig.owners.commands[1]!)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['refusal 1 lane-unknown', 'welcome 1'])
  })

  test('before it nothing but ping is answered; commands are refused and end the connection', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, { kind: 'ping', ref: 3 }, rig.sendFrame('lunch', 1, 4))
    deepEqual(inWords(socket.frames()), ['pong 3', 'refusal 4 hello-first'])
    deepEqual(socket.closedWith, { code: closeCodeOf('hello-first'), reason: 'hello-first' })
  })

  test('commands right behind it wait for the welcome and then go on their way in order', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'), rig.sendFrame('lunch', 1, 4), rig.sendFrame('lunch', 2, 5))
    rig.send(socket, rig.sendFrame('dinner', 1, 6))
    equal(rig.owners.commands.length, 1)
    rig.welcome(rig.owners.commands[0]!)
    rig.send(socket, rig.sendFrame('dinner', 2, 7))
    deepEqual(
      rig.owners.commands.slice(1).map(({ target, ref, session }) => [target, ref, session.laneNumber]),
      [
        [groupKey('lunch'), 4, 5],
        [groupKey('lunch'), 5, 5],
        [groupKey('dinner'), 6, 5],
        [groupKey('dinner'), 7, 5],
      ],
    )
  })

  test('the first word after the welcome but Resume is passed on, once: whoever says it has heard the welcome', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'), { kind: 'ping', ref: 2 })
    rig.welcome(rig.owners.commands[0]!)
    // Sent behind Hello, and long on its way: its client may have given this connection up.
    const cursor = { incarnation: 1, version: 0, headsFrom: 0, eventsMax: 0 }
    rig.send(socket, { kind: 'resume', ref: 2, ...cursor })
    deepEqual(rig.owners.heard_, [])
    for (const ref of [3, 4]) rig.send(socket, { kind: 'ping', ref })
    deepEqual(
      rig.owners.heard_.map(({ connection, isHeard }) => [connection, isHeard]),
      [[numberOf(socket), true]],
    )
  })

  test('commands behind a hello that is refused are refused too', () => {
    const rig = new GatewayRig()
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'), rig.sendFrame('lunch', 1, 4))
    rig.gateway.unknown(rig.owners.commands[0]!.session.connection, 1)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['refusal 1 unknown-outcome', 'refusal 4 hello-first'])
    equal(socket.closedWith, undefined)
  })

  test('what is held behind it is bounded', () => {
    const rig = new GatewayRig({ messageBytesMax: 2_000 })
    const socket = rig.connect()
    rig.send(socket, rig.hello('alice'))
    for (let n = 1; n <= 20; n++) rig.send(socket, rig.sendFrame('lunch', n, n + 1))
    deepEqual(socket.closedWith, { code: closeCodeOf('hello-first'), reason: 'hello-first' })
  })

  test('it is due within LIMITS.helloMs, and nothing is delivered before the welcome', () => {
    const rig = new GatewayRig()
    const silent = rig.connect()
    const early = rig.connect()
    rig.send(early, rig.hello('alice'))
    rig.deliver([early], 'lunch', 1)
    rig.clock.advance(LIMITS.helloMs)
    equal(silent.closedWith, undefined)
    rig.clock.advance(2_000)
    deepEqual(silent.closedWith, { code: closeCodeOf('hello-first'), reason: 'hello-first' })
    deepEqual([early.closedWith, early.messages], [undefined, []])
  })

  test('one user has a bounded number of connections, and room again when one ends', () => {
    const rig = new GatewayRig({ connectionsPerUserMax: 2 })
    const first = rig.welcomed('alice')
    rig.welcomed('alice')
    const third = rig.connect()
    rig.send(third, rig.hello('alice'))
    deepEqual(inWords(third.frames()), ['refusal 1 user-connections'])
    rig.welcomed('bob')
    rig.gateway.closed(first)
    rig.send(rig.connect(), rig.hello('alice'))
    equal(rig.owners.commands.length, 1)
  })
})

describe('commands', () => {
  test('each frame of a message goes to the actor of its conversation, with its bytes', () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    const direct = `alice\u001fbob`
    const history = { mode: 0, anchor: 0, limit: 10, minSeq: 0 }
    rig.send(
      socket,
      rig.sendFrame('lunch', 1, 1),
      rig.sendFrame('dinner', 1, 2),
      rig.sendFrame('lunch', 2, 3),
      { kind: 'void', ref: 4, n: 3, conversationKind: ActorKind.group, conversation: 'lunch' },
      {
        kind: 'change',
        ref: 5,
        n: 1,
        action: 1,
        conversationKind: ActorKind.channel,
        conversation: 'lunch',
        users: ['bob' as UserId],
      },
      { kind: 'history', ref: 6, conversationKind: ActorKind.direct, conversation: direct, ...history },
    )
    deepEqual(
      rig.owners.commands.map(({ target, ref, frame }) => [target, ref, frame.kind]),
      [
        [groupKey('lunch'), 1, 'send'],
        [groupKey('dinner'), 2, 'send'],
        [groupKey('lunch'), 3, 'send'],
        [groupKey('lunch'), 4, 'void'],
        [actorKey('app', ActorKind.channel, 'lunch'), 5, 'change'],
        [actorKey('app', ActorKind.direct, direct), 6, 'history'],
      ],
    )
  })

  test('a bad frame ends the connection; good ones before it count, those behind it do not', () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    const bad = oneFrame(rig.sendFrame('lunch', 2))
    bad[4] = 0xff
    const message = [oneFrame(rig.sendFrame('lunch', 1)), bad, oneFrame(rig.sendFrame('lunch', 3))]
    rig.sendBytes(socket, Buffer.concat(message))
    equal(rig.owners.commands.length, 1)
    deepEqual(inWords(socket.frames()), ['refusal 0 bad-frame'])
    deepEqual(socket.closedWith, { code: closeCodeOf('bad-frame'), reason: 'bad-frame' })
    equal(rig.owners.ended_.length, 1)
    rig.send(socket, rig.sendFrame('lunch', 4))
    equal(rig.owners.commands.length, 1)
  })

  test('a frame cut short, a reserved ref and a server frame are bad; an unknown type is skipped', () => {
    const rig = new GatewayRig()
    const cut = rig.welcomed('alice')
    rig.sendBytes(cut, oneFrame(rig.sendFrame('lunch', 1)).subarray(0, -8))
    const reserved = rig.welcomed('alice')
    rig.send(reserved, rig.sendFrame('lunch', 1, 0x8000_0000), rig.sendFrame('lunch', 2))
    const server = rig.welcomed('alice')
    rig.send(server, eventFrame('lunch', 1))
    equal(rig.owners.commands.length, 0)
    for (const socket of [cut, reserved, server]) deepEqual(inWords(socket.frames()), ['refusal 0 bad-frame'])

    const newer = rig.welcomed('alice')
    const unknown = oneFrame({ kind: 'ping', ref: 1 })
    unknown[unknown.indexOf(3, 8)] = 200 // its body type
    rig.sendBytes(newer, Buffer.concat([unknown, oneFrame({ kind: 'ping', ref: 2 })]))
    rig.clock.tick()
    deepEqual(inWords(newer.frames()), ['pong 2'])
  })

  test('a user has one rate for all connections, an app one for all users, and each refusal names its limit', () => {
    const rig = new GatewayRig({ userFramesPerSecondMax: 4, appFramesPerSecondMax: 6 })
    const [phone, tablet] = [rig.welcomed('alice', 'phone'), rig.welcomed('alice', 'tablet')]
    const bob = rig.welcomed('bob')
    rig.clock.advance(2_000 - (rig.clock.now() % 1_000))
    const ping = (socket: typeof bob, count: number) =>
      rig.send(socket, ...Array.from({ length: count }, (_, n) => ({ kind: 'ping' as const, ref: n + 1 })))
    ping(phone, 3)
    ping(tablet, 2)
    ping(bob, 3)
    rig.clock.tick()
    const heard = [phone, tablet, bob].map((socket) => socket.frames())
    deepEqual(heard.map(inWords), [
      ['pong 1', 'pong 2', 'pong 3'],
      ['pong 1', 'refusal 2 user-rate'],
      ['pong 1', 'pong 2', 'refusal 3 app-rate'],
    ])
    const refusal = heard[2]![2]!
    ok(refusal.kind === 'refusal' && refusal.retryAfterMs > 0 && refusal.retryAfterMs <= 1_100)
    rig.clock.advance(1_000)
    ping(tablet, 1)
    rig.clock.tick()
    deepEqual(inWords(tablet.frames()), ['pong 1'])
  })

  test('a frame of an unknown type counts against the frames per second, too', () => {
    const rig = new GatewayRig({ framesPerSecondMax: 10 })
    const socket = rig.welcomed('alice')
    rig.clock.advance(1_000)
    const unknown = oneFrame({ kind: 'ping', ref: 1 })
    unknown[unknown.indexOf(3, 8)] = 200 // its body type
    rig.sendBytes(socket, Buffer.concat(Array.from({ length: 11 }, () => unknown)))
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['refusal 0 connection-rate'])
  })

  test('a frame that can be read is refused with its ref and n, and the connection stays', () => {
    const rig = new GatewayRig()
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('bad\u0001id', 8, 21))
    rig.clock.tick()
    const [refusal] = socket.frames()
    deepEqual([refusal!.kind, (refusal as { ref: number }).ref, (refusal as { n: number }).n], ['refusal', 21, 8])
    equal(socket.closedWith, undefined)
    equal(rig.owners.commands.length, 0)
  })

  test('a message of exactly the limit is read; one byte more ends the connection', () => {
    const ping = oneFrame({ kind: 'ping', ref: 1 })
    const pings = Buffer.concat(new Array(50).fill(ping))
    const rig = new GatewayRig({ messageBytesMax: pings.length })
    const socket = rig.welcomed('alice')
    rig.sendBytes(socket, pings)
    equal(socket.closedWith, undefined)
    rig.sendBytes(socket, Buffer.concat([pings, new Uint8Array(1)]))
    deepEqual(inWords(socket.frames()), [...new Array(50).fill('pong 1'), 'refusal 0 message-too-large'])
  })

  test('requests in flight are bounded, and an answer or an unknown outcome makes room', () => {
    const rig = new GatewayRig({ inFlightMax: 2 })
    const socket = rig.welcomed('alice')
    rig.send(socket, rig.sendFrame('lunch', 1, 1), rig.sendFrame('lunch', 2, 2), rig.sendFrame('lunch', 3, 3))
    equal(rig.owners.commands.length, 2)
    rig.answer(numberOf(socket), 1, { kind: 'ack', ref: 1, n: 1, seq: 1, time: 1, flags: 0 })
    rig.gateway.unknown(numberOf(socket), 2)
    rig.send(socket, rig.sendFrame('lunch', 3, 3), rig.sendFrame('lunch', 4, 4))
    equal(rig.owners.commands.length, 4)
    rig.clock.tick()
    const frames = socket.frames()
    deepEqual(inWords(frames), ['refusal 3 too-many-requests', 'ack 1', 'refusal 2 unknown-outcome'])
    ok((frames[0] as { retryAfterMs: number }).retryAfterMs > 0)
  })

  test('what the link does not take is refused with mailbox-full and takes no room', () => {
    const rig = new GatewayRig({ inFlightMax: 1 })
    const socket = rig.welcomed('alice')
    rig.owners.takes = false
    rig.send(socket, rig.sendFrame('lunch', 1, 1), rig.sendFrame('lunch', 1, 2))
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['refusal 1 mailbox-full', 'refusal 2 mailbox-full'])
    rig.owners.takes = true
    rig.send(socket, rig.sendFrame('lunch', 1, 3))
    equal(rig.owners.commands.length, 1)
  })

  test('frames per second are bounded; time makes room', () => {
    const rig = new GatewayRig({ framesPerSecondMax: 10 })
    const socket = rig.welcomed('alice') // its Hello was one
    rig.clock.advance(1_000)
    const pings = Array.from({ length: 11 }, (_, at) => ({ kind: 'ping', ref: at + 1 }) as const)
    rig.send(socket, ...pings)
    rig.clock.tick()
    deepEqual(inWords(socket.frames()).slice(9), ['pong 10', 'refusal 11 connection-rate'])
    rig.clock.advance(100)
    rig.send(socket, ...pings.slice(0, 2))
    rig.clock.tick()
    deepEqual(inWords(socket.frames()), ['pong 1', 'refusal 2 connection-rate'])
  })
})

test('two apps with the same conversation id have two actors', () => {
  const rig = new GatewayRig()
  const [a, b] = [rig.welcomed('alice'), rig.connect()]
  const token = signToken(SECRET, { app: 'other', user: 'alice', expiresAt: rig.clock.now() + 60_000 })
  rig.send(b, { kind: 'hello', ref: 1, token, device: 'phone', lane: { number: 0, random: 7n } })
  rig.welcome(rig.owners.commands.pop()!)
  for (const socket of [a, b]) rig.sendBytes(socket, encodeFrames([rig.sendFrame('lunch', 1)]))
  deepEqual(
    rig.owners.commands.map(({ target }) => target),
    [groupKey('lunch'), actorKey('other', ActorKind.group, 'lunch')],
  )
})
