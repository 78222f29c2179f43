import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { OneNode } from '../../test/actors/one-node.js'
import { outsidePromises } from '../../test/sim/virtual-time.js'
import { ActorKind, actorKey, type ShardId, shardOf } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address } from '../log/bus.js'
import { encodeContent } from '../protocol/content.js'
import type { DecodedFrame } from '../protocol/decoded-frame.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import type { Session } from './peers.js'

function inTurn(name: string, body: () => void): void {
  test(name, () => outsidePromises(body))
}

/** Ann writes to groups in which Ben is; Ben comes back. */
class Rig {
  readonly node = new OneNode()
  readonly #ann = this.node.connect('ann', 'd')
  readonly #ns = new Map<string, number>()

  create(group: string): void {
    const { key, n, place } = this.#next(group)
    const frame = { kind: 'change', ref: n, n, ...place, action: ChangeAction.create, users: ['ben'] } as const
    this.node.say(this.#ann, key, frame)
  }

  send(group: string, times: number, bytes = 10): void {
    for (let at = 0; at < times; at++) {
      const { key, n, place } = this.#next(group)
      const content = encodeContent({ messageId: BigInt(n), body: new Uint8Array(bytes) })
      this.node.say(this.#ann, key, { kind: 'send', ref: n, n, ...place, content })
      this.node.run(20)
    }
  }

  #next(group: string) {
    const n = (this.#ns.get(group) ?? 0) + 1
    this.#ns.set(group, n)
    const place = { conversationKind: ActorKind.group, conversation: group }
    return { key: actorKey('demo', ActorKind.group, group), n, place }
  }

  ben(): Session {
    return this.node.connect('ben', 'd')
  }

  resume(ben: Session, version: number, eventsMax: number, ms = 1_000): DecodedFrame[] {
    this.node.take(ben)
    this.node.say(ben, ben.inbox, { kind: 'resume', ref: 7, incarnation: 1, version, headsFrom: 0, eventsMax })
    this.node.run(ms)
    return this.node.take(ben)
  }
}

function brief(frames: readonly DecodedFrame[]): string[] {
  return frames.map((frame) => {
    if (frame.kind === 'event') return `${frame.conversation} ${frame.seq}`
    if (frame.kind === 'skip') return `skip ${frame.conversation} ${frame.from}-${frame.to}`
    if (frame.kind === 'history-end') return `end ${frame.ref} ${frame.from}-${frame.completeTo} of ${frame.head}`
    if (frame.kind === 'inbox') return `inbox ${frame.entries.map(({ conversation }) => conversation).join()}`
    return frame.kind
  })
}

function versionOf(frames: readonly DecodedFrame[]): number {
  const inbox = frames.find((frame) => frame.kind === 'inbox')
  return inbox?.kind === 'inbox' ? inbox.version : 0
}

inTurn('who comes back gets the newest unread events of what changed, in front of the list', () => {
  const rig = new Rig()
  for (const group of ['a', 'b', 'c']) rig.create(group)
  const before = versionOf(rig.resume(rig.ben(), 0, 0))
  rig.send('a', 2)
  rig.send('b', 5)
  rig.node.run(5_000)
  const ben = rig.ben()
  deepEqual(brief(rig.resume(ben, before, 3)), [
    ...['a 1', 'a 2', 'a 3', 'end 0 1-3 of 3'],
    ...['b 4', 'b 5', 'b 6', 'end 0 4-6 of 6'],
    'inbox a,b',
  ])
  deepEqual(brief(rig.resume(ben, before, 0)), ['inbox a,b'], 'a client that does not ask for them')
  deepEqual(brief(rig.resume(ben, 0, 3)), ['inbox c,a,b'], 'a list that is new')
})

inTurn('bodies share a budget: what does not fit is left to History', () => {
  const rig = new Rig()
  for (const group of ['a', 'b']) rig.create(group)
  const before = versionOf(rig.resume(rig.ben(), 0, 0))
  rig.send('a', 3, 20_000)
  rig.send('b', 2, 60_000)
  rig.node.run(5_000)
  const heard = rig.resume(rig.ben(), before, LIMITS.firstEventsMax)
  deepEqual(brief(heard), ['a 3', 'a 4', 'end 0 3-4 of 4', 'inbox a,b'])
})

inTurn('where an owner does not answer, the list comes without', () => {
  const rig = new Rig()
  const { shardCount, side } = rig.node
  const shard = (group: string) => shardOf(actorKey('demo', ActorKind.group, group), shardCount)
  const group = [...'abcdefgh'].find((name) => shard(name) !== shardOf(rig.ben().inbox, shardCount))!
  rig.create(group)
  const before = versionOf(rig.resume(rig.ben(), 0, 0))
  rig.send(group, 1)
  rig.node.run(5_000)
  const ben = rig.ben()
  side.router.assign(shard(group) as ShardId, 'n.nobody' as Address)
  deepEqual(brief(rig.resume(ben, before, 5, LIMITS.firstEventsMs / 2)), [])
  rig.node.run(LIMITS.firstEventsMs)
  deepEqual(brief(rig.node.take(ben)), [`inbox ${group}`])
})
