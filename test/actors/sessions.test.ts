/** What happens to sessions when words between gateway workers and owners are lost, late, or said by an owner that died. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { ActorKind, actorKey, directId, type ShardId, type UserId } from '../../src/domain/ids.js'
import type { Address } from '../../src/log/bus.js'
import { encodeContent } from '../../src/protocol/content.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import { outsidePromises } from '../sim/virtual-time.js'
import { OneNode } from './one-node.js'

const LUNCH = directId('alice' as UserId, 'bob' as UserId)

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

interface Step {
  readonly life: number
  readonly at: number
  readonly connection: number
  readonly version: number
}

/** A node, and what its lives delivered of inboxes and to whom. */
function listening() {
  const steps: Step[] = []
  let lives = 0
  const node: OneNode = new OneNode((node) => {
    const life = ++lives
    return {
      answer: node.answer.bind(node),
      unknown: node.unknown.bind(node),
      endSession: node.endSession.bind(node),
      presence: node.presence.bind(node),
      sessionsOf: node.sessionsOf.bind(node),
      deliver(connections, count, { lastSeq }, bytes, start, end) {
        if (lastSeq !== 0) return
        for (const frame of decodeFrames(bytes.u8.slice(start, end))) {
          if (frame.kind !== 'inbox') continue
          for (let at = 0; at < count; at++) {
            steps.push({ life, at: node.time.now, version: frame.version, connection: connections[at]! })
          }
        }
      },
    }
  })
  return { node, steps }
}

function write(node: OneNode, n: number): void {
  const bob = node.sessions.find(({ user }) => user === 'bob')!
  const content = encodeContent({ messageId: BigInt(n), body: new Uint8Array(3) })
  const to = { conversationKind: ActorKind.direct, conversation: LUNCH }
  node.say(bob, actorKey('demo', ActorKind.direct, LUNCH), { kind: 'send', ref: 10 + n, n, ...to, content })
}

inTurn('a new owner tells those who were connected where their inboxes stand, within seconds', () => {
  const { node, steps } = listening()
  const alice = node.connect('alice', 'phone')
  node.connect('bob', 'phone')
  write(node, 1)
  node.run(30_000)
  const kept = [...node.sessions]
  // Its gateway worker lives on and registers with the new owner; no message comes that would tell of anything.
  for (let shard = 0; shard < node.shardCount; shard++) node.side.place(shard as ShardId, 'elsewhere' as Address)
  node.start()
  node.sessions.push(...kept)
  steps.length = 0
  const since = node.time.now
  node.run(20_000)
  const toAlice = steps.filter(({ life, connection }) => life === 2 && connection === alice.connection)
  ok(toAlice.length >= 2, `${toAlice.length} beacons`)
  for (const { at, version } of toAlice.slice(0, 2)) {
    equal(version, 1)
    ok(at - since < 15_000, `${at - since} ms`)
  }
})

inTurn('an owner whose log took nothing for a while tells where inboxes stand once it is itself again', () => {
  const { node, steps } = listening()
  const alice = node.connect('alice', 'phone')
  node.connect('bob', 'phone')
  write(node, 1)
  node.run(45_000) // past the shard's digest, which comes again after a minute
  steps.length = 0
  node.log.refusal = 'read-only'
  const mark = { conversationKind: ActorKind.direct, conversation: LUNCH, seq: 0, ordinal: 0, set: 1, flags: 1 }
  node.say(alice, alice.inbox, { kind: 'mark', ref: 5, n: 1, ...mark, incarnation: 1 })
  node.run(1_000)
  node.log.refusal = undefined
  node.run(10_000)
  deepEqual(
    steps.map(({ connection, version }) => [connection === alice.connection, version]),
    [
      [true, 1],
      [true, 1],
    ],
  )
})

inTurn('a connection that closed before its Hello was decided is no session for long, and replaces nobody', () => {
  const { node, steps } = listening()
  const bob = node.connect('bob', 'phone')
  const alice = node.connect('alice', 'phone')
  const ghost = { ...alice, connection: 9_999, laneNumber: 0, startedAt: 0, isHeard: false }
  node.run(60_000) // alice's row is stored, and her inbox may have retired: the Hello parks
  const hello = { kind: 'hello', ref: 1, token: 't', device: 'phone', lane: { number: 0, random: 5n } } as const
  node.say(ghost, ghost.inbox, hello)
  node.side.links.ended(ghost)
  node.run(20_000)
  deepEqual(node.ended, [])
  steps.length = 0
  write(node, 1)
  node.run(20_000)
  deepEqual([...new Set(steps.map(({ connection }) => connection))].sort(), [bob.connection, alice.connection].sort())
  equal(node.states.length, 0)
})
