/** Fixed lists named by number between two workers, over a bus that may lose messages. */
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { ActorKind, actorKey } from '../domain/ids.js'
import type { Address, Bus } from '../log/bus.js'
import { Bytes } from '../std/bytes.js'
import { fixedList } from './fixed-list.js'
import type { GatewayHandle, OwnerHandle } from './owner-link.js'
import { PeerWire } from './peer-wire.js'

const [HERE, THERE] = ['n1.0.1' as Address, 'n1.1.1' as Address]
const WHAT = { conversation: actorKey('demo', ActorKind.group, '😀'), firstSeq: 3, lastSeq: 9 }
const BODY = Bytes.over(new TextEncoder().encode('..hello..'))

function linked() {
  const clock = new ManualClock()
  const heard: unknown[] = []
  const ends = new Map<Address, (from: Address, bytes: Uint8Array) => void>()
  const bus = { isLossy: false, bytes: 0 }
  let gateway: GatewayHandle | undefined
  const wire = (self: Address) => {
    const port: Bus = {
      self,
      publish(to, bytes) {
        bus.bytes += bytes.length
        if (!bus.isLossy) ends.get(to)?.(self, bytes.slice())
      },
      onMessage: (listener) => ends.set(self, listener),
      async [Symbol.asyncDispose]() {},
    }
    const textOf = (bytes: Bytes, start: number, end: number) => new TextDecoder().decode(bytes.u8.slice(start, end))
    const owner: Partial<OwnerHandle> = {
      openLink: (from) => {
        gateway = from
      },
      tell: (inboxes, except, what, bytes, start, end) =>
        heard.push(['tell', [...inboxes], except, what, textOf(bytes, start, end)]),
    }
    const end: Partial<GatewayHandle> = {
      deliver: (connections, count, what, bytes, start, to) =>
        heard.push(['deliver', Array.from(connections).slice(0, count), what, textOf(bytes, start, to)]),
    }
    return new PeerWire(port, clock, { owner: owner as OwnerHandle, gateway: end as GatewayHandle })
  }
  const near = wire(HERE)
  const far = wire(THERE)
  near.ownerAt(THERE).openLink({} as GatewayHandle, 1, 0, { logIncarnation: 1, epoch: 0 })
  clock.tick()
  const said = (say: () => void) => {
    say()
    clock.tick()
    clock.tick() // what the other end says to that
    return heard.splice(0)
  }
  return { near, far, bus, said, owner: near.ownerAt(THERE), gateway: gateway! }
}

test('tell and deliver of a fixed list arrive as they were made, and the list travels once', () => {
  const { bus, said, owner, gateway } = linked()
  const inboxes = fixedList(
    Array.from({ length: 500 }, (_, at) => actorKey('demo', ActorKind.inbox, `名前${at}`) as string),
    undefined,
  )
  const connections = fixedList([1, 2 ** 31 - 1, 77], undefined)
  const except = { address: HERE, connection: 2 ** 31 - 1 }
  for (const times of [1, 2, 3]) {
    bus.bytes = 0
    deepEqual(
      said(() => {
        owner.tell(inboxes, undefined, WHAT, BODY, 2, 7)
        owner.tell(inboxes, except, WHAT, BODY, 2, 7)
        gateway.deliver(connections, 3, WHAT, BODY, 2, 7)
      }),
      [
        ['tell', [...inboxes], undefined, WHAT, 'hello'],
        ['tell', [...inboxes], except, WHAT, 'hello'],
        ['deliver', [...connections], WHAT, 'hello'],
      ],
    )
    if (times > 1) equal(bus.bytes < 600, true, `${bus.bytes} bytes`)
  }
})

test('after a lost message the list travels again: one more message is missed, and no wrong one comes', () => {
  const { bus, said, owner } = linked()
  const first = fixedList(['ann', 'ben'], undefined)
  const tell = (list: readonly string[]) => said(() => owner.tell(list, undefined, WHAT, BODY, 2, 7))
  bus.isLossy = true
  tell(first)
  bus.isLossy = false
  deepEqual(tell(first), [])
  deepEqual(tell(first), [['tell', ['ann', 'ben'], undefined, WHAT, 'hello']])
  const second = fixedList(['ben', 'cid'], first)
  deepEqual(tell(second), [['tell', ['ben', 'cid'], undefined, WHAT, 'hello']])
  const third = fixedList(['ben'], second)
  bus.isLossy = true
  tell(third)
  bus.isLossy = false
  const fourth = fixedList(['ben', 'dora'], third)
  deepEqual(tell(fourth), [])
  deepEqual(tell(fourth), [['tell', ['ben', 'dora'], undefined, WHAT, 'hello']])
})

test('a worker that began anew knows no lists, and is sent them', () => {
  const { near, far, said } = linked()
  const list = fixedList(['ann', 'ben'], undefined)
  const tell = () => said(() => near.ownerAt(THERE).tell(list, undefined, WHAT, BODY, 2, 7)).length
  equal(tell(), 1)
  near.forget(THERE)
  equal(tell(), 1)
  far.forget(HERE)
  deepEqual([tell(), tell()], [0, 1])
})
