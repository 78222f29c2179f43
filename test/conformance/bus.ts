/**
 * What every Bus promises, which is little: anything may be lost, so each test publishes until it arrives; but what
 * arrives is whole, came from where it says, and belongs to the listener.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { Address, Bus } from '../../src/log/bus.js'

export interface TwoBuses extends AsyncDisposable {
  readonly one: Bus
  readonly two: Bus
}

/** `open` gives two buses of different addresses that come to reach each other. */
export function busConformance(adapter: string, open: () => Promise<TwoBuses>): void {
  describe(`${adapter} keeps the Bus contract`, () => {
    test('a message arrives with its sender, whatever its size', async () => {
      await using buses = await open()
      const { one, two } = buses
      const inbox = listen(two)
      for (const size of [1, 7, 8, 9, 1_000, 64 * 1024, 256 * 1024]) {
        const message = await publishUntilReceived(one, two.self, inbox, size)
        equal(message.from, one.self)
      }
    })

    test('messages go both ways, and to oneself', async () => {
      await using buses = await open()
      const { one, two } = buses
      const [inOne, inTwo] = [listen(one), listen(two)]
      equal((await publishUntilReceived(one, two.self, inTwo, 10)).from, one.self)
      equal((await publishUntilReceived(two, one.self, inOne, 11)).from, two.self)
      equal((await publishUntilReceived(one, one.self, inOne, 12)).from, one.self)
    })

    test('publish() to nobody does nothing, and a message to one is not heard by another', async () => {
      await using buses = await open()
      const { one, two } = buses
      const [inOne, inTwo] = [listen(one), listen(two)]
      one.publish('nowhere.0.1' as Address, Uint8Array.of(1))
      await publishUntilReceived(one, two.self, inTwo, 20)
      deepEqual(
        inOne.filter(({ bytes }) => bytes.byteLength === 1 || bytes.byteLength === 20),
        [],
      )
    })

    test('what arrives belongs to the listener', async () => {
      await using buses = await open()
      const { one, two } = buses
      const inbox = listen(two)
      const first = await publishUntilReceived(one, two.self, inbox, 100)
      first.bytes.fill(0)
      const second = await publishUntilReceived(one, two.self, inbox, 100)
      deepEqual(second.bytes, pattern(100))
    })

    test('many messages of one turn stay apart', async () => {
      await using buses = await open()
      const { one, two } = buses
      const inbox = listen(two)
      await publishUntilReceived(one, two.self, inbox, 5)
      inbox.length = 0
      for (let size = 1; size <= 500; size++) one.publish(two.self, pattern(size))
      await publishUntilReceived(one, two.self, inbox, 501)
      ok(inbox.length > 1)
      for (const { bytes } of inbox) deepEqual(bytes, pattern(bytes.byteLength))
    })

    test('publish() after closing does nothing', async () => {
      const buses = await open()
      const { one, two } = buses
      const inbox = listen(two)
      await publishUntilReceived(one, two.self, inbox, 5)
      await one[Symbol.asyncDispose]()
      one.publish(two.self, pattern(6))
      one.publish(one.self, pattern(6))
      await buses[Symbol.asyncDispose]()
      ok(inbox.every(({ bytes }) => bytes.byteLength === 5))
    })
  })
}

interface Received {
  readonly from: Address
  readonly bytes: Uint8Array
}

function listen(bus: Bus): Received[] {
  const inbox: Received[] = []
  bus.onMessage((from, bytes) => inbox.push({ from, bytes }))
  return inbox
}

/** Publishes messages of `size` bytes until one arrives, checks it, and returns the newest. */
async function publishUntilReceived(from: Bus, to: Address, inbox: Received[], size: number): Promise<Received> {
  const before = inbox.length
  for (let attempt = 0; attempt < 1_000; attempt++) {
    from.publish(to, pattern(size))
    await new Promise((resolve) => setTimeout(resolve, 2))
    const found = inbox.slice(before).find(({ bytes }) => bytes.byteLength === size)
    if (found === undefined) continue
    deepEqual(Uint8Array.from(found.bytes), pattern(size))
    return found
  }
  throw new Error(`no message of ${size} bytes arrived`)
}

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + size) & 0xff)
}
