import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isAboutLane, isFinal, REFUSALS, type RefusalName, refusalOfWire } from './refusal.js'

const names = Object.keys(REFUSALS) as RefusalName[]

/** What clients in the field know. Lines are added here, never changed and never taken out. */
const PUBLISHED: Record<number, RefusalName> = {
  1101: 'bad-frame',
  1102: 'bad-id',
  1103: 'body-too-large',
  1104: 'bad-content',
  1105: 'lane-reused',
  1106: 'lane-retired',
  1107: 'lane-unknown',
  1108: 'already-exists',
  1109: 'no-such-conversation',
  1110: 'too-many-users',
  1111: 'cursor-ahead',
  1112: 'hello-first',
  1113: 'message-too-large',
  1114: 'bad-history',
  1115: 'nothing-to-change',
  1116: 'no-such-address',
  1120: 'key-reused',
  1201: 'mailbox-full',
  1202: 'owner-moved',
  1203: 'send-gap',
  1204: 'log-full',
  1205: 'log-read-only',
  1206: 'store-behind',
  1207: 'not-yet',
  1208: 'too-many-requests',
  1209: 'lagging',
  1210: 'overloaded',
  1211: 'unknown-outcome',
  1212: 'log-down',
  1213: 'not-listed',
  1214: 'list-away',
  1220: 'keys-loading',
  1221: 'revocations-full',
  1222: 'connection-rate',
  1223: 'user-rate',
  1224: 'app-rate',
  1225: 'bad-token-rate',
  1226: 'mark-rate',
  1301: 'draining',
  1302: 'too-far-behind',
  1303: 'replaced',
  1304: 'too-many-connections',
  1305: 'idle-timeout',
  1306: 'worker-failed',
  1307: 'session-lost',
  1320: 'session-expired',
  1322: 'user-connections',
  1323: 'address-connections',
  1401: 'not-member',
  1402: 'bad-token',
  1403: 'token-expired',
  1404: 'not-owner',
  1405: 'group-full',
  1406: 'user-conversations',
  1420: 'token-revoked',
  1421: 'token-not-yet',
  1422: 'address-denied',
  1423: 'origin-denied',
  1424: 'role-needed',
  1430: 'signed-out',
  1431: 'too-many-devices',
}

describe('the refusal catalogue', () => {
  test('keeps every code that was ever published', () => {
    for (const [wire, name] of Object.entries(PUBLISHED)) equal(refusalOfWire(Number(wire)), name, wire)
    deepEqual(names.map((name) => `${REFUSALS[name].wire}`).sort(), Object.keys(PUBLISHED).sort())
  })

  test('uses no code twice, and each has an advice', () => {
    equal(new Set(names.map((name) => REFUSALS[name].wire)).size, names.length)
    for (const name of names) ok(REFUSALS[name].advice.length > 0, name)
  })

  test('says by the hundreds digit what uses up an n', () => {
    for (const name of names) equal(isFinal(name), /^1[14]/.test(`${REFUSALS[name].wire}`), name)
    deepEqual(names.filter(isAboutLane), ['lane-reused', 'lane-retired', 'lane-unknown'])
  })

  test('does not know codes of newer builds', () => equal(refusalOfWire(1199), undefined))
})
