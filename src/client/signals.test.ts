import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { LIMITS } from '../domain/limits.js'
import type { EncodableFrame, EventFrame } from '../protocol/decoded-frame.js'
import { Signals } from './signals.js'

const LUNCH = { kind: 2, id: 'lunch' } as const
const PLACE = { conversationKind: 2, conversation: 'lunch' } as const

const ask = () => {}

function online() {
  const clock = new ManualClock()
  const signals = new Signals(clock)
  const said: EncodableFrame[] = []
  signals.up('alice', { tell: (frame) => said.push(frame), ask })
  return { clock, signals, said }
}

test('the server hears every three seconds that we type, in each conversation', () => {
  const { clock, signals, said } = online()
  for (let key = 0; key < 7; key++) {
    signals.typing({ name: LUNCH })
    clock.advance(500)
  }
  signals.typing({ name: { kind: 2, id: 'dinner' } })
  deepEqual(
    said.map((frame) => frame.kind === 'typing' && frame.conversation),
    ['lunch', 'lunch', 'dinner'],
  )
})

test('who types is told once, and stops with a message or after six silent seconds', () => {
  const { clock, signals } = online()
  const heard: string[] = []
  signals.onTyping(({ users }) => heard.push(users.join()))
  const types = (user: string) => signals.take({ kind: 'typing', ref: 0, ...PLACE, user })
  types('bob')
  types('alice') // ourselves, on another device
  types('carol')
  clock.advance(4_000)
  types('bob')
  clock.advance(4_000)
  deepEqual(heard, ['bob', 'bob,carol', 'bob'])
  signals.heard({ ...PLACE, from: 'bob' } as EventFrame)
  deepEqual(heard.slice(3), [''])
  clock.advance(10_000)
  equal(heard.length, 4)
})

test('presence: changes are told, others are not heard of, and a new connection asks again', () => {
  const { signals, said } = online()
  const heard: string[] = []
  signals.onPresence(({ user, isOnline, lastSeen }) => heard.push(`${user} ${isOnline} ${lastSeen}`))
  signals.watch(['bob'])
  const presence = (user: string, online: boolean, lastSeen: number) =>
    signals.take({ kind: 'presence', ref: 0, entries: [{ user, online, lastSeen }] })
  presence('bob', true, 0)
  presence('bob', true, 0)
  presence('eve', true, 0)
  presence('bob', false, 77)
  deepEqual(heard, ['bob true undefined', 'bob false 77'])
  equal(signals.of('bob')?.lastSeen, 77)
  signals.down()
  signals.typing({ name: LUNCH })
  signals.up('alice', { tell: (frame) => said.push(frame), ask })
  deepEqual(
    said.map(({ kind }) => kind),
    ['watch', 'watch'],
  )
  signals.watch([])
  equal(signals.of('bob'), undefined)
  throws(() => signals.watch(new Array(LIMITS.watchedUsersMax + 1).fill('u')), /too-many-users/)
})
