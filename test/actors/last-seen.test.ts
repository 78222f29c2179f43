/** When users were last online, told by owners that did not see them leave. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { type ActorKey, ActorKind, actorKey, shardOf } from '../../src/domain/ids.js'
import { WALL_START_MS } from '../sim/host.js'
import { outsidePromises } from '../sim/virtual-time.js'
import { OneNode } from './one-node.js'

const MINUTE = 60_000
const [BOB, NOBODY] = ['bob', 'nobody'].map((user) => actorKey('demo', ActorKind.inbox, user)) as [ActorKey, ActorKey]

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

/** What is told of these users within ten seconds. */
function told(node: OneNode, ...inboxes: ActorKey[]): Record<string, number> {
  node.states.length = 0
  for (let shard = 0; shard < node.shardCount; shard++) {
    node.side.links.watch(
      shard,
      inboxes.filter((inbox) => shardOf(inbox, node.shardCount) === shard),
    )
  }
  node.run(10_000)
  return Object.fromEntries(node.states.map(({ inbox, isOnline, lastSeen }) => [inbox, isOnline ? -1 : lastSeen]))
}

function nowOf(node: OneNode): number {
  return Math.floor(WALL_START_MS + node.time.now)
}

function leave(node: OneNode): number {
  const [bob] = node.sessions.splice(0)
  node.side.links.ended(bob!)
  return nowOf(node)
}

inTurn('who left is seen then by an owner that came later, and who never was there never', () => {
  const node = new OneNode()
  node.connect('bob', 'phone')
  node.run(20 * MINUTE)
  const leftAt = leave(node)
  node.run(5_000)
  node.start()
  deepEqual(told(node, BOB, NOBODY), { [BOB]: leftAt, [NOBODY]: 0 })
})

inTurn('who was online when everything crashed was seen five minutes before it, or later', () => {
  const node = new OneNode()
  node.connect('bob', 'phone')
  for (const minutes of [1, 33]) {
    node.run(minutes * MINUTE)
    const crashedAt = nowOf(node)
    const kept = [...node.sessions]
    node.start()
    const seenAt = told(node, BOB)[BOB]!
    ok(seenAt <= crashedAt && seenAt >= crashedAt - 5 * MINUTE - 5_000, `${crashedAt - seenAt} ms`)
    node.sessions.push(...kept) // their gateway worker lives on, and tells of them
    node.run(10_000)
    equal(told(node, BOB)[BOB], -1)
  }
})

inTurn('nothing is written while somebody is online and nothing happens, but for once in five minutes', () => {
  const node = new OneNode()
  node.connect('bob', 'phone')
  node.run(MINUTE)
  let written = 0
  const { store } = node
  const apply = store.apply.bind(store)
  store.apply = (checkpoints) => {
    written += checkpoints.flatMap(({ writes }) => writes).filter(({ key }) => key === BOB).length
    apply(checkpoints)
  }
  node.run(60 * MINUTE)
  ok(written >= 11 && written <= 13, `${written} writes`)
})

inTurn('while the log takes nothing reads go on, and times of users who leave are stored once it does again', () => {
  for (const why of ['read-only', 'full', 'nearly full'] as const) {
    const node = new OneNode(undefined, { ownerSilenceMs: Number.POSITIVE_INFINITY }) // nobody else can own: the log is let be
    const users = Array.from({ length: 20 }, (_, at) => `u${at}`)
    for (const user of users) node.connect(user, 'phone')
    node.run(20_000)
    if (why === 'nearly full') node.log.isNearlyFull = true
    else node.log.refusal = why
    const leftAt: number[] = []
    while (node.sessions.length > 0) {
      leftAt.push(nowOf(node))
      node.side.links.ended(node.sessions.shift()!)
      node.run(2_000)
    }
    node.run(10 * MINUTE)
    // What a log refuses is known once it has been asked: once a minute (two batches each time). That it is full can be seen.
    ok(node.refusedCount <= (why === 'read-only' ? 24 : 0), `${why}: ${node.refusedCount} refused`)
    node.log.heal()
    node.run(3 * MINUTE)
    node.start()
    const inboxes = users.map((user) => actorKey('demo', ActorKind.inbox, user))
    deepEqual(told(node, ...inboxes), Object.fromEntries(inboxes.map((inbox, at) => [inbox, leftAt[at]])), why)
  }
})
