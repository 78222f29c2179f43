/**
 * The actors' side of one worker over the simulated log and store, with a gateway end that only remembers: for tests of
 * what a client would see, without sockets.
 */
import { type ActorsParts, composeActors } from '../../src/actors/composition.js'
import type { ActorsEvents } from '../../src/actors/events.js'
import type { Commands, Delivered, GatewayEnd, PresenceState, Session } from '../../src/actors/peers.js'
import {
  type ActorKey,
  ActorKind,
  type AppId,
  actorKey,
  type DeviceId,
  parseActorKey,
  type ShardId,
  shardOf,
  type UserId,
} from '../../src/domain/ids.js'
import type { RefusalName } from '../../src/domain/refusal.js'
import type { Address } from '../../src/log/bus.js'
import { decodeFrames } from '../../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame } from '../../src/protocol/encode.js'
import { Bytes } from '../../src/std/bytes.js'
import type { Clock } from '../../src/std/clock.js'
import { seededRandom } from '../../src/std/random.js'
import { Coverage } from '../sim/draw.js'
import { Host } from '../sim/host.js'
import { SimBus, SimBusNetwork } from '../sim/sim-bus.js'
import { SimLog } from '../sim/sim-log.js'
import { SimLogServer } from '../sim/sim-log-server.js'
import { SimStore, SimStoreServer } from '../sim/sim-store.js'
import { VirtualTime } from '../sim/virtual-time.js'

const APP = 'demo' as AppId
const SILENT: Omit<ActorsEvents, 'appendRefused'> = {
  served() {},
  steppedDown() {},
  committed() {},
  refused() {},
  logLostTail() {},
  takeOverTroubled() {},
  rowUnreadable({ cause }) {
    throw cause
  },
  storeFailed() {},
}

export type MakeEnd = (node: OneNode, commands: Commands, clock: Clock) => GatewayEnd

export type OneNodeOptions = Pick<ActorsParts, 'listLimits' | 'ownerSilenceMs'>

export class OneNode implements GatewayEnd {
  readonly time = new VirtualTime()
  readonly log: SimLogServer
  readonly store: SimStoreServer
  readonly shardCount = 4
  readonly sessions: Session[] = []
  readonly heard = new Map<number, DecodedFrame[]>()
  /** Sessions that their user's shard has ended: connection, why. */
  readonly states: PresenceState[] = []
  readonly ended: [number, RefusalName][] = []
  /** Batches that the log refused: a shard is out of service for each. */
  refusedCount = 0
  readonly #network: SimBusNetwork
  readonly #random = seededRandom(7)
  side = this.#placeholder()
  #life = 0

  readonly #endOf: MakeEnd
  readonly #options: OneNodeOptions

  /** `endOf` makes the gateway's end of each life; by default the node itself remembers what was heard. */
  constructor(endOf: MakeEnd = (node) => node, options: OneNodeOptions = {}) {
    this.#endOf = endOf
    this.#options = options
    const coverage = new Coverage()
    this.log = new SimLogServer(this.time, this.#random, coverage)
    this.store = new SimStoreServer(this.time, this.#random, coverage)
    this.#network = new SimBusNetwork(this.time, this.#random, coverage)
    this.side = this.start()
  }

  #placeholder() {
    return undefined as unknown as ReturnType<typeof composeActors>
  }

  /** A new life of the worker over the same log and store. */
  start() {
    const host = new Host(`n${++this.#life}`, this.time, (_, error) => {
      throw error
    })
    const address = `n.${this.#life}` as Address
    const side = composeActors({
      bus: new SimBus(address, host, this.#network),
      log: new SimLog(this.log, host),
      store: new SimStore(this.store, host),
      clock: host.clock,
      random: this.#random,
      events: { ...SILENT, appendRefused: () => this.refusedCount++ },
      shardCount: this.shardCount,
      ...this.#options,
    })
    side.links.attach(this.#endOf(this, side.links, host.clock))
    this.sessions.length = 0
    for (let shard = 0; shard < this.shardCount; shard++) side.place(shard as ShardId, address)
    this.side = side
    this.run(5_000)
    return side
  }

  presence(states: readonly PresenceState[]): void {
    this.states.push(...states)
  }

  endSession(connection: number, why: RefusalName): void {
    this.ended.push([connection, why])
  }

  run(ms: number): void {
    this.time.run(this.time.now + ms)
  }

  /** Says Hello with the given lane number and returns the session after Welcome. */
  connect(user: string, device: string, lane = { number: 0, random: 1n }): Session {
    const session: Session = {
      connection: this.sessions.length + 1 + this.#life * 1000,
      app: APP,
      user: user as UserId,
      device: device as DeviceId,
      inbox: actorKey(APP, ActorKind.inbox, user),
      laneNumber: 0,
      laneRandom: 0n,
      startedAt: 0,
      isHeard: false,
    }
    this.sessions.push(session)
    this.say(session, session.inbox, { kind: 'hello', ref: 1, token: 't', device, lane })
    this.run(100)
    const welcome = this.take(session).find((frame) => frame.kind === 'welcome')
    if (welcome?.kind === 'welcome') {
      session.laneNumber = welcome.lane.number
      session.laneRandom = welcome.lane.random
      session.startedAt = welcome.serverTime
      session.isHeard = true
      this.side.links.heard(session)
    }
    return session
  }

  say(session: Session, target: ActorKey, frame: EncodableFrame): void {
    const bytes = Bytes.over(encodeFrame(frame))
    const ref = 'ref' in frame ? frame.ref : 0
    this.side.links.command(session, target, ref, bytes, 0, bytes.size)
  }

  /** What the session heard since the last call. */
  take(session: Session): DecodedFrame[] {
    const frames = this.heard.get(session.connection) ?? []
    this.heard.delete(session.connection)
    return frames
  }

  answer(connection: number, _ref: number, bytes: Bytes, start: number, end: number): void {
    const known = this.heard.get(connection) ?? []
    this.heard.set(connection, [...known, ...decodeFrames(bytes.u8.slice(start, end))])
  }

  unknown(connection: number, ref: number): void {
    const known = this.heard.get(connection) ?? []
    const refusal = { kind: 'refusal', name: 'unknown-outcome', ref, n: 0, code: 1211 } as unknown as DecodedFrame
    this.heard.set(connection, [...known, refusal])
  }

  deliver(
    connections: ArrayLike<number>,
    count: number,
    { conversation }: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    // Steps of the inbox are left out: transcripts tell of timelines, worlds of lists.
    if (parseActorKey(conversation).kind === ActorKind.inbox) return
    for (let at = 0; at < count; at++) this.answer(connections[at]!, 0, bytes, start, end)
  }

  *sessionsOf(shard: number): Iterable<Session> {
    for (const session of this.sessions) if (shardOf(session.inbox, this.shardCount) === shard) yield session
  }
}
