import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import type { AppId, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import { Revocations } from './revocations.js'

const line = (app: string, user: string | undefined, issuedBefore: number) => ({
  app: app as AppId,
  ...(user !== undefined && { user: user as UserId }),
  issuedBefore,
})

test('an app whose users are full takes no room of another, and may still raise what it has and revoke itself', () => {
  const revocations = new Revocations()
  for (let n = 0; n < LIMITS.revocationsMax; n++) revocations.add(line('shop', `user ${n}`, 5))
  const rooms = (app: string) => [
    revocations.hasRoomFor(line(app, 'one more', 6)),
    revocations.hasRoomFor(line(app, 'user 7', 6)),
    revocations.hasRoomFor(line(app, undefined, 6)),
  ]
  deepEqual(
    [rooms('shop'), rooms('bank')],
    [
      [false, true, true],
      [true, true, true],
    ],
  )
  revocations.add(line('shop', 'user 7', 9))
  revocations.add(line('shop', undefined, 8))
  deepEqual([...revocations.all()], [line('shop', undefined, 8), line('shop', 'user 7', 9)])
  equal(revocations.hasRoomFor(line('shop', 'one more', 9)), true)
})

test('all apps together have an end, too', () => {
  const revocations = new Revocations()
  const users = Array.from({ length: LIMITS.revocationsMax }, (_, n) => `user ${n}`)
  for (let app = 0; app < LIMITS.revocationsOfAllAppsMax / LIMITS.revocationsMax; app++) {
    for (const user of users) revocations.add(line(`app ${app}`, user, 5))
  }
  equal(revocations.hasRoomFor(line('bank', 'alice', 5)), false)
  revocations.add(line('app 0', undefined, 5))
  equal(revocations.hasRoomFor(line('bank', 'alice', 5)), true)
})
