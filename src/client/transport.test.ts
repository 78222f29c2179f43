import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { seededRandom } from '../std/random.js'
import type { ConnectionEvents } from './link.js'
import { dialerOf } from './transport.js'

const SERVERS = ['ws://a', 'ws://b', 'ws://c']

function rig(seed = 1) {
  const clock = new ManualClock()
  const dialled: { url: string; events: ConnectionEvents; isClosed: boolean }[] = []
  const dial = dialerOf({
    servers: SERVERS,
    clock,
    random: seededRandom(seed),
    transport(url, events) {
      const attempt = { url, events, isClosed: false }
      dialled.push(attempt)
      return {
        send: () => {},
        close() {
          attempt.isClosed = true
        },
      }
    },
  })
  const heard: string[] = []
  const events: ConnectionEvents = {
    opened: () => heard.push('opened'),
    received: () => heard.push('received'),
    closed: () => heard.push('closed'),
  }
  return { clock, dialled, heard, dial: () => dial(events) }
}

test('each address is tried once before any again, in an order of chance', () => {
  const { dialled, dial } = rig()
  for (let attempt = 0; attempt < 9; attempt++) dial()
  const urls = dialled.map(({ url }) => url)
  for (const start of [0, 3, 6]) deepEqual(urls.slice(start, start + 3).sort(), SERVERS)
  const firsts = new Set(Array.from({ length: 20 }, (_, seed) => firstOf(seed)))
  equal(firsts.size, SERVERS.length)
})

test('an address that does not answer within 5 s is given up; one that does is not', () => {
  const { clock, dialled, heard, dial } = rig()
  dial()
  clock.advance(4_999)
  deepEqual(heard, [])
  clock.advance(1)
  deepEqual([heard, dialled[0]!.isClosed], [['closed'], true])

  dial()
  dialled[1]!.events.opened()
  clock.advance(60_000)
  deepEqual(heard, ['closed', 'opened'])
})

test('who hangs up hears nothing more', () => {
  const { clock, heard, dial } = rig()
  dial().close()
  clock.advance(60_000)
  deepEqual(heard, [])
})

function firstOf(seed: number): string {
  const { dialled, dial } = rig(seed)
  dial()
  return dialled[0]!.url
}
