/** What becomes of a connection when its token ends, is replaced, or is taken back. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'vitest'
import { closeCodeOf, GatewayRig, inWords, SECRET, TOKEN_MS } from '../../test/support/gateway-rig.js'
import type { Revocation } from '../access/revocations.js'
import { SharedCounts } from '../access/shared-counts.js'
import { signToken } from '../access/token.js'
import type { AppId, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'

const lane = { number: 5, random: 7n }
const alice = { kind: 'hello', ref: 9, device: 'phone', lane } as const

test('a connection ends within a second of its token', () => {
  const rig = new GatewayRig()
  const socket = rig.welcomed('alice')
  const stay = (ms: number) => {
    rig.send(socket, { kind: 'ping', ref: 1 })
    rig.clock.advance(ms)
    socket.messages.length = 0
  }
  for (let left = TOKEN_MS - 1_000; left > 0; left -= 20_000) stay(Math.min(left, 20_000))
  equal(socket.closedWith, undefined)
  rig.clock.advance(2_000)
  deepEqual(socket.closedWith, { code: closeCodeOf('session-expired'), reason: 'session-expired' })
  deepEqual(inWords(socket.frames()), ['refusal 0 session-expired'])
  equal(rig.owners.ended_.length, 1)
})

test('hello again with a fresh token is answered with welcome, asks no owner, and the connection lives on', () => {
  const rig = new GatewayRig()
  const socket = rig.connect()
  const short = signToken(SECRET, { app: 'app', user: 'alice', expiresAt: rig.clock.now() + 3_000 })
  rig.send(socket, { ...alice, token: short, lane: { number: 0, random: 7n } })
  rig.welcome(rig.owners.commands.pop()!)
  rig.clock.tick()
  socket.messages.length = 0
  rig.send(socket, { ...alice, token: rig.token('alice') })
  rig.clock.advance(10_000)
  deepEqual([inWords(socket.frames()), rig.owners.commands.length, socket.closedWith], [['welcome 9'], 0, undefined])
  rig.send(socket, rig.sendFrame('lunch', 1, 10))
  equal(rig.owners.commands.length, 1)
})

test('a bad token, one of another user, app or device is refused, and changes nothing', () => {
  const rig = new GatewayRig()
  const expiresAt = rig.clock.now() + TOKEN_MS
  const cases = [
    ['nonsense', 'bad-token'],
    [signToken(SECRET, { app: 'app', user: 'alice', expiresAt: 0 }), 'token-expired'],
    [rig.token('bob'), 'bad-token'],
    [signToken(SECRET, { app: 'other', user: 'alice', expiresAt }), 'bad-token'],
    [rig.token('alice', 'laptop'), 'bad-token'],
  ] as const
  for (const [token, code] of cases) {
    const socket = rig.welcomed('alice')
    rig.send(socket, { ...alice, token }, rig.sendFrame('lunch', 1, 10))
    rig.clock.tick()
    deepEqual([inWords(socket.frames()), socket.closedWith], [[`refusal 9 ${code}`], undefined])
    const command = rig.owners.commands.pop()!
    deepEqual([command.ref, command.session.app, command.session.user], [10, 'app', 'alice'])
  }
})

test('hello again of another device or lane, or before the first is answered, ends the connection', () => {
  const rig = new GatewayRig()
  const token = rig.token('alice')
  const wrong: EncodableFrame[] = [
    { ...alice, token, device: 'laptop' },
    { ...alice, token, lane: { number: 6, random: 7n } },
    { ...alice, token, lane: { number: 0, random: 8n } },
  ]
  for (const frame of wrong) {
    const socket = rig.welcomed('alice')
    rig.send(socket, frame)
    deepEqual(socket.closedWith, { code: closeCodeOf('bad-frame'), reason: 'bad-frame' })
  }
  const early = rig.connect()
  rig.send(early, rig.hello('alice'), rig.hello('alice'))
  equal((early.closedWith as { reason: string }).reason, 'bad-frame')
})

test('fresh tokens are checked once a second', () => {
  const rig = new GatewayRig()
  const socket = rig.welcomed('alice')
  const again = { ...alice, token: rig.token('alice') }
  rig.send(socket, again, again)
  rig.clock.advance(LIMITS.tokenRefreshMs)
  rig.send(socket, again)
  rig.clock.tick()
  deepEqual(inWords(socket.frames()), ['welcome 9', 'refusal 9 too-many-requests', 'welcome 9'])
})

test('a revocation closes what came with older tokens of that user and app, and nothing else', () => {
  const rig = new GatewayRig()
  const before = rig.welcomed('alice')
  const bob = rig.welcomed('bob')
  rig.clock.advance(5_000)
  const after = rig.welcomed('alice')
  const revocation = { app: 'app' as AppId, user: 'alice' as UserId, issuedBefore: rig.clock.now() }
  const revoke = (what: Revocation) => rig.gateway.revoked(rig.access.take({ kind: 'revoked', revocation: what })!)
  revoke({ ...revocation, app: 'other' as AppId })
  equal(before.closedWith, undefined)
  revoke(revocation)
  deepEqual(before.closedWith, { code: closeCodeOf('token-revoked'), reason: 'token-revoked' })
  deepEqual([bob.closedWith, after.closedWith], [undefined, undefined])
  revoke({ app: 'app' as AppId, issuedBefore: rig.clock.now() })
  deepEqual(
    [(bob.closedWith as unknown as { code: number }).code, after.closedWith],
    [closeCodeOf('token-revoked'), undefined],
  )
})

test('a connection ends with the key of the token that it rests on now', () => {
  const rig = new GatewayRig()
  const [stays, goes] = [rig.welcomed('alice'), rig.welcomed('bob')]
  rig.gateway.revoked(({ user, keyOrigin }) => user === 'bob' && keyOrigin.length > 0)
  deepEqual(goes.closedWith, { code: closeCodeOf('token-revoked'), reason: 'token-revoked' })
  equal(stays.closedWith, undefined)
})

test('connections of a user and of an address are bounded over all workers', () => {
  const memory = SharedCounts.memory(2, 1)
  const limits = { connectionsPerUserMax: 2, connectionsPerAddressMax: 4 }
  const [one, two] = [0, 1].map((worker) => new GatewayRig(limits, new SharedCounts(memory, worker))) as [
    GatewayRig,
    GatewayRig,
  ]
  one.welcomed('alice')
  const other = two.welcomed('alice')
  const third = one.connect()
  one.send(third, one.hello('alice'))
  deepEqual(inWords(third.frames()), ['refusal 1 user-connections'])
  one.gateway.closed(third)

  one.welcomed('bob')
  two.welcomed('carol')
  const fifth = two.connect() // all come from one address
  deepEqual(fifth.closedWith, { code: closeCodeOf('address-connections'), reason: 'address-connections' })
  // Whoever was told to go counts for as long as the socket is there.
  equal(one.connect().closedWith === undefined, false)
  two.gateway.closed(fifth)
  two.gateway.closed(other)
  equal(one.connect().closedWith, undefined)
  equal(two.connect().closedWith === undefined, false)
})

test('an address that brings too many forged tokens waits, and may say Hello again on the same connection', () => {
  const rig = new GatewayRig()
  const hello = rig.hello('alice')
  const forged = { kind: 'hello', ref: 1, token: 'x.y.z', device: 'phone', lane } as const
  for (let n = 0; n < LIMITS.badTokensPerSecondMax; n++) rig.send(rig.connect(), forged)
  const socket = rig.connect()
  rig.send(socket, hello)
  rig.clock.tick()
  const [refusal] = socket.frames()
  ok(refusal?.kind === 'refusal' && refusal.name === 'bad-token-rate')
  ok(refusal.retryAfterMs > 0 && refusal.retryAfterMs <= 1_100, `${refusal.retryAfterMs}`)
  equal(socket.closedWith, undefined)
  rig.clock.advance(refusal.retryAfterMs)
  socket.messages.length = 0
  rig.send(socket, hello)
  rig.clock.tick()
  deepEqual([inWords(socket.frames()), socket.closedWith], [[], undefined]) // it is on its way to the owner
})
