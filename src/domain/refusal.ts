/**
 * Every way the server says no. Wire codes are a public contract: add, never renumber.
 * The hundreds digit tells a client what to do before it has ever heard of the code.
 *   11xx fix the request    12xx wait and resend    13xx reconnect, then resume    14xx not allowed
 * A refused send is never delivered. 11xx and 14xx of a command with an n consume that n (rules §5).
 */
export const REFUSALS = {
  'bad-frame': { wire: 1101, advice: 'the bytes are not a valid frame; fix the encoder' },
  'bad-id': { wire: 1102, advice: 'ids are 1 to 64 bytes (conversations 128) of UTF-8 without control characters' },
  'body-too-large': { wire: 1103, advice: 'a body has at most 64 KiB; upload larger content and send a link' },
  'bad-content': { wire: 1104, advice: 'content type at most 128 bytes, preview at most 120, mentions at most 100' },
  'lane-reused': { wire: 1105, advice: 'another message went out under this n; open a new lane and resend' },
  'lane-retired': {
    wire: 1106,
    advice: 'this lane is too old; look (lane, n) up in history, resend in a new lane if absent',
  },
  'lane-unknown': {
    wire: 1107,
    advice: 'the server does not know this lane; say Hello with lane number 0 and a new random',
  },
  'already-exists': { wire: 1108, advice: 'a conversation with this id exists; choose another id or use it' },
  'no-such-conversation': { wire: 1109, advice: 'create the conversation first' },
  'too-many-users': { wire: 1110, advice: 'split the change into several' },
  'cursor-ahead': { wire: 1111, advice: 'the client knows more than the server; an operator must look' },
  'hello-first': { wire: 1112, advice: 'the first frame on a connection is Hello' },
  'message-too-large': { wire: 1113, advice: 'a WebSocket message has at most 256 KiB; split it' },
  'bad-history': { wire: 1114, advice: 'limit is 1 to 200' },
  'nothing-to-change': { wire: 1115, advice: 'those users already are what you ask' },
  'no-such-address': { wire: 1116, advice: 'nothing has this address; /v1/openapi.json lists those of /v1' },

  'key-reused': { wire: 1120, advice: 'this idempotency key was used for another request; take a new one' },

  'mailbox-full': {
    wire: 1201,
    advice: 'the conversation has more queued commands than it accepts; wait, then resend',
  },
  'owner-moved': {
    wire: 1202,
    advice: 'ownership of the conversation is moving; the outcome is unknown, resending is safe',
  },
  'send-gap': { wire: 1203, advice: 'an earlier n of this lane is missing; resend from `expected`' },
  'log-full': { wire: 1204, advice: 'the log is full; wait, then resend' },
  'log-read-only': { wire: 1205, advice: 'the log does not take writes now; reads go on; wait, then resend' },
  'store-behind': { wire: 1206, advice: 'the store does not answer now; wait, then ask again' },
  'not-yet': { wire: 1207, advice: 'the answer would be below minSeq; wait, then ask again' },
  'too-many-requests': {
    wire: 1208,
    advice: 'as many requests of this connection are unanswered as may be; wait, then resend',
  },
  lagging: {
    wire: 1209,
    advice: 'this connection reads too slowly; deliveries pause and resume from where they stopped',
  },
  overloaded: { wire: 1210, advice: 'the server is at its limit; wait, then resend' },
  'unknown-outcome': { wire: 1211, advice: 'it may or may not have been accepted; resending is safe' },
  'log-down': { wire: 1212, advice: 'the log does not answer; wait, then resend' },
  'not-listed': { wire: 1213, advice: 'the conversation is not in the list yet; wait, then resend, or void it' },
  'list-away': { wire: 1214, advice: 'the list of a user who is to join does not answer now; wait, then resend' },

  'keys-loading': { wire: 1220, advice: 'the key that signed this token is being fetched; wait, then say Hello again' },
  'revocations-full': { wire: 1221, advice: 'too many users are revoked one by one; revoke the whole app once' },

  'connection-rate': { wire: 1222, advice: 'this connection is over its frames per second; wait, then resend' },
  'user-rate': { wire: 1223, advice: 'this user is over the frames per second of all connections; wait, then resend' },
  'app-rate': { wire: 1224, advice: 'this app is over the frames per second of all its users; wait, then resend' },
  'bad-token-rate': {
    wire: 1225,
    advice: 'too many tokens of this address were no good within a second; wait, then come again',
  },
  'mark-rate': { wire: 1226, advice: 'this user marks this conversation too often; wait, then resend' },

  draining: { wire: 1301, advice: 'this server is stopping; reconnect, then resume' },
  'too-far-behind': {
    wire: 1302,
    advice: 'too much was missed to be served here; reconnect, then resume from history',
  },
  replaced: { wire: 1303, advice: 'the same device connected again; do not reconnect by yourself' },
  'too-many-connections': { wire: 1304, advice: 'this server has as many connections as it may; wait, then reconnect' },
  'idle-timeout': { wire: 1305, advice: 'no heartbeat; reconnect, then resume' },
  'worker-failed': { wire: 1306, advice: 'a part of the server failed; reconnect, then resume' },
  'session-lost': { wire: 1307, advice: 'reconnect, then resume' },
  'session-expired': { wire: 1320, advice: 'the token of this connection has ended; reconnect with a fresh one' },
  'user-connections': { wire: 1322, advice: 'this user has as many connections as may be; wait, then reconnect' },
  'address-connections': { wire: 1323, advice: 'this address has as many connections as may be; wait, then reconnect' },

  'not-member': { wire: 1401, advice: 'the sender is not in the conversation' },
  'bad-token': { wire: 1402, advice: 'get a new token' },
  'token-expired': { wire: 1403, advice: 'get a new token' },
  'not-owner': { wire: 1404, advice: 'only an owner of the conversation may do this' },
  'group-full': { wire: 1405, advice: 'the group has as many members as it may' },
  'user-conversations': { wire: 1406, advice: 'one of those users is in as many groups and channels as may be' },
  'token-revoked': { wire: 1420, advice: 'this token was taken back; get a new one, if you still may' },
  'token-not-yet': { wire: 1421, advice: 'this token is not valid yet; look at the clock of who signs it' },
  'address-denied': { wire: 1422, advice: 'this address may not connect' },
  'origin-denied': { wire: 1423, advice: 'web pages of this origin, or under this host name, may not connect' },
  'role-needed': { wire: 1424, advice: 'this needs a token whose role is service or admin' },
  'signed-out': { wire: 1430, advice: 'this device was signed out; do not reconnect by yourself' },
  'too-many-devices': { wire: 1431, advice: 'given no more: of too many devices the oldest is forgotten' },
} as const satisfies Record<string, { wire: number; advice: string }>

export type RefusalName = keyof typeof REFUSALS

const BY_WIRE = new Map<number, RefusalName>(
  Object.entries(REFUSALS).map(([name, { wire }]) => [wire, name as RefusalName]),
)

/** The name of a wire code, or undefined for a code newer than this build. */
export function refusalOfWire(wire: number): RefusalName | undefined {
  return BY_WIRE.get(wire)
}

/** 11xx and 14xx: the server will never accept this command, so its n is used up. */
export function isFinal(name: RefusalName): boolean {
  return isFinalCode(REFUSALS[name].wire)
}

/** The hundreds digit tells it of every wire code, also of those that this build does not know. */
export function isFinalCode(wire: number): boolean {
  const hundreds = Math.floor(wire / 100)
  return hundreds === 11 || hundreds === 14
}

/** 12xx: the same, sent later, may be accepted. */
export function isToWait(name: RefusalName): boolean {
  return Math.floor(REFUSALS[name].wire / 100) === 12
}

/** 14xx that another token would mend. */
export function isAboutToken(name: RefusalName | undefined): boolean {
  return name === 'bad-token' || name === 'token-expired' || name === 'token-revoked' || name === 'token-not-yet'
}

/** 11xx that speak of the lane itself: they consume nothing, since the lane's record is what they protect. */
export function isAboutLane(name: RefusalName): boolean {
  return name === 'lane-reused' || name === 'lane-retired' || name === 'lane-unknown'
}
