import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { LIMITS } from '../domain/limits.js'
import { REFUSALS } from '../domain/refusal.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { seededRandom } from '../std/random.js'
import { type ConnectionEvents, Link } from './link.js'

const LANE = { number: 4, random: 9n }

/** A link, and a server that welcomes whoever dials. */
class Rig {
  readonly clock = new ManualClock()
  readonly rejected: string[] = []
  dials = 0
  #events: ConnectionEvents | undefined
  #ref = 0
  readonly link = new Link({
    clock: this.clock,
    random: seededRandom(5),
    dial: (events) => {
      this.dials++
      this.#events = events
      return { send: () => {}, close: () => {} }
    },
    greeted: () => {},
    hello: (ref) => {
      this.#ref = ref
      return { kind: 'hello', ref, token: 't', device: 'd', lane: LANE }
    },
    lane: () => LANE.number,
    up: () => {},
    down: () => {},
    received: () => {},
    rejected: ({ name }) => this.rejected.push(`${name}`),
    changed: () => {},
  })

  /** The server's end says so. */
  say(frame: EncodableFrame): void {
    this.#events!.received(encodeFrame(frame))
  }

  welcome(): void {
    this.#events!.opened()
    const who = { app: 'a', user: 'u', device: 'd', lane: LANE }
    this.say({ kind: 'welcome', ref: this.#ref, ...who, serverTime: 1, heartbeatMs: 25_000, limits: LIMITS })
  }

  replace(lane: number): void {
    const { wire: code } = REFUSALS.replaced
    this.say({ kind: 'refusal', ref: 0, n: 0, code, expected: lane, retryAfterMs: 0, name: 'replaced', advice: '' })
  }

  /** Milliseconds until it dials again. */
  pause(): number {
    const { dials } = this
    for (let waited = 0; waited <= 20_000; waited++) {
      if (this.dials > dials) return waited
      this.clock.advance(1)
    }
    return Number.POSITIVE_INFINITY
  }
}

test('who is welcomed and cut off again and again waits longer each time, until a connection has lasted', () => {
  const rig = new Rig()
  rig.link.start()
  const pauses = Array.from({ length: 12 }, () => {
    rig.welcome()
    rig.link.reconnect()
    return rig.pause()
  })
  ok(Math.max(...pauses.slice(0, 3)) <= 400, `${pauses}`)
  ok(Math.max(...pauses.slice(-5)) > 1_000, `${pauses}`)
  rig.welcome()
  rig.clock.advance(10_000)
  rig.link.reconnect()
  ok(rig.pause() <= 100)
})

test('replaced by another lane it stops; by its own it comes back, but not for the third time in a row', () => {
  const rig = new Rig()
  rig.link.start()
  rig.welcome()
  rig.replace(5)
  deepEqual([rig.rejected.splice(0), rig.pause()], [['replaced'], Number.POSITIVE_INFINITY])

  rig.link.start() // on purpose
  for (let time = 1; time <= 2; time++) {
    rig.welcome()
    rig.replace(LANE.number)
    ok(rig.pause() < 1_000)
  }
  rig.welcome()
  rig.clock.advance(10_000) // this one has lasted, so the next is the first again
  rig.replace(LANE.number)
  for (let time = 1; time <= 2; time++) {
    ok(rig.pause() < 1_000)
    rig.welcome()
    rig.replace(LANE.number)
  }
  equal(rig.rejected[0], 'replaced')
  equal(rig.pause(), Number.POSITIVE_INFINITY)
})
