/** How many of a large group are online, over the client library and HTTP, against a server of two workers. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { ParleyClient } from '../../src/client-node.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

function tokenOf(user: string, app = 'test', role?: 'service'): string {
  return signToken(SECRET, { app, user, expiresAt: Date.now() + 600_000, ...(role !== undefined && { role }) })
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries++) await sleep(20)
  ok(isTrue(), what)
}

test('a member hears how many of 2,500 are online as they come and go, and nobody else does', {
  timeout: 90_000,
}, async () => {
  await using server = await ServerProcess.start({ workers: 2 })
  const clientOf = (user: string, device = 'phone', app = 'test') =>
    new ParleyClient({ servers: [`ws://127.0.0.1:${server.port}/v1/ws`], token: tokenOf(user, app), device })
  const api = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${tokenOf('backend', 'test', 'service')}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
  }
  const GROUP = '/v1/conversations/group/crowd'
  const page = (n: number) => Array.from({ length: 500 }, (_, at) => `u${n * 500 + at}`)
  await api('POST', '/v1/conversations', { kind: 'group', id: 'crowd', owner: 'u0', members: page(0).slice(1) })
  for (const n of [1, 2, 3, 4]) equal((await api('POST', `${GROUP}/members`, { users: page(n) })).status, 201)

  const members = Array.from({ length: 30 }, (_, at) => clientOf(`u${at * 80}`))
  const tablet = clientOf('u0', 'tablet')
  const stranger = clientOf('stranger')
  const namesake = clientOf('u80', 'phone', 'other')
  await Promise.all([...members, tablet, stranger, namesake].map((client) => client.connect()))
  await namesake.createGroup({ id: 'crowd', members: ['u160'] })

  let online = 0
  let strangersCounts = 0
  const conversations = new Set<string>()
  members[0]!.presence.onlineIn(members[0]!.conversation('crowd'), (count) => {
    ok(count.members <= 2_500)
    online = count.online
    conversations.add(count.conversation.id)
  })
  stranger.presence.onlineIn(stranger.conversation('crowd'), () => strangersCounts++)
  await until('all are counted, users and not devices', () => online === 30)
  await Promise.all(members.slice(20).map((client) => client.close()))
  await until('who left is not counted', () => online === 20)
  await api('POST', `${GROUP}/members/kick`, { users: ['u80'] })
  for (let tries = 0; tries < 100; tries++) {
    const { json } = await api('GET', `${GROUP}/online`)
    if (json.online === 19) break
    await sleep(200)
  }
  const { json } = await api('GET', `${GROUP}/online`)
  deepEqual([json.online, json.members], [19, 2_499])
  ok((json.again_ms as number) >= 1_000 && (json.again_ms as number) <= 5_000)
  ok(Math.abs((json.counted_at as number) - Date.now()) < 15_000)
  equal((await api('GET', `${GROUP}/online?as=stranger`)).status, 403)
  deepEqual([strangersCounts, [...conversations]], [0, ['crowd']])
  await Promise.all([...members.slice(0, 20), tablet, stranger, namesake].map((client) => client.close()))
})
