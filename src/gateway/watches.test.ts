import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { closeCodeOf, type FakeSocket, GatewayRig } from '../../test/support/gateway-rig.js'
import { type ActorKey, ActorKind, actorKey } from '../domain/ids.js'

const inboxOf = (user: string) => actorKey('app', ActorKind.inbox, user)

function heardBy(socket: FakeSocket): string[] {
  return socket.frames().flatMap((frame) => {
    if (frame.kind !== 'presence') return [frame.kind]
    return [`${frame.ref}:${frame.entries.map(({ user, online }) => ` ${user} ${online ? 'on' : 'off'}`).join()}`]
  })
}

function watchedAt(rig: GatewayRig): ActorKey[] {
  rig.clock.advance(300)
  return rig.owners.watched.splice(0).flatMap(([, inboxes]) => [...inboxes])
}

function is(rig: GatewayRig, user: string, isOnline: boolean): void {
  rig.gateway.presence([{ inbox: inboxOf(user), isOnline, lastSeen: 0 }])
}

test('a user is watched once for all who watch; changes come conflated; unwatched by the last', () => {
  const rig = new GatewayRig()
  const [alice, bob] = [rig.welcomed('alice'), rig.welcomed('bob')]
  rig.send(alice, { kind: 'watch', ref: 5, users: ['carol'] })
  rig.send(bob, { kind: 'watch', ref: 6, users: ['carol', 'carol'] })
  rig.clock.tick()
  deepEqual([heardBy(alice), heardBy(bob)], [['5:'], ['6:']])
  deepEqual(watchedAt(rig), [inboxOf('carol')])

  is(rig, 'carol', true)
  is(rig, 'carol', false)
  is(rig, 'dave', true)
  rig.clock.advance(300)
  rig.clock.tick()
  deepEqual([heardBy(alice), heardBy(bob)], [['0: carol off'], ['0: carol off']])
  rig.send(alice, { kind: 'watch', ref: 7, users: ['carol'] })
  rig.clock.tick()
  deepEqual(heardBy(alice), ['7: carol off'])

  rig.gateway.closed(bob)
  deepEqual(watchedAt(rig), [])
  rig.send(alice, { kind: 'watch', ref: 8, users: [] })
  rig.clock.advance(300)
  deepEqual(rig.owners.watched.length, 1) // that nobody is, once
})

test('more users than may be are refused, and so is a watch before Hello', () => {
  const rig = new GatewayRig()
  const alice = rig.welcomed('alice')
  rig.send(alice, { kind: 'watch', ref: 5, users: new Array(501).fill('u') })
  rig.clock.tick()
  deepEqual(heardBy(alice), ['refusal'])
})

test('who types twice in a second is heard once', () => {
  const rig = new GatewayRig()
  const alice = rig.welcomed('alice')
  const typing = { kind: 'typing', ref: 0, conversationKind: 2, conversation: 'lunch', user: '' } as const
  const before = rig.owners.commands.length
  rig.send(alice, typing)
  rig.send(alice, typing)
  rig.clock.advance(1_000)
  rig.send(alice, typing)
  deepEqual(rig.owners.commands.length - before, 2)
})

test('a session that its owner ended is closed with the reason', () => {
  const rig = new GatewayRig()
  const alice = rig.welcomed('alice')
  rig.gateway.endSession(1, 'replaced', 7)
  deepEqual(alice.closedWith, { code: closeCodeOf('replaced'), reason: 'replaced' })
})
