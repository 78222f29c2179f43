import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { hostOf, isLoopback, plainAddress } from './address.js'

test('one address has one spelling', () => {
  const spellings = [
    ['10.6.6.6', '::ffff:10.6.6.6', '::ffff:a06:606', '0000:0000:0000:0000:0000:ffff:0a06:0606'],
    ['2001:db8::1', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:DB8:0:0::1'],
    ['::1', '0000:0000:0000:0000:0000:0000:0000:0001'],
    ['fe80::1', 'fe80::1%eth0'],
    ['nonsense'],
  ]
  for (const [plain, ...others] of spellings)
    for (const each of [plain!, ...others]) equal(plainAddress(each), plain, each)
})

test('a host of IPv6 is its /64, however the rest is written', () => {
  const hosts = ['2001:db8:0:1::1', '2001:0db8:0000:0001:ffff:0000:0000:0002', '2001:db8:0:1:1:1:1:1'].map(hostOf)
  deepEqual(new Set(hosts), new Set(['2001:db8:0:1']))
  deepEqual(['2001:db8::1', '::1', '1::', '10.0.0.1', '::ffff:10.0.0.1'].map(hostOf), [
    '2001:db8:0:0',
    '0:0:0:0',
    '1:0:0:0',
    '10.0.0.1',
    '10.0.0.1',
  ])
})

test('loopback is loopback', () => {
  deepEqual(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].filter(isLoopback).length, 4)
  deepEqual(['0.0.0.0', '127.evil.example', '10.0.0.1', '127.0.0.1.example'].filter(isLoopback), [])
})
