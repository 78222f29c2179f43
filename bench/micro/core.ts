/**
 * The core without sockets: 100 pairs, both sides send with a window of 8, 256-byte bodies, through links, actors, WAL
 * with fdatasync, fan-out and LMDB in one thread. Prints messages per second and CPU per message: what is left of the
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

const PAIRS = Number(process.env.PAIRS ?? 100)
const WINDOW = Number(process.env.WINDOW ?? 8)
const SECONDS = Number(process.env.SECONDS ?? 5)
const SHARDS = 256

interface Speaker {
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

  answer(connection: number, _ref: number, _bytes: Bytes, start: number, end: number): void {
    if (end - start > 100 && this.welcomed < PAIRS * 2) this.welcomed++
    else if (end - start > 100) this.other++
    else {
      this.acked++
      const speaker = this.speakers[connection - 1]!
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
    rowUnreadable: alarm,
    storeFailed: alarm,
  },
})
const ends = new Ends()
side.links.attach(ends)
for (let shard = 0; shard < SHARDS; shard++) side.place(shard as ShardId, self)
while (!side.host.isReady) await new Promise((resolve) => setTimeout(resolve, 10))

const app = 'bench' as AppId
for (let pair = 0; pair < PAIRS; pair++) {
  const users = [`u${pair}a`, `u${pair}b`] as UserId[]
  const id = directId(users[0]!, users[1]!)
  for (const user of users) {
    const inbox = actorKey(app, ActorKind.inbox, user)
    const connection = ends.speakers.length + 1
    const device = 'd' as DeviceId
    const session: Session = { connection, app, user, device, inbox, laneNumber: 1, laneRandom: 5n }
    const content = encodeContent({ messageId: 1n, body: new Uint8Array(256) })
    const send = {
      kind: 'send',
      ref: 1,
      n: 0x1234567,
      conversationKind: ActorKind.direct,
      conversation: id,
      content,
    } as const
    const frame = Bytes.over(encodeFrame(send))
    let nAt = 0
    while (frame.view.getUint32(nAt, true) !== 0x1234567) nAt++
    ends.speakers.push({ session, target: actorKey(app, ActorKind.direct, id), frame, nAt, n: 0, due: 0 })
    const lane = { number: 0, random: 5n }
    const hello = Bytes.over(encodeFrame({ kind: 'hello', ref: 1, token: 't', device, lane }))
    side.links.command(session, inbox, 1, hello, 0, hello.size)
  }
}
while (ends.welcomed < PAIRS * 2) await new Promise((resolve) => setTimeout(resolve, 10))

ends.say = (speaker) => {
  speaker.frame.view.setUint32(speaker.nAt, ++speaker.n, true)
  if (!side.links.command(speaker.session, speaker.target, 1, speaker.frame, 0, speaker.frame.size)) ends.other++
}
for (const speaker of ends.speakers) for (let at = 0; at < WINDOW; at++) ends.say(speaker)
await new Promise((resolve) => setTimeout(resolve, 1500))
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
