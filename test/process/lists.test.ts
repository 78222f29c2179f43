/** What a user decides and reads, through the client library and a real server, as they and others come to see it. */
import { deepEqual, equal } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { signToken } from '../../src/access/token.js'
import { ParleyClient } from '../../src/client-node.js'
import { SECRET, ServerProcess } from '../support/server-process.js'

function personAt(port: number, user: string, device = 'phone'): ParleyClient {
  const token = signToken(SECRET, { app: 'test', user, expiresAt: Date.now() + 600_000 })
  return new ParleyClient({ servers: [`ws://127.0.0.1:${port}/v1/ws`], token, device })
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isSo(); tries++) await sleep(20)
  equal(isSo(), true, what)
}

test('a setting right after creating a group is kept, and who reads or is mentioned is known', {
  timeout: 60_000,
}, async () => {
  await using server = await ServerProcess.start()
  const [alice, tablet, bob] = [
    personAt(server.port, 'alice'),
    personAt(server.port, 'alice', 'tablet'),
    personAt(server.port, 'bob'),
  ]
  const troubles: string[] = []
  const receipts: string[] = []
  alice.onTrouble(({ kind }) => troubles.push(kind))
  alice.onReceipt(({ conversation, user, seq }) => receipts.push(`${conversation.id} ${user} ${seq}`))
  await Promise.all([alice, tablet, bob].map((client) => client.connect()))

  const team = await alice.createGroup({ id: 'team', members: ['bob'] })
  team.set({ pinned: true })
  await until('the tablet shows it pinned', () => tablet.inbox().some(({ isPinned }) => isPinned))

  await team.send({ text: 'look, bob', mentions: ['bob'] }).acked()
  await until('bob is mentioned', () => bob.inbox().some(({ isMentioned }) => isMentioned))
  bob.conversation('team').markRead()
  await until('alice hears that bob has read', () => receipts.includes('team bob 2'))
  const [entry] = bob.inbox()
  deepEqual([entry?.unread, entry?.isMentioned, entry?.mentionSeq], [0, false, 2])
  deepEqual(troubles, [])
  await Promise.all([alice, tablet, bob].map((client) => client.close()))
})
