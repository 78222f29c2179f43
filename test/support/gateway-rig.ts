/**
 * A gateway between sockets that a test holds by both ends and owners that answer when the test says so.
 */
import { SharedCounts } from '../../src/access/shared-counts.js'
import { SharedRates } from '../../src/access/shared-rates.js'
import { signToken } from '../../src/access/token.js'
import { WorkerAccess } from '../../src/access/worker-access.js'
import type { Commands, Session } from '../../src/actors/peers.js'
import { type ActorKey, ActorKind, actorKey } from '../../src/domain/ids.js'
import { LIMITS } from '../../src/domain/limits.js'
import { REFUSALS } from '../../src/domain/refusal.js'
import { Admission } from '../../src/gateway/admission.js'
import type { GatewayEvents } from '../../src/gateway/events.js'
import { Gateway } from '../../src/gateway/gateway.js'
import type { GatewayLimits } from '../../src/gateway/limits.js'
import type { Socket, Wire } from '../../src/gateway/socket-server.js'
import { encodeContent } from '../../src/protocol/content.js'
import { decodeFrame, decodeFrames } from '../../src/protocol/decode.js'
import type { DecodedFrame, EncodableFrame, EventFrame } from '../../src/protocol/decoded-frame.js'
import { encodeFrame, encodeFrames } from '../../src/protocol/encode.js'
import { Bytes } from '../../src/std/bytes.js'
import { seededRandom } from '../../src/std/random.js'
import { accessOfApps } from './attacks.js'
import { ManualClock } from './manual-clock.js'

export const SECRET = 'a secret of at least thirty-two bytes'

/** Longer than any of these tests takes. */
export const TOKEN_MS = 60 * 60_000

/** The client's end of a socket, and the kernel between. */
export class FakeSocket implements Socket {
  readonly remoteAddress = '127.0.0.1'
  readonly wire: Wire = 'fb'
  attachment: unknown
  /** WebSocket messages as they left. */
  readonly messages: Uint8Array[] = []
  /** The very views that `send` was given. */
  readonly views: Uint8Array[] = []
  closedWith: { code: number; reason: string } | 'aborted' | undefined
  isReading = true
  #unsentBytes = 0

  send(message: Uint8Array): boolean {
    this.views.push(message)
    this.messages.push(message.slice())
    if (!this.isReading) this.#unsentBytes += message.length
    return this.#unsentBytes === 0
  }

  unsentBytes(): number {
    return this.#unsentBytes
  }

  /** The peer reads again; `drained` is for the test to call. */
  read(bytes = this.#unsentBytes): void {
    this.#unsentBytes -= bytes
    this.isReading = this.#unsentBytes === 0
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason }
  }

  abort(): void {
    this.closedWith ??= 'aborted'
  }

  /** Everything that left since the last call, decoded. */
  frames(): DecodedFrame[] {
    return this.messages.splice(0).flatMap((message) => decodeFrames(message))
  }
}

export interface Command {
  readonly session: Session
  readonly target: ActorKey
  readonly ref: number
  readonly frame: DecodedFrame
}

export class FakeOwners implements Commands {
  readonly commands: Command[] = []
  readonly ended_: Session[] = []
  takes = true

  command(session: Session, target: ActorKey, ref: number, frame: Bytes, start: number, end: number): boolean {
    if (!this.takes) return false
    this.commands.push({ session, target, ref, frame: decodeFrame(frame.u8.slice(start, end)) })
    return true
  }

  readonly watched: [number, readonly ActorKey[]][] = []

  watch(shard: number, inboxes: readonly ActorKey[]): void {
    this.watched.push([shard, inboxes])
  }

  readonly heard_: Session[] = []

  heard(session: Session): void {
    this.heard_.push(session)
  }

  ended(session: Session): void {
    this.ended_.push(session)
  }
}

export class GatewayRig {
  readonly clock = new ManualClock()
  readonly owners = new FakeOwners()
  readonly logged: object[] = []
  readonly rates = new SharedRates(SharedRates.memory(0))
  readonly access = new WorkerAccess({
    rates: this.rates,
    limits: LIMITS,
    access: accessOfApps(undefined),
    secret: SECRET,
    isLoopbackOnly: false,
    now: () => this.clock.now(),
    keyWanted: () => {},
  })
  readonly gateway: Gateway
  #ref = 0

  constructor(limits: Partial<GatewayLimits> = {}, counts = new SharedCounts(SharedCounts.memory(1, 0), 0)) {
    this.gateway = new Gateway({
      commands: this.owners,
      admission: new Admission(this.clock, seededRandom(1)),
      clock: this.clock,
      random: seededRandom(1),
      verifyToken: this.access.verify,
      entrance: { refuses: () => undefined },
      counts,
      rates: this.rates,
      shardCount: 256,
      events: this.#events(),
      limits: { ...LIMITS, ...limits },
    })
  }

  /** How often each thing was counted, a refusal by its name. */
  readonly counted = new Map<string, number>()

  #events(): GatewayEvents {
    const log = (event: string) => (facts: object) => void this.logged.push({ event, ...facts })
    const count = (what: string) => () => void this.counted.set(what, (this.counted.get(what) ?? 0) + 1)
    return {
      lagging: log('lagging'),
      full: log('full'),
      drained: log('drained'),
      received: count('received'),
      refused: (refusal) => count(`refused ${refusal}`)(),
      delivered: count('delivered'),
      sent: count('sent'),
    }
  }

  token(user: string, device?: string): string {
    return signToken(SECRET, {
      app: 'app',
      user,
      ...(device !== undefined && { device }),
      issuedAt: this.clock.now(),
      expiresAt: this.clock.now() + TOKEN_MS,
    })
  }

  connect(): FakeSocket {
    const socket = new FakeSocket()
    this.gateway.opened(socket)
    return socket
  }

  /** As one WebSocket message; the bytes are spoilt afterwards, as a library that reuses its buffer would. */
  send(socket: FakeSocket, ...frames: readonly EncodableFrame[]): void {
    this.sendBytes(socket, encodeFrames(frames))
  }

  sendBytes(socket: FakeSocket, message: Uint8Array): void {
    const bytes = message.slice()
    this.gateway.received(socket, Bytes.over(bytes))
    bytes.fill(0xee)
  }

  hello(user: string, device = 'phone', ref = 1): EncodableFrame {
    return { kind: 'hello', ref, token: this.token(user), device, lane: { number: 0, random: 7n } }
  }

  /** A connection that has been welcomed; what it heard so far is forgotten. */
  welcomed(user: string, device = 'phone'): FakeSocket {
    const socket = this.connect()
    this.send(socket, this.hello(user, device))
    this.welcome(this.owners.commands.at(-1)!)
    this.clock.tick()
    socket.messages.length = 0
    socket.views.length = 0
    this.owners.commands.length = 0
    return socket
  }

  welcome({ session, ref }: Command, laneNumber = 5): void {
    const { app, user, device } = session
    const limits = LIMITS
    const lane = { number: laneNumber, random: 7n }
    this.answer(session.connection, ref, {
      kind: 'welcome',
      ref,
      app,
      user,
      device,
      lane,
      heartbeatMs: LIMITS.heartbeatMs,
      serverTime: 0,
      limits,
    })
  }

  answer(connection: number, ref: number, ...frames: readonly EncodableFrame[]): void {
    const bytes = Bytes.over(encodeFrames(frames))
    this.gateway.answer(connection, ref, bytes, 0, bytes.size)
    bytes.u8.fill(0xee)
  }

  /** Events of the group `conversation` from `firstSeq` to `lastSeq`, in one block. */
  deliver(to: readonly FakeSocket[], conversation: string, firstSeq: number, lastSeq = firstSeq, bodyBytes = 10): void {
    const seqs = Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => firstSeq + index)
    const block = Bytes.over(encodeFrames(seqs.map((seq) => eventFrame(conversation, seq, bodyBytes))))
    const numbers = to.map(numberOf)
    const what = { conversation: groupKey(conversation), firstSeq, lastSeq }
    this.gateway.deliver(numbers, numbers.length, what, block, 0, block.size)
    block.u8.fill(0xee)
  }

  sendFrame(conversation: string, n: number, ref = ++this.#ref): EncodableFrame {
    const content = encodeContent({ messageId: BigInt(n), body: new Uint8Array(20) })
    return { kind: 'send', ref, n, conversationKind: ActorKind.group, conversation, content }
  }
}

export function groupKey(conversation: string): ActorKey {
  return actorKey('app', ActorKind.group, conversation)
}

export function numberOf(socket: FakeSocket): number {
  return (socket.attachment as { number: number }).number
}

export function eventFrame(conversation: string, seq: number, bodyBytes = 10): EventFrame {
  return {
    kind: 'event',
    app: 'app',
    conversation,
    conversationKind: ActorKind.group,
    from: 'zoe',
    device: 'tv',
    seq,
    time: 1,
    ordinal: seq,
    memberSeq: 1,
    n: seq,
    laneRandom: 1n,
    lane: 1,
    incarnation: 1,
    hash: 0,
    eventKind: 1,
    users: [],
    content: encodeContent({ messageId: BigInt(seq), body: new Uint8Array(bodyBytes).fill(seq) }),
  }
}

/** One word per frame, for tests that compare what a client heard. */
export function inWords(frames: readonly DecodedFrame[]): string[] {
  return frames.map((frame) => {
    switch (frame.kind) {
      case 'event':
        return `${frame.conversation}#${frame.seq}`
      case 'skip':
        return `${frame.conversation}#${frame.from}-${frame.to} skipped, ref ${frame.ref}`
      case 'refusal':
        return `refusal ${frame.ref} ${frame.name}`
      case 'ack':
        return `ack ${frame.ref}`
      default:
        return 'ref' in frame ? `${frame.kind} ${frame.ref}` : frame.kind
    }
  })
}

export function closeCodeOf(name: keyof typeof REFUSALS): number {
  return 3000 + REFUSALS[name].wire
}

export function oneFrame(frame: EncodableFrame): Uint8Array {
  return encodeFrame(frame).slice()
}
