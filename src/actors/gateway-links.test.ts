import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, type AppId, actorKey, type DeviceId, parseActorKey, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import { GatewayLinks } from './gateway-links.js'
import type { OwnerHandle } from './owner-link.js'
import type { Session } from './peers.js'
import { PlacementRouter } from './placement-router.js'

const TEAM = actorKey('demo', ActorKind.group, 'team')
const FRAME = Bytes.ofSize(8)

/** One shard's link, with owners that only note what they are told. `said` is what both ends hear. */
class Rig {
  readonly said: string[] = []
  readonly clock = new ManualClock()
  readonly router = this.#placed()
  readonly links = new GatewayLinks({ address: 'gateway' as Address, router: this.router, clock: this.clock })
  readonly sessions: Session[] = []
  #connections = 0

  constructor() {
    this.links.attach({
      answer: (connection, ref) => this.said.push(`answer ${connection}/${ref}`),
      unknown: (connection, ref) => this.said.push(`unknown ${connection}/${ref}`),
      deliver: () => {},
      endSession: (connection, why, lane) => this.said.push(`end ${connection}: ${why} ${lane}`),
      presence: (states) => this.said.push(`presence of ${states.length}`),
      sessionsOf: () => this.sessions,
    })
  }

  #placed(): PlacementRouter {
    const router = new PlacementRouter({ shardCount: 1, handleOf: (address) => this.#owner(address) })
    router.assign(0, 'a' as Address)
    return router
  }

  #owner(address: Address): OwnerHandle {
    const note = (line: string) => this.said.push(`${address} hears ${line}`)
    return {
      address,
      openLink: (_from, _shard, link, known) => note(`open ${link} above ${known.logIncarnation}.${known.epoch}`),
      command: (_from, _shard, { link, epoch, k }, session) =>
        note(`${link}:${k} of epoch ${epoch} from ${session.connection}`),
      sessions: (_from, _shard, sessions) => note(`sessions ${sessions.map(({ connection }) => connection).join(' ')}`),
      sessionEnded: (_from, _shard, { connection }) => note(`end of ${connection}`),
      sessionHeard: (_from, _shard, { connection }) => note(`word of ${connection}`),
      watch: (_from, shard, inboxes) => note(`watch ${inboxes.length} of ${shard}`),
      signOut: (inbox, device) => note(`signOut ${parseActorKey(inbox).id} ${device}`),
      tell: () => {},
      heads: () => {},
      headsTaken: () => {},
      askHeads: () => {},
      headsTold: () => {},
      askEvents: () => {},
      eventsTold: () => {},
      askOnline: () => {},
      onlineTold: () => {},
      askJoins: () => {},
      joinsTold: () => {},
    }
  }

  session(): Session {
    const ids = { app: 'demo' as AppId, user: 'ann' as UserId, device: 'd' as DeviceId }
    const inbox = actorKey('demo', ActorKind.inbox, 'ann')
    return {
      connection: ++this.#connections,
      ...ids,
      inbox,
      laneNumber: 1,
      laneRandom: 1n,
      startedAt: 1,
      isHeard: true,
    }
  }

  command(session: Session, ref: number): boolean {
    return this.links.command(session, TEAM, ref, FRAME, 0, 8)
  }

  /** A link that is open, of epoch 5. */
  open(): void {
    this.command(this.session(), 0)
    this.links.linkOpened(0, 0, 5, 1)
    this.links.answer(0, 0, 1, FRAME, 0, 8)
    this.take()
  }

  run(ms: number): string[] {
    this.clock.advance(ms)
    return this.take()
  }

  take(): string[] {
    return this.said.splice(0)
  }
}

describe('a link is opened', () => {
  test('by the first command, which waits for it; those behind it follow in order', () => {
    const rig = new Rig()
    const ann = rig.session()
    equal(rig.command(ann, 11), true)
    equal(rig.command(ann, 12), true)
    deepEqual(rig.take(), ['a hears open 0 above 0.0'])
    rig.links.linkOpened(0, 0, 5, 1)
    deepEqual(rig.take(), ['a hears 0:1 of epoch 5 from 1', 'a hears 0:2 of epoch 5 from 1'])
    rig.command(ann, 13)
    deepEqual(rig.take(), ['a hears 0:3 of epoch 5 from 1'])
  })

  test('and asked for again while nobody answers; who waited too long hears that nobody knows', () => {
    const rig = new Rig()
    rig.command(rig.session(), 11)
    const said = rig.run(LIMITS.parkMs + 400)
    equal(said.filter((line) => line.startsWith('a hears open')).length > 3, true)
    deepEqual(
      said.filter((line) => line.startsWith('unknown')),
      ['unknown 1/11'],
    )
    deepEqual(rig.run(1_000), [])
  })

  test('and keeps what came right after the thread was held up, before it could look at the clock', () => {
    const rig = new Rig()
    rig.open()
    rig.clock.hold(15_000)
    rig.command(rig.session(), 7)
    deepEqual(
      rig.run(9_000).filter((line) => line.startsWith('unknown')),
      [],
    )
    deepEqual(
      rig.run(2_000).filter((line) => line.startsWith('unknown')),
      ['unknown 2/7'],
    )
  })

  test('with exactly 256 commands waiting, and one more is not taken', () => {
    const rig = new Rig()
    const ann = rig.session()
    for (let ref = 1; ref <= 256; ref++) equal(rig.command(ann, ref), true)
    equal(rig.command(ann, 257), false)
  })

  test('not by an owner below a generation that was seen', () => {
    const rig = new Rig()
    rig.open()
    rig.links.linkBroken(0, 0)
    rig.command(rig.session(), 1)
    rig.take()
    rig.links.linkOpened(0, 1, 4, 1)
    deepEqual(rig.take(), [])
    rig.links.linkOpened(0, 1, 1, 2)
    deepEqual(rig.take(), ['a hears 1:1 of epoch 1 from 2'])
  })

  test('and the owner is told of the sessions whose inbox it has, then and in every digest', () => {
    const rig = new Rig()
    rig.sessions.push(rig.session(), rig.session())
    deepEqual(rig.run(200), ['a hears open 0 above 0.0'])
    rig.links.linkOpened(0, 0, 5, 1)
    deepEqual(rig.take(), ['a hears sessions 1 2'])
    deepEqual(rig.run(5_000), ['a hears sessions 1 2'])
    rig.links.ended(rig.sessions.pop()!)
    deepEqual(rig.take(), ['a hears end of 2'])
  })

  test('and, after the last of them ended, a few times that there is none: the word of its end may have been lost', () => {
    const rig = new Rig()
    rig.sessions.push(rig.session())
    rig.run(200)
    rig.links.linkOpened(0, 0, 5, 1)
    rig.links.ended(rig.sessions.pop()!)
    rig.take()
    deepEqual(rig.run(60_000), Array(3).fill('a hears sessions '))
  })

  test('but not for what somebody said who has gone meanwhile', () => {
    const rig = new Rig()
    const [ann, ben] = [rig.session(), rig.session()]
    for (const session of [ann, ben]) rig.command(session, 1)
    rig.links.ended(ann)
    rig.take()
    rig.links.linkOpened(0, 0, 5, 1)
    deepEqual(
      rig.take().filter((line) => line.includes('epoch')),
      ['a hears 0:1 of epoch 5 from 2'],
    )
    deepEqual(
      rig.run(LIMITS.parkMs + 400).filter((line) => line.startsWith('unknown')),
      [],
    )
  })
})

describe('an answer', () => {
  test('goes to whoever asked, once', () => {
    const rig = new Rig()
    rig.open()
    rig.command(rig.session(), 11)
    rig.command(rig.session(), 12)
    rig.take()
    rig.links.answer(0, 0, 3, FRAME, 0, 8)
    rig.links.answer(0, 0, 3, FRAME, 0, 8)
    rig.links.unknown(0, 0, 2)
    deepEqual(rig.take(), ['answer 3/12', 'unknown 2/11'])
  })

  test('of a link that was closed is for nobody', () => {
    const rig = new Rig()
    rig.open()
    rig.command(rig.session(), 11)
    rig.links.linkBroken(0, 0)
    rig.take()
    rig.links.answer(0, 0, 2, FRAME, 0, 8)
    rig.links.unknown(0, 0, 2)
    rig.links.linkBroken(0, 0)
    deepEqual(rig.take(), [])
  })
})

describe('trouble has one cure: those who wait hear that nobody knows, and the next link begins at 1', () => {
  const begin = () => {
    const rig = new Rig()
    rig.open()
    rig.command(rig.session(), 11)
    rig.command(rig.session(), 12)
    rig.take()
    return rig
  }
  const goesOn = (rig: Rig, owner: string) => {
    rig.command(rig.session(), 13)
    deepEqual(rig.take(), [`${owner} hears open 1 above 1.5`])
    rig.links.linkOpened(0, 1, 6, 1)
    deepEqual(rig.take(), [`${owner} hears 1:1 of epoch 6 from 4`])
  }

  test('the owner broke it', () => {
    const rig = begin()
    rig.links.linkBroken(0, 0)
    deepEqual(rig.take(), ['unknown 2/11', 'unknown 3/12'])
    goesOn(rig, 'a')
  })

  test('the shard has another owner', () => {
    const rig = begin()
    rig.router.assign(0, 'b' as Address)
    deepEqual(rig.take(), ['unknown 2/11', 'unknown 3/12'])
    goesOn(rig, 'b')
  })

  test('something was not answered for ten seconds', () => {
    const rig = begin()
    deepEqual(rig.run(10_000), [])
    deepEqual(rig.run(400), ['unknown 2/11', 'unknown 3/12'])
    goesOn(rig, 'a')
  })

  test('nobody owns the shard: commands are not lost in silence', () => {
    const rig = begin()
    rig.router.assign(0, undefined)
    rig.take()
    equal(rig.command(rig.session(), 13), true)
    deepEqual(rig.run(LIMITS.parkMs + 400), ['unknown 4/13'])
  })
})

test('who is signed out, and who is ended, is passed on', () => {
  const rig = new Rig()
  rig.links.signOut('demo', 'ann', 'phone')
  rig.links.endSession(7, 'replaced', 2)
  deepEqual(rig.take(), ['a hears signOut ann phone', 'end 7: replaced 2'])
})

test('exactly LIMITS.linkInFlightMax commands are unanswered at a time', () => {
  const rig = new Rig()
  rig.open()
  const ann = rig.session()
  for (let ref = 1; ref <= LIMITS.linkInFlightMax; ref++) equal(rig.command(ann, ref), true)
  equal(rig.command(ann, 1), false)
  rig.links.answer(0, 0, 2, FRAME, 0, 8)
  equal(rig.command(ann, 1), true)
})
