/**
 * The core without sockets: 200 users (USERS) in pairs, both sides send with a window of 8 (WINDOW), 256-byte bodies,
 * through links, actors, WAL with fdatasync, fan-out and LMDB in one thread. With SPREAD=100 each user writes to a
 * hundred others in turn instead, so that what inboxes are told cannot be conflated. Prints messages per second and CPU per message: what is left of the
 * durable benchmark when the network is taken away.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composeActors } from '../../src/actors/composition.js'
import type { GatewayEnd, Session } from '../../src/actors/peers.js'
import {
  type ActorKey,
  ActorKind,
  type AppId,
  actorKey,
  type DeviceId,
  directId,
  type ShardId,
  type UserId,
} from '../../src/domain/ids.js'
import type { Address, Bus } from '../../src/log/bus.js'
import { openNodeFolder } from '../../src/log/embedded/file-port.js'
import { LogData } from '../../src/log/embedded/log-data.js'
import { EmbeddedShardLog } from '../../src/log/embedded/shard-log.js'
import { encodeContent } from '../../src/protocol/content.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { Bytes } from '../../src/std/bytes.js'
import { SYSTEM_CLOCK } from '../../src/std/clock.js'
import { SYSTEM_RANDOM } from '../../src/std/random.js'
import { EmbeddedMessageStore } from '../../src/storage/embedded/message-store.js'

const USERS = Number(process.env.USERS ?? 200)
/** Conversations of each user: in a ring, half with those before and half with those behind; 1: in pairs. */
const SPREAD = Number(process.env.SPREAD ?? 1)
const WINDOW = Number(process.env.WINDOW ?? 8)
const SECONDS = Number(process.env.SECONDS ?? 5)
const WARM_UP_SECONDS = Number(process.env.WARM_UP ?? 1.5)
const SHARDS = 256

interface Speaker {
  readonly ref: number
  readonly session: Session
  readonly target: ActorKey
  readonly frame: Bytes
  readonly nAt: number
  n: number
  due: number
}

class Ends implements GatewayEnd {
  readonly speakers: Speaker[] = []
  acked = 0
  delivered = 0
  welcomed = 0
  other = 0
  #dirty: Speaker[] = []
  say: (speaker: Speaker) => void = () => {}

  endSession(): void {}
  presence(): void {}

  answer(_connection: number, ref: number, _bytes: Bytes, start: number, end: number): void {
    if (end - start > 100 && this.welcomed < USERS) this.welcomed++
    else if (end - start > 100) this.other++
    else {
      this.acked++
      const place = ref % SPREAD
      const speaker = this.speakers[ref - place + ((place + WINDOW) % SPREAD)]!
      if (speaker.due++ === 0) this.#dirty.push(speaker)
      if (this.#dirty.length === 1) setImmediate(() => this.#go())
    }
  }

  #go(): void {
    const round = this.#dirty
    this.#dirty = []
    for (const speaker of round) {
      for (; speaker.due > 0; speaker.due--) this.say(speaker)
    }
  }

  unknown(): void {
    this.other++
  }

  deliver(_connections: ArrayLike<number>, count: number, what: { firstSeq: number; lastSeq: number }): void {
    this.delivered += count * (what.lastSeq - what.firstSeq + 1)
  }

  sessionsOf(): Iterable<Session> {
    return []
  }
}

const folder = mkdtempSync(join(tmpdir(), 'parley-core-'))
const data = await LogData.open(openNodeFolder(folder), { shardCount: SHARDS, writers: 1 })
const log = await EmbeddedShardLog.open(data.seedOf(0), { folder: openNodeFolder(folder), alarm: console.error })
const store = EmbeddedMessageStore.open(join(folder, 'store'))
const self = 'bench.0.1' as Address
const bus: Bus = { self, publish() {}, onMessage() {}, async [Symbol.asyncDispose]() {} }
const alarm = (facts: unknown) => console.error(facts)
const side = composeActors({
  bus,
  log,
  store,
  clock: SYSTEM_CLOCK,
  random: SYSTEM_RANDOM,
  shardCount: SHARDS,
  events: {
    served() {},
    committed() {},
    refused() {},
    steppedDown: alarm,
    appendRefused: alarm,
    logLostTail: alarm,
    takeOverTroubled: alarm,
    rowUnreadable: alarm,
    storeFailed: alarm,
  },
})
const ends = new Ends()
side.links.attach(ends)
for (let shard = 0; shard < SHARDS; shard++) side.place(shard as ShardId, self)
while (!side.host.isReady) await new Promise((resolve) => setTimeout(resolve, 10))

const app = 'bench' as AppId
const userOf = (index: number) => `u${((index + USERS) % USERS).toString().padStart(6, '0')}` as UserId
const peersOf = (index: number) =>
  SPREAD === 1 ? [index ^ 1] : Array.from({ length: SPREAD / 2 }, (_, at) => [index + at + 1, index - at - 1]).flat()
for (let index = 0; index < USERS; index++) {
  const user = userOf(index)
  const inbox = actorKey(app, ActorKind.inbox, user)
  const device = 'd' as DeviceId
  const session: Session = {
    connection: index + 1,
    app,
    user,
    device,
    inbox,
    laneNumber: 1,
    laneRandom: 5n,
    startedAt: 1,
    isHeard: true,
  }
  const content = encodeContent({ messageId: 1n, body: new Uint8Array(256) })
  for (const peer of peersOf(index)) {
    const conversation = directId(user, userOf(peer))
    const send = {
      kind: 'send',
      ref: 1,
      n: 0x1234567,
      conversationKind: ActorKind.direct,
      conversation,
      content,
    } as const
    const frame = Bytes.over(encodeFrame(send))
    let nAt = 0
    while (frame.view.getUint32(nAt, true) !== 0x1234567) nAt++
    const target = actorKey(app, ActorKind.direct, conversation)
    ends.speakers.push({ ref: ends.speakers.length, session, target, frame, nAt, n: 0, due: 0 })
  }
  const lane = { number: 0, random: 5n }
  const hello = Bytes.over(encodeFrame({ kind: 'hello', ref: 1, token: 't', device, lane }))
  side.links.command(session, inbox, 1, hello, 0, hello.size)
}
while (ends.welcomed < USERS) await new Promise((resolve) => setTimeout(resolve, 10))

ends.say = (speaker) => {
  speaker.frame.view.setUint32(speaker.nAt, ++speaker.n, true)
  if (!side.links.command(speaker.session, speaker.target, speaker.ref, speaker.frame, 0, speaker.frame.size))
    ends.other++
}
for (const speaker of ends.speakers) {
  if (SPREAD === 1) for (let at = 0; at < WINDOW; at++) ends.say(speaker)
  else if (speaker.ref % SPREAD < WINDOW) ends.say(speaker)
}
await new Promise((resolve) => setTimeout(resolve, WARM_UP_SECONDS * 1000))
const before = { acked: ends.acked, delivered: ends.delivered, cpu: process.cpuUsage(), at: performance.now() }
await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
const seconds = (performance.now() - before.at) / 1000
const acked = ends.acked - before.acked
const cpu = process.cpuUsage(before.cpu)
console.log(
  `${Math.round(acked / seconds)} acked/s, ${Math.round((ends.delivered - before.delivered) / seconds)} delivered/s, ` +
    `${((cpu.user + cpu.system) / acked).toFixed(2)} µs CPU each (${(cpu.user / acked).toFixed(2)} user), ` +
    `${ends.other} other answers, ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
)
rmSync(folder, { recursive: true })
process.exit(0)
