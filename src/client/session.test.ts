import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.js'
import { LIMITS } from '../domain/limits.js'
import { decodeFrames } from '../protocol/decode.js'
import type { DecodedFrame, EncodableFrame, InboxFrame } from '../protocol/decoded-frame.js'
import { encodeFrame } from '../protocol/encode.js'
import { EventKind } from '../protocol/wire-numbers.js'
import { seededRandom } from '../std/random.js'
import type { KeptSession } from './journal.js'
import type { ConnectionEvents } from './link.js'
import { Session } from './session.js'

const LANE = { number: 1, random: 9n }
const IN = (conversation: string) => ({ conversationKind: 2, conversation })

/** A device that followed `a` up to seq 2 and `b` up to seq 5, and a server that answers as it is told. */
class Rig {
  readonly clock = new ManualClock()
  readonly shown: string[] = []
  #said: DecodedFrame[] = []
  #events: ConnectionEvents | undefined
  readonly session = new Session({
    clock: this.clock,
    random: seededRandom(3),
    token: 't',
    device: 'd',
    kept: KEPT,
    recentMax: 4,
    dial: (events) => {
      this.#events = events
      return { send: (message) => void this.#said.push(...decodeFrames(message)), close: () => {} }
    },
    listener: {
      shown: ({ id }, { seq }) => this.shown.push(`${id} ${seq}`),
      ...{ connection() {}, online() {}, stored() {}, sent() {}, settled() {}, laneLost() {}, unknown() {} },
      ...{ received() {}, listed() {}, inboxRefused() {}, restarted() {}, rejected() {} },
    },
  })

  constructor() {
    this.session.start()
    this.#events!.opened()
  }

  /** What it has said since the last call. */
  said(): string[] {
    return this.#said.splice(0).map((frame) => {
      if (frame.kind === 'resume') return `resume ${frame.version} events=${frame.eventsMax}`
      if (frame.kind === 'history') return `history ${frame.conversation} after ${frame.anchor}`
      return frame.kind
    })
  }

  say(...frames: EncodableFrame[]): void {
    for (const frame of frames) this.#events!.received(encodeFrame(frame))
  }

  /** In answer to Hello, whose ref is 1; that of Resume is 2. */
  welcome(): void {
    const who = { app: 'a', user: 'u', device: 'd', lane: LANE }
    this.say({ kind: 'welcome', ref: 1, ...who, serverTime: 1, heartbeatMs: 25_000, limits: LIMITS })
  }
}

const ENTRY = {
  ...{ ordinal: 0, time: 0, readSeq: 0, readOrdinal: 0, isMember: true, flags: 0 },
  ...{ incarnation: 1, mentionSeq: 0, sinceSeq: 1 },
}
const KEPT: KeptSession = {
  lane: LANE,
  inbox: { cursor: { incarnation: 1, version: 7 }, entries: [] },
  conversations: [
    { name: { kind: 2, id: 'a' }, nextN: 1, held: 2, isFollowed: true, commands: [] },
    { name: { kind: 2, id: 'b' }, nextN: 1, held: 5, isFollowed: true, commands: [] },
  ],
}

function list(heads: Record<string, number>): InboxFrame {
  const entries = Object.entries(heads).map(([id, head]) => ({ ...IN(id), ...ENTRY, head, version: 8 }))
  const place = { incarnation: 1, prev: 7, version: 8 }
  return { kind: 'inbox', ref: 2, ...place, entries, more: false, heads: [], headsNext: 0 }
}

function firstEvents(id: string, from: number, to: number): EncodableFrame[] {
  const events = Array.from({ length: to - from + 1 }, (_, at): EncodableFrame => {
    const stamp = { incarnation: 1, time: 1, ordinal: 1, memberSeq: 0, eventKind: EventKind.message, flags: 0, hash: 0 }
    const lane = { n: 1, lane: 1, laneRandom: 1n }
    return { kind: 'event', ...IN(id), seq: from + at, ...stamp, ...lane, app: 'a', from: 'v', device: 'e', users: [] }
  })
  return [...events, { kind: 'history-end', ref: 0, ...IN(id), from, completeTo: to, head: to }]
}

test('resumes right behind Hello, and shows what came with the answer without asking for it', () => {
  const rig = new Rig()
  deepEqual(rig.said(), ['hello', `resume 7 events=${LIMITS.firstEventsMax}`])
  rig.welcome()
  deepEqual(rig.said(), ['ping'], 'who is heard of after Welcome is there')
  rig.say(...firstEvents('a', 1, 4), list({ a: 4 }))
  deepEqual(rig.shown, ['a 3', 'a 4'])
  deepEqual(rig.said(), ['history b after 5'], 'what did not come with it is asked for')
})

test('first events above a gap are shown once it is filled; of a conversation that is new the last are enough', () => {
  const rig = new Rig()
  rig.welcome()
  rig.said()
  rig.say(...firstEvents('a', 5, 6), ...firstEvents('new', 8, 11), list({ a: 6, new: 11 }))
  deepEqual(rig.shown, ['new 8', 'new 9', 'new 10', 'new 11'])
  deepEqual(rig.said(), ['history a after 2', 'history b after 5'])
})

test('what the list could not tell now is asked for all the same', () => {
  const rig = new Rig()
  rig.welcome()
  rig.said()
  const refusal = { code: 1210, n: 0, expected: 0, retryAfterMs: 500, name: 'overloaded', advice: '' }
  rig.say({ kind: 'refusal', ref: 2, ...refusal })
  deepEqual(rig.said(), ['history a after 2', 'history b after 5'])
})
