import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { Entrance } from './entrance.js'

const everybody = { origins: undefined, addresses: { allow: undefined, deny: [] }, proxies: [], isLoopbackOnly: false }
const from = { remoteAddress: '127.0.0.1', host: 'chat.example', origin: '', isForwarded: false }

test('without lists all may come', () => {
  equal(new Entrance(everybody).refuses({ ...from, origin: 'https://any.example' }), undefined)
})

test('pages of listed origins may come, others not, and what is no page may', () => {
  const entrance = new Entrance({ ...everybody, origins: ['https://chat.example'] })
  const refused = (origin: string | undefined) => entrance.refuses({ ...from, origin })
  for (const origin of ['https://chat.example', '', undefined]) equal(refused(origin), undefined, origin)
  const others = ['https://evil.example', 'http://chat.example', 'https://chat.example.evil.example', 'null']
  for (const origin of [...others, 'https://chat.example:8443']) equal(refused(origin), 'origin-denied', origin)
})

test('addresses: denied ones never, allowed ones only, in whatever way they are written', () => {
  const addresses = { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.6.6.6'] }
  const entrance = new Entrance({ ...everybody, addresses })
  const refused = (remoteAddress: string) => entrance.refuses({ ...from, remoteAddress })
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:0db8:0000:0000:0000:0000:0000:0001']) {
    equal(refused(address), undefined, address)
  }
  for (const address of [
    '10.6.6.6',
    '0000:0000:0000:0000:0000:ffff:0a06:0606',
    '11.0.0.1',
    '2001:db9::1',
    'nonsense',
  ]) {
    equal(refused(address), 'address-denied', address)
  }
  for (const wrong of [
    '10.0.0.0/33',
    '10.0.0.0/8/24',
    'fe80::1%eth0',
    '10.0.0',
    'chat.example',
    '::/129',
    '1.2.3.4/x',
  ]) {
    throws(() => new Entrance({ ...everybody, addresses: { allow: undefined, deny: [wrong] } }), /is no address/, wrong)
  }
})

test('only listed proxies speak for others', () => {
  const entrance = new Entrance({ ...everybody, proxies: ['10.0.0.2', '10.1.0.0/16'] })
  const answers = ['10.0.0.2', '::ffff:10.1.2.3', '10.0.0.3', 'nonsense'].map((address) => entrance.isProxy(address))
  deepEqual(answers, [true, true, false, false])
})

test('in development only loopback names itself, and only its pages may ask', () => {
  const entrance = new Entrance({ ...everybody, isLoopbackOnly: true })
  const refused = (host: string | undefined, origin?: string) => entrance.refuses({ ...from, host, origin })
  for (const host of ['localhost', 'localhost:7700', '127.0.0.1:7700', '[::1]:7700', undefined]) {
    equal(refused(host), undefined, host)
  }
  const rebound = [
    'evil.example:7700',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil@localhost',
    '',
    '10.0.0.1',
    ':x@localhost',
    'localhost#evil.example',
    'localhost?x',
    'localhost/',
    'localhost.',
    '2130706433',
    '127.0.0.1:99999999',
  ]
  for (const host of rebound) equal(refused(host), 'origin-denied', host)
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1:7700', 'http://[::1]']) {
    equal(refused('localhost', origin), undefined, origin)
  }
  for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'file://']) {
    equal(refused('localhost', origin), 'origin-denied', origin)
  }
})

test('in development what a proxy brings is refused; elsewhere proxies are welcome', () => {
  const forwarded = { ...from, host: 'localhost', isForwarded: true }
  equal(new Entrance({ ...everybody, isLoopbackOnly: true }).refuses(forwarded), 'address-denied')
  equal(new Entrance(everybody).refuses(forwarded), undefined)
})
