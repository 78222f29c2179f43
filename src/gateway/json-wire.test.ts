import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { closeCodeOf, eventFrame, FakeSocket, GatewayRig, groupKey, numberOf } from '../../test/support/gateway-rig.js'
import { LIMITS } from '../domain/limits.js'
import { encodeFrame, encodeFrames } from '../protocol/encode.js'
import { frameToJson } from '../protocol/json-frames.js'
import { Bytes } from '../std/bytes.js'
import { JsonMessages } from './json-messages.js'
import { JsonWire } from './json-wire.js'

const text = (value: string) => new TextEncoder().encode(value)

class JsonRig extends GatewayRig {
  readonly transcoded: string[] = []
  readonly wire = new JsonWire(
    this.gateway,
    new JsonMessages((frame) => {
      const json = frameToJson(frame)!
      this.transcoded.push(JSON.parse(json).type)
      return json
    }),
  )

  open(): JsonPeer {
    const peer = new JsonPeer()
    this.wire.opened(peer)
    return peer
  }

  /** Lines, as one message. */
  say(peer: JsonPeer, ...lines: readonly (object | string)[]): void {
    const message = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
    this.wire.received(peer, Bytes.over(text(message)))
  }

  welcomedPeer(user: string): JsonPeer {
    const peer = this.open()
    this.say(peer, { type: 'hello', ref: 1, token: this.token(user), device: 'shell', lane: { random: '7' } })
    this.welcome(this.owners.commands.at(-1)!)
    this.clock.tick()
    deepEqual(
      peer.heard().map(({ type }) => type),
      ['welcome'],
    )
    this.owners.commands.length = 0
    this.transcoded.length = 0
    return peer
  }

  /** Events of a group to JSON and other sockets alike. */
  deliverTo(numbers: readonly number[], conversation: string, ...seqs: readonly number[]): void {
    const block = Bytes.over(encodeFrames(seqs.map((seq) => eventFrame(conversation, seq))))
    const what = { conversation: groupKey(conversation), firstSeq: seqs[0]!, lastSeq: seqs.at(-1)! }
    this.gateway.deliver(numbers, numbers.length, what, block, 0, block.size)
  }
}

class JsonPeer extends FakeSocket {
  override readonly wire = 'json'

  get number(): number {
    return numberOf(this.attachment as FakeSocket)
  }

  heard(): Record<string, unknown>[] {
    const lines = this.messages.splice(0).flatMap((message) => new TextDecoder().decode(message).split('\n'))
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
  }
}

const send = (n: number) => ({
  ...{ type: 'send', ref: n, n, kind: 'group', conversation: 'team' },
  content: { message_id: `${n}`, text: 'Hi' },
})

test('lines of a message go the way of frames, in order; empty ones and unknown types are nothing', () => {
  const rig = new JsonRig()
  const alice = rig.welcomedPeer('alice')
  rig.say(alice, send(1), '', '\r', { type: 'dance' }, send(2), '')
  deepEqual(
    rig.owners.commands.map(({ ref }) => ref),
    [1, 2],
  )
  rig.answer(alice.number, 1, { kind: 'ack', ref: 1, n: 1, seq: 9, time: 5, flags: 0 })
  rig.say(alice, { type: 'ping', ref: 3 })
  rig.clock.tick()
  deepEqual(alice.heard(), [
    { type: 'ack', ref: 1, n: 1, seq: 9, time: 5, flags: 0 },
    { type: 'pong', ref: 3, server_time: rig.clock.now() },
  ])
})

test('an unknown type is nothing, but not for free: it counts as a frame', () => {
  const rig = new JsonRig({ framesPerSecondMax: 3 })
  const alice = rig.open()
  rig.say(alice, ...Array.from({ length: 4 }, () => ({ type: 'dance' })))
  rig.clock.tick()
  deepEqual(
    alice.heard().map(({ name }) => name),
    ['connection-rate'],
  )
})

test('what is no frame closes with bad-frame, and what is behind it is dropped', () => {
  for (const wrong of ['{', ' ', '{"type":"ping","ref":"x"}', '[{"type":"ping"}]']) {
    const rig = new JsonRig()
    const alice = rig.welcomedPeer('alice')
    rig.say(alice, send(1), wrong, send(2))
    equal(rig.owners.commands.length, 1)
    deepEqual(
      alice.heard().map(({ name }) => name),
      ['bad-frame'],
    )
    deepEqual(alice.closedWith, { code: closeCodeOf('bad-frame'), reason: 'bad-frame' })
  }
  const rig = new JsonRig()
  const alice = rig.welcomedPeer('alice')
  rig.wire.received(alice, Bytes.over(Uint8Array.of(0x22, 0xff, 0x22)))
  deepEqual(alice.closedWith, { code: closeCodeOf('bad-frame'), reason: 'bad-frame' })
})

test('a message above the limit is refused with words, one at the limit is read', () => {
  const rig = new JsonRig()
  const alice = rig.welcomedPeer('alice')
  rig.say(alice, JSON.stringify({ type: 'ping', ref: 1 }).padEnd(LIMITS.messageBytesMax))
  rig.clock.tick()
  deepEqual(
    alice.heard().map(({ type }) => type),
    ['pong'],
  )
  rig.say(alice, JSON.stringify({ type: 'ping', ref: 1 }).padEnd(LIMITS.messageBytesMax + 1))
  deepEqual(alice.closedWith, { code: closeCodeOf('message-too-large'), reason: 'message-too-large' })
})

describe('transcoding', () => {
  test('a group of JSON sockets gets one message, made once; others get theirs of FlatBuffers untouched', () => {
    const rig = new JsonRig()
    const peers = ['alice', 'ann', 'amy'].map((user) => rig.welcomedPeer(user))
    const bob = rig.welcomed('bob')
    for (const peer of peers) peer.views.length = 0
    rig.deliverTo([...peers.map(({ number }) => number), numberOf(bob)], 'team', 4, 5)
    rig.clock.tick()
    deepEqual(rig.transcoded, ['event', 'event'])
    ok(peers.every((peer) => peer.views.length === 1 && peer.views[0] === peers[0]!.views[0]))
    deepEqual(
      peers[0]!.heard().map(({ seq }) => seq),
      [4, 5],
    )
    deepEqual(
      bob.frames().map((frame) => frame.kind),
      ['event', 'event'],
    )
  })

  test('an event is transcoded once, though one socket has more to hear than another, and in a later tick too', () => {
    const rig = new JsonRig()
    const [alice, ann] = [rig.welcomedPeer('alice'), rig.welcomedPeer('ann')]
    rig.say(alice, { type: 'ping', ref: 1 })
    rig.deliverTo([alice.number, ann.number], 'team', 4)
    rig.clock.tick()
    deepEqual(rig.transcoded.filter((type) => type === 'event').length, 1)
    deepEqual(
      alice.heard().map(({ type }) => type),
      ['pong', 'event'],
    )
    deepEqual(
      ann.heard().map(({ type }) => type),
      ['event'],
    )
    rig.deliverTo([ann.number], 'team', 4)
    rig.clock.tick()
    deepEqual(rig.transcoded.filter((type) => type === 'event').length, 1)
  })

  test('two events of one seq and one hash are not taken for each other', () => {
    const rig = new JsonRig()
    const alice = rig.welcomedPeer('alice')
    rig.deliverTo([alice.number], 'team', 4)
    rig.deliverTo([alice.number], 'crew', 4)
    rig.clock.tick()
    deepEqual(
      alice.heard().map(({ conversation }) => conversation),
      ['team', 'crew'],
    )
  })

  test('what grows beyond a message becomes several', () => {
    const messages = new JsonMessages()
    const frames = Array.from({ length: 8 }, (_, index) => eventFrame('team', index, 32_000))
    const texts = messages.of(encodeFrames(frames))
    ok(texts.length > 1 && texts.every((each) => each.length <= LIMITS.messageBytesMax))
    const lines = texts.flatMap((each) => new TextDecoder().decode(each).trim().split('\n'))
    deepEqual(
      lines.map((line) => JSON.parse(line).seq),
      frames.map(({ seq }) => seq),
    )
    equal(messages.of(encodeFrames(frames)), texts)
  })

  test('memory for lines is bounded, and frames are told right beyond it', () => {
    const messages = new JsonMessages()
    for (let seq = 1; seq <= 200; seq++) {
      const [line] = messages.of(encodeFrame(eventFrame('team', seq, 64_000)))
      equal(JSON.parse(new TextDecoder().decode(line)).seq, seq)
    }
  })
})

test('a socket that is gone is forgotten by the gateway', () => {
  const rig = new JsonRig()
  const alice = rig.welcomedPeer('alice')
  rig.wire.closed(alice, 1006)
  equal(rig.gateway.load.connections, 0)
  rig.say(alice, send(1))
  equal(rig.owners.commands.length, 0)
})
