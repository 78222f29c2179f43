/** No tab writes in the name of a user that its own token is not of. */
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'vitest'
import { Home } from '../../test/support/tab-home.js'
import type { Client } from './client.js'
import type { Token } from './token-source.js'

test('a tab with the token of another user is not let in', async () => {
  const home = new Home()
  await home.tabs(1)
  for (const token of [jwt('bob'), async () => jwt('bob')]) {
    const bob = home.client(home.tab(), { token })
    bob.conversation('all').send('in whose name?')
    const refused = rejects(bob.connect(), { reason: 'foreign-storage' })
    await home.soon()
    await refused
  }
  const alice = home.client(home.tab(), { token: jwt('alice') }).connect()
  await home.soon()
  await alice
  deepEqual(home.server.texts, [])
})

/** Alice's tab leads and has no Welcome yet: nobody knows whose storage it is. */
async function unknownOwner(token: Token) {
  const home = new Home()
  home.server.isSilent = true
  const alice = home.client(home.tab(), { token: jwt('alice') })
  void alice.connect()
  await home.soon()
  const client = home.client(home.tab(), { token })
  const connected = client.connect()
  const ended = connected.then(
    () => 'online',
    ({ reason }) => reason as string,
  )
  await home.browser.quiet(4_000)
  return { home, alice, client, ended }
}

async function welcome(home: Home): Promise<void> {
  home.server.isSilent = false
  home.server.cut()
  await home.longer()
}

test('nor where it is not known yet whose storage it is: what it sends goes nowhere', async () => {
  const { home, alice, client: bob, ended } = await unknownOwner(jwt('bob'))
  const outgoing = bob.conversation('all').send('in whose name?')
  await welcome(home)
  equal(await ended, 'foreign-storage')
  bob.conversation('all').send('and now?')
  await rejects(bob.connect(), { reason: 'foreign-storage' })
  await home.longer()
  deepEqual([home.server.texts, outgoing.state.kind, stateOf(alice)], [[], 'storing', 'online'])
})

test('a tab of the same user goes on, with what it has sent meanwhile', async () => {
  const { home, client, ended } = await unknownOwner(jwt('alice'))
  for (const text of ['one', 'two']) client.conversation('all').send(text)
  await welcome(home)
  equal(await ended, 'online')
  client.conversation('all').send('three')
  await home.soon()
  deepEqual(home.server.texts, ['one', 'two', 'three'])
})

test('a token that cannot be had yet lets nothing out, until it says whose it is', async () => {
  for (const user of ['alice', 'bob']) {
    const home = new Home()
    await home.tabs(1)
    let isOffline = true
    const token = async () => {
      if (isOffline) throw new Error('no network')
      return jwt(user)
    }
    const client = home.client(home.tab(), { token })
    void client.connect()
    await home.soon()
    client.conversation('all').send('whose?')
    await home.longer()
    deepEqual(home.server.texts, [])
    isOffline = false
    await home.longer()
    deepEqual(home.server.texts, user === 'alice' ? ['whose?'] : [])
    equal(stateOf(client), user === 'alice' ? 'online' : 'stopped')
  }
})

function stateOf({ state }: Client): string {
  return state.kind
}

function jwt(user: string): string {
  return `e30.${btoa(JSON.stringify({ app: 'test', sub: user }))}.signature`
}
