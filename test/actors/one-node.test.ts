import { deepEqual, equal } from 'node:assert/strict'
import { expect, test } from 'vitest'
import type { Session } from '../../src/actors/peers.js'
import { ActorKind, actorKey, directId, type UserId } from '../../src/domain/ids.js'
import { encodeContent } from '../../src/protocol/content.js'
import type { DecodedFrame } from '../../src/protocol/decoded-frame.js'
import { ChangeAction } from '../../src/protocol/wire-numbers.js'
import { outsidePromises } from '../sim/virtual-time.js'
import { OneNode } from './one-node.js'

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

const LUNCH = directId('alice' as UserId, 'bob' as UserId)
const DIRECT = { conversationKind: ActorKind.direct, conversation: LUNCH }
const LUNCH_KEY = actorKey('demo', ActorKind.direct, LUNCH)
const TEAM = { conversationKind: ActorKind.group, conversation: 'team' }
const TEAM_KEY = actorKey('demo', ActorKind.group, 'team')

function content(text: string): Uint8Array {
  return encodeContent({ messageId: BigInt(text.length) + 1n, body: new TextEncoder().encode(text) })
}

function send(node: OneNode, from: Session, n: number, text: string): void {
  node.say(from, LUNCH_KEY, { kind: 'send', ref: 100 + n, n, ...DIRECT, content: content(text) })
}

function brief(frames: DecodedFrame[]): string[] {
  return frames.map((frame) => {
    switch (frame.kind) {
      case 'ack':
        return `ack n=${frame.n} seq=${frame.seq}${frame.flags ? ' again' : ''}`
      case 'event':
        return `event seq=${frame.seq} from=${frame.from}`
      case 'refusal':
        return `refusal ${frame.name}`
      case 'skip':
        return `skip ${frame.from}-${frame.to}`
      case 'history-end':
        return `end ${frame.from}-${frame.completeTo} of ${frame.head}`
      default:
        return frame.kind
    }
  })
}

function heard(node: OneNode, session: Session): string[] {
  node.run(200)
  return brief(node.take(session))
}

inTurn('a message is acked to its sender and delivered to the other, and a resend keeps its seq', () => {
  const node = new OneNode()
  const alice = node.connect('alice', 'phone')
  const tablet = node.connect('alice', 'tablet')
  const bob = node.connect('bob', 'phone')
  equal(alice.laneNumber, 1)

  send(node, alice, 1, 'hello')
  send(node, alice, 2, 'again')
  deepEqual(heard(node, alice), ['ack n=1 seq=1', 'ack n=2 seq=2'])
  deepEqual(heard(node, bob), ['event seq=1 from=alice', 'event seq=2 from=alice'])
  deepEqual(heard(node, tablet), ['event seq=1 from=alice', 'event seq=2 from=alice'])

  send(node, alice, 1, 'hello')
  send(node, alice, 2, 'something else')
  send(node, alice, 5, 'gap')
  deepEqual(heard(node, alice), ['ack n=1 seq=1 again', 'refusal lane-reused', 'refusal send-gap'])
  deepEqual(heard(node, bob), [])
})

inTurn('a new life of the owner knows everything that was acked, from rows and log', () => {
  const node = new OneNode()
  for (let life = 0; life < 3; life++) {
    const alice = node.connect('alice', 'phone')
    equal(alice.laneNumber, 1, 'the same random keeps its lane')
    for (let n = 1; n <= 100; n++) {
      send(node, alice, n, `m${n}`)
      if (n % 30 === 0) node.run(100)
    }
    node.run(300)
    const acks = brief(node.take(alice)).filter((line) => line.startsWith('ack'))
    equal(acks.length, 100)
    if (life === 0) deepEqual(acks.slice(-2), ['ack n=99 seq=99', 'ack n=100 seq=100'])
    else expect(acks.at(-1)).toBe('ack n=100 seq=100 again')
    node.start()
  }
})

inTurn('history covers its range: events, or skips for what the reader may not see', () => {
  const node = new OneNode()
  const ann = node.connect('ann', 'd')
  const ben = node.connect('ben', 'd')
  const change = (from: Session, n: number, action: ChangeAction, users: string[]) =>
    node.say(from, TEAM_KEY, { kind: 'change', ref: n, n, ...TEAM, action, users })
  const say = (from: Session, n: number) =>
    node.say(from, TEAM_KEY, { kind: 'send', ref: n, n, ...TEAM, content: content(`m${n}`) })

  change(ann, 1, ChangeAction.create, [])
  say(ann, 2)
  change(ann, 3, ChangeAction.invite, ['ben'])
  say(ann, 4)
  change(ann, 5, ChangeAction.kick, ['ben'])
  say(ann, 6)
  deepEqual(heard(node, ann).filter((line) => line.startsWith('ack')).length, 6)
  deepEqual(heard(node, ben), ['event seq=3 from=ann', 'event seq=4 from=ann', 'event seq=5 from=ann'])

  const history = (from: Session) =>
    node.say(from, TEAM_KEY, { kind: 'history', ref: 9, mode: 0, ...TEAM, anchor: 0, limit: 100, minSeq: 0 })
  const bens = ['skip 1-2', 'event seq=3 from=ann', 'event seq=4 from=ann', 'event seq=5 from=ann', 'skip 6-6']
  history(ben)
  deepEqual(heard(node, ben), [...bens, 'end 1-6 of 6'])
  say(ben, 1)
  deepEqual(heard(node, ben), ['refusal not-member'])

  node.start()
  const again = node.connect('ben', 'd')
  history(again)
  deepEqual(heard(node, again), [...bens, 'end 1-6 of 6'])
})

inTurn('the same device again takes the place of its first session; other devices hear what it says', () => {
  const node = new OneNode()
  const first = node.connect('alice', 'phone')
  const tablet = node.connect('alice', 'tablet')
  const second = node.connect('alice', 'phone', { number: 0, random: 2n })
  deepEqual(node.ended, [[first.connection, 'replaced']])
  send(node, second, 1, 'hello')
  deepEqual(heard(node, tablet), ['event seq=1 from=alice'])
  deepEqual(heard(node, first), [])

  node.side.links.signOut('demo', 'alice')
  deepEqual(node.ended.slice(1).sort(), [
    [tablet.connection, 'signed-out'],
    [second.connection, 'signed-out'],
  ])
})

inTurn('typing is heard by the members of small conversations; a device is signed out by another', () => {
  const node = new OneNode()
  const [alice, bob, eve] = [node.connect('alice', 'phone'), node.connect('bob', 'phone'), node.connect('eve', 'phone')]
  send(node, alice, 1, 'hello')
  for (const session of [alice, bob]) heard(node, session)
  const typing = { kind: 'typing', ref: 7, ...DIRECT, user: '' } as const
  node.say(alice, LUNCH_KEY, typing)
  node.say(eve, LUNCH_KEY, typing)
  node.run(200)
  deepEqual(
    node.take(bob).map((frame) => frame.kind === 'typing' && frame.user),
    ['alice'],
  )
  deepEqual([node.take(alice), node.take(eve)], [[], []])

  const tablet = node.connect('alice', 'tablet')
  node.say(alice, alice.inbox, { kind: 'sign-out', ref: 8, device: 'tablet' })
  deepEqual(heard(node, alice).at(-1), 'ack n=0 seq=0')
  deepEqual(node.ended, [[tablet.connection, 'signed-out']])
})

inTurn('a reading is told to those who are online, answered to those who ask, and not forgotten', () => {
  const node = new OneNode()
  const [alice, bob] = [node.connect('alice', 'phone'), node.connect('bob', 'phone')]
  for (let n = 1; n <= 3; n++) send(node, alice, n, `m${n}`)
  node.run(5_000)
  const mark = { kind: 'mark', ...DIRECT, set: 0, flags: 0, incarnation: 1 } as const
  const receiptsOf = (session: Session) =>
    node.take(session).flatMap((frame) => (frame.kind === 'receipt' ? [[frame.users, frame.seqs]] : []))
  receiptsOf(alice)
  node.say(bob, bob.inbox, { ...mark, ref: 1, n: 1, seq: 2, ordinal: 2 })
  node.run(500)
  deepEqual(receiptsOf(alice), [[['bob'], [2]]])
  node.say(bob, bob.inbox, { ...mark, ref: 2, n: 2, seq: 1, ordinal: 1 })
  node.run(5_000)
  deepEqual(receiptsOf(alice), [])

  const readAs = (session: Session) => {
    node.say(session, LUNCH_KEY, { kind: 'members', ref: 9, ...DIRECT, after: 0, limit: 200, wantsOnline: false })
    node.run(200)
    return node.take(session).flatMap((frame) => (frame.kind === 'member-list' ? [frame.users, frame.readSeqs] : []))
  }
  deepEqual(readAs(alice), [
    ['alice', 'bob'],
    [3, 2],
  ])
  // Said, and not yet carried when the worker dies: the next life carries it.
  node.say(bob, bob.inbox, { ...mark, ref: 3, n: 3, seq: 3, ordinal: 3 })
  node.run(20)
  node.start()
  node.run(5_000)
  deepEqual(readAs(node.connect('alice', 'phone')), [
    ['alice', 'bob'],
    [3, 3],
  ])
})
