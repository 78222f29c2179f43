import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, type AppId, actorKey, type DeviceId, type UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address, Bus } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import type { GatewayHandle, OwnerHandle, Target } from './owner-link.js'
import { PeerWire } from './peer-wire.js'
import { FIRST_REQUEST, type Session } from './peers.js'

const [HERE, THERE] = ['n1.0.1' as Address, 'n1.1.1' as Address]

/** Ids that a clumsy format would trip over: separators of other formats, astral characters, digits, marks. */
const ODD = ['alice', ' ', '0', 'a b|c:d,e', '名前', '😀👩‍👧', 'x\ufeff', '\u0080', '\u2028', 'n'.repeat(64)]

/** Two ends of one wire; what reaches the far one is noted as the call it was. */
class Rig {
  readonly calls: unknown[][] = []
  readonly messages: Uint8Array[] = []
  readonly clock = new ManualClock()
  readonly #deliverTo = new Map<Address, (from: Address, bytes: Uint8Array) => void>()
  readonly near = this.#wire(HERE)
  readonly far = this.#wire(THERE)
  /** The near end as the far one sees it: taken from an openLink. */
  gateway: GatewayHandle | undefined

  #wire(self: Address): PeerWire {
    const bus: Bus = {
      self,
      publish: (to, bytes) => {
        this.messages.push(bytes)
        this.#deliverTo.get(to)?.(self, bytes.slice())
      },
      onMessage: (listener) => this.#deliverTo.set(self, listener),
      async [Symbol.asyncDispose]() {},
    }
    return new PeerWire(bus, this.clock, { owner: this.#noting<OwnerHandle>(), gateway: this.#noting<GatewayHandle>() })
  }

  /** An end whose methods note their arguments: handles by address, ranges of bytes by what they hold. */
  #noting<End extends object>(): End {
    return new Proxy({} as End, {
      get:
        (_, method: string) =>
        (...args: unknown[]) => {
          const bytes = args.findIndex((arg) => arg instanceof Bytes)
          if (bytes >= 0) {
            const [whole, start, end] = args.splice(bytes, 3) as [Bytes, number, number]
            args.push(new TextDecoder().decode(whole.u8.slice(start, end)))
          }
          if (method === 'openLink') this.gateway = args[0] as GatewayHandle
          this.calls.push([method, ...args.map((arg) => (isHandle(arg) ? arg.address : structuredClone(arg)))])
        },
    })
  }

  /** What arrived when `say` had said it. */
  heard(say: (owner: OwnerHandle) => void): unknown[][] {
    say(this.near.ownerAt(THERE))
    this.clock.tick()
    return this.calls.splice(0)
  }
}

function isHandle(arg: unknown): arg is GatewayHandle {
  return typeof arg === 'object' && arg !== null && 'address' in arg && 'linkOpened' in arg
}

function session(user: string, device = 'phone', app = 'demo'): Session {
  const inbox = actorKey(app, ActorKind.inbox, user)
  const ids = { app: app as AppId, user: user as UserId, device: device as DeviceId }
  return {
    connection: FIRST_REQUEST - 1,
    ...ids,
    inbox,
    laneNumber: 7,
    laneRandom: 2n ** 64n - 1n,
    startedAt: 0,
    isHeard: false,
  }
}

function target(kind: Target['name']['kind'], id: string, app = 'demo', shard = 255): Target {
  return { key: actorKey(app, kind, id), name: { app: app as AppId, kind, id }, shard }
}

const BODY = Bytes.over(new TextEncoder().encode('..hello..'))
const NOBODY = { address: HERE } as unknown as GatewayHandle

describe('every call to an owner elsewhere arrives as it was made', () => {
  test('openLink', () => {
    const known = { logIncarnation: 3, epoch: 2 ** 32 - 1 }
    const [call] = new Rig().heard((owner) => owner.openLink(NOBODY, 255, 9, known))
    deepEqual(call!.slice(2), [255, 9, known])
  })

  test('command, whatever the ids', () => {
    for (const odd of ODD) {
      const rig = new Rig()
      const asked = session(odd, odd, odd)
      const place = { link: 4, epoch: 5, k: 2 ** 40 }
      const targets = [
        target(ActorKind.group, odd, odd),
        target(ActorKind.direct, `${odd}\u001f${odd}`, odd),
        target(ActorKind.inbox, odd, odd),
      ]
      for (const each of targets) {
        const [call] = rig.heard((owner) => owner.command(NOBODY, 255, place, asked, each, BODY, 2, 7))
        deepEqual(call!.slice(2), [255, place, asked, each, 'hello'], JSON.stringify(odd))
      }
    }
  })

  test('sessions, none or several', () => {
    const rig = new Rig()
    const registered = ODD.map((odd) => ({ ...session(odd, odd), laneRandom: 0n, startedAt: 2 ** 41, isHeard: true }))
    const calls = rig.heard((owner) => {
      owner.sessions(NOBODY, 8, registered)
      owner.sessions(NOBODY, 8, [])
    })
    deepEqual(
      calls.map((call) => call[3]),
      [registered, []],
    )
  })

  test('watch, of several and of nobody', () => {
    const inboxes = ODD.map((odd) => actorKey('demo', ActorKind.inbox, odd))
    const calls = new Rig().heard((owner) => {
      owner.watch(NOBODY, 8, inboxes)
      owner.watch(NOBODY, 9, [])
    })
    deepEqual(
      calls.map((call) => call.slice(2)),
      [
        [8, inboxes],
        [9, []],
      ],
    )
  })

  test('signOut, of one device and of all', () => {
    const inbox = actorKey('demo', ActorKind.inbox, '名前')
    const rig = new Rig()
    const calls = rig.heard((owner) => {
      owner.signOut(inbox, 'phone')
      owner.signOut(inbox, undefined)
    })
    deepEqual(
      calls.map((call) => call.slice(1)),
      [
        [inbox, 'phone'],
        [inbox, undefined],
      ],
    )
  })

  test('sessionEnded', () => {
    const [call] = new Rig().heard((owner) => owner.sessionEnded(NOBODY, 8, session('名前')))
    deepEqual(call!.slice(2), [8, session('名前')])
  })

  test('sessionHeard', () => {
    const [call] = new Rig().heard((owner) => owner.sessionHeard(NOBODY, 8, session('名前')))
    deepEqual(call!.slice(2), [8, session('名前')])
  })

  test('askHeads and headsTold, whatever the ids', () => {
    const rig = new Rig()
    const question = { fromShard: 255, toShard: 7, k: 2 ** 40 }
    const keys = ODD.map((id) => actorKey('demo', ActorKind.group, id))
    const heads = keys.map((conversation, at) => ({ conversation, head: at, ordinal: at + 1, time: 2 ** 41 }))
    for (const user of ODD) {
      const [asked] = rig.heard((owner) => owner.askHeads(owner, question, user as UserId, keys))
      deepEqual([asked![0], ...asked!.slice(-3)], ['askHeads', question, user, keys])
    }
    deepEqual(
      rig
        .heard((owner) => owner.headsTold(question, heads))
        .at(-1)!
        .slice(-2),
      [question, heads],
    )
    deepEqual(
      rig
        .heard((owner) => owner.headsTold(question, []))
        .at(-1)!
        .slice(-2),
      [question, []],
    )
  })

  test('askJoins and joinsTold, whatever the ids', () => {
    const question = { fromShard: 255, toShard: 7, k: 2 ** 40 }
    const users = ODD as UserId[]
    for (const id of ODD) {
      const asked = { conversation: actorKey('demo', ActorKind.group, id), memberSeq: 2 ** 40, users }
      const [heard] = new Rig().heard((owner) => owner.askJoins(owner, question, asked))
      deepEqual([heard![0], ...heard!.slice(-2)], ['askJoins', question, asked])
    }
    for (const full of [users, []]) {
      deepEqual(
        new Rig().heard((owner) => owner.joinsTold(question, full)),
        [['joinsTold', question, full]],
      )
    }
  })

  test('askEvents and eventsTold, whatever the ids', () => {
    const rig = new Rig()
    const question = { fromShard: 255, toShard: 7, k: 2 ** 40 }
    const wanted = ODD.map((id, at) => ({ conversation: actorKey('demo', ActorKind.group, id), after: 2 ** 40 + at }))
    const asked = { user: ODD[0] as UserId, countMax: 50, bytesMax: 98_304, wanted }
    const [heard] = rig.heard((owner) => owner.askEvents(owner, question, asked))
    deepEqual([heard![0], ...heard!.slice(-2)], ['askEvents', question, asked])
    const told = new Rig().heard((owner) => owner.eventsTold(question, Bytes.over(Uint8Array.of(9, 8, 7, 6)), 1, 3))
    deepEqual(told[0], ['eventsTold', question, '\u0008\u0007'])
  })

  test('tell, with and without an origin', () => {
    const what = {
      conversation: actorKey('demo', ActorKind.direct, 'a\u001fb'),
      firstSeq: 2 ** 40,
      lastSeq: 2 ** 40 + 1,
    }
    const inboxes = ODD.map((odd) => actorKey('demo', ActorKind.inbox, odd))
    const origin = { address: HERE, connection: 6 }
    const calls = new Rig().heard((owner) => {
      owner.tell(inboxes, origin, what, BODY, 2, 7)
      owner.tell(inboxes.slice(0, 1), undefined, what, BODY, 0, 0)
    })
    deepEqual(calls, [
      ['tell', inboxes, origin, what, 'hello'],
      ['tell', inboxes.slice(0, 1), undefined, what, ''],
    ])
  })
})

test('every call to a gateway worker elsewhere arrives as it was made', () => {
  const rig = new Rig()
  rig.heard((owner) => owner.openLink(NOBODY, 1, 0, { logIncarnation: 1, epoch: 0 }))
  const what = { conversation: actorKey('demo', ActorKind.group, '😀'), firstSeq: 3, lastSeq: 9 }
  const states = [true, false].map((isOnline) => ({
    inbox: actorKey('demo', ActorKind.inbox, '名前'),
    isOnline,
    lastSeen: isOnline ? 0 : 2 ** 41,
  }))
  const calls = rig.heard(() => {
    rig.gateway!.linkOpened(255, 4, 6, 2)
    rig.gateway!.linkBroken(255, 4)
    rig.gateway!.answer(255, 4, 2 ** 40, BODY, 2, 7)
    rig.gateway!.unknown(255, 4, 11)
    rig.gateway!.deliver([1, 2 ** 32 - 1, 77], 2, what, BODY, 2, 7)
    rig.gateway!.endSession(2 ** 32 - 1, 'replaced', 9)
    rig.gateway!.presence(states)
  })
  deepEqual(calls, [
    ['linkOpened', 255, 4, 6, 2],
    ['linkBroken', 255, 4],
    ['answer', 255, 4, 2 ** 40, 'hello'],
    ['unknown', 255, 4, 11],
    ['deliver', [1, 2 ** 32 - 1], 2, what, 'hello'],
    ['endSession', 2 ** 32 - 1, 'replaced', 9],
    ['presence', states],
  ])
})

describe('batches', () => {
  test('what is said in one tick travels in one message, in order', () => {
    const rig = new Rig()
    const calls = rig.heard((owner) => {
      for (let k = 1; k <= 50; k++) {
        const place = { link: 1, epoch: 1, k }
        owner.command(NOBODY, 1, place, session('a'), target(ActorKind.group, 'g'), BODY, 0, k % 9)
      }
    })
    equal(rig.messages.length, 1)
    deepEqual(
      calls.map((call) => (call[3] as { k: number }).k),
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
  })

  test('a message that reaches its limit leaves before the tick ends', () => {
    const rig = new Rig()
    const half = Bytes.ofSize(LIMITS.messageBytesMax / 2)
    const say = (times: number) =>
      rig.heard((owner) => {
        for (let at = 0; at < times; at++) owner.tell([], undefined, { ...WHAT }, half, 0, half.size)
      })
    equal(say(1).length, 1)
    equal(rig.messages.splice(0).length, 1)
    equal(say(3).length, 3)
    equal(rig.messages.length, 2)
  })

  test('an entry of a kind that this build does not know is passed over, and the rest is heard', () => {
    const rig = new Rig()
    rig.heard((owner) => owner.sessions(NOBODY, 8, []))
    const known = rig.messages[0]!
    const newer = known.slice()
    newer[0] = 99
    rig.heard(() => {})
    const [joined] = [new Uint8Array([...newer, ...known])]
    const calls: number[] = []
    const bus: Bus = {
      self: THERE,
      publish() {},
      onMessage: (listener) => queueMicrotask(() => listener(HERE, joined)),
      async [Symbol.asyncDispose]() {},
    }
    const owner = { sessions: (_: unknown, shard: number) => calls.push(shard) } as unknown as OwnerHandle
    new PeerWire(bus, new ManualClock(), { owner, gateway: NOBODY })
    return Promise.resolve().then(() => deepEqual(calls, [8]))
  })
})

const WHAT = { conversation: actorKey('demo', ActorKind.group, 'g'), firstSeq: 1, lastSeq: 1 }

test('one session elsewhere is one object here, until that worker is gone', () => {
  const seen: Session[] = []
  let deliver: (from: Address, bytes: Uint8Array) => void = () => {}
  const far: Bus = {
    self: THERE,
    publish() {},
    onMessage: (listener) => {
      deliver = listener
    },
    async [Symbol.asyncDispose]() {},
  }
  const owner = { command: (...args: unknown[]) => seen.push(args[3] as Session) } as unknown as OwnerHandle
  const wire = new PeerWire(far, new ManualClock(), { owner, gateway: NOBODY })
  const rig = new Rig()
  const say = (asked: Session) => {
    rig.heard((to) =>
      to.command(NOBODY, 1, { link: 1, epoch: 1, k: 1 }, asked, target(ActorKind.group, 'g'), BODY, 0, 1),
    )
    deliver(HERE, rig.messages.pop()!)
    return seen.at(-1)!
  }
  const first = say(session('ann'))
  equal(say(session('ann')), first)
  equal(say({ ...session('ben') }) === first, false)
  const again = say(session('ann'))
  wire.forget('n1.9.1' as Address)
  equal(say(session('ann')), again)
  wire.forget(HERE)
  equal(say(session('ann')) === again, false)
})
