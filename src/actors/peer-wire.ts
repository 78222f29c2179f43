/**
 * The calls of owner-link.ts as bytes on the bus (schemas/peer.fbs), for owners and gateway workers in other workers
 * and on other nodes. Entries for one address travel together, one bus message per tick.
 */
import {
  type ActorKey,
  ActorKind,
  type ActorName,
  type AppId,
  actorKey,
  type DeviceId,
  type UserId,
} from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Address, Bus } from '../log/bus.js'
import { align8, Bytes, GrowingBytes, readU53, writeU53 } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { GatewayHandle, Generation, LinkPlace, Origin, OwnerHandle, Target } from './owner-link.js'
import type { Delivered, Session } from './peers.js'

const HEAD_BYTES = 64

const Kind = {
  openLink: 1,
  linkOpened: 2,
  linkBroken: 3,
  command: 4,
  answer: 5,
  tell: 6,
  deliver: 7,
  sessions: 8,
  sessionEnded: 9,
  unknown: 10,
} as const

const AT = {
  kind: 0,
  actorKind: 1,
  shard: 2,
  epoch: 4,
  incarnation: 8,
  link: 12,
  k: 16,
  connection: 24,
  lane: 28,
  laneRandom: 32,
  firstSeq: 40,
  lastSeq: 48,
  textBytes: 56,
  bytes: 60,
} as const

const utf8 = new TextEncoder()
const decoder = new TextDecoder()
const NO_BYTES = Bytes.ofSize(0)
const SEPARATOR = '\u0001' // between lists of texts; ids hold no control characters, keys only U+0000 and U+001F

interface Head {
  readonly kind: number
  readonly shard?: number
  readonly link?: number
  readonly epoch?: number
  readonly incarnation?: number
  readonly k?: number
  readonly connection?: number
  readonly session?: Session
  readonly what?: Delivered
  readonly text?: string
}

/** Collects entries per address and hands them to the bus at the end of the tick. */
class Outboxes {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #open = new Map<Address, GrowingBytes>()
  #isScheduled = false

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
  }

  add(to: Address, head: Head, bytes: Bytes, start: number, end: number): void {
    const out = this.#outbox(to)
    const text = head.text === undefined ? NO_BYTES.u8 : utf8.encode(head.text)
    const at = out.reserve(HEAD_BYTES + align8(text.length + end - start))
    writeHead(out.bytes, at, head, text.length, end - start)
    out.bytes.u8.set(text, at + HEAD_BYTES)
    out.bytes.u8.set(bytes.u8.subarray(start, end), at + HEAD_BYTES + text.length)
    if (out.size >= LIMITS.messageBytesMax) this.#flush()
  }

  #outbox(to: Address): GrowingBytes {
    let out = this.#open.get(to)
    if (out === undefined) {
      out = new GrowingBytes(4096)
      this.#open.set(to, out)
    }
    if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#clock.soon(() => {
        this.#isScheduled = false
        this.#flush()
      })
    }
    return out
  }

  #flush(): void {
    for (const [to, out] of this.#open) this.#bus.publish(to, out.written())
    this.#open.clear() // the bus owns those buffers now
  }
}

function writeHead({ u8, view }: Bytes, at: number, head: Head, textBytes: number, bytes: number): void {
  u8[at + AT.kind] = head.kind
  view.setUint16(at + AT.shard, head.shard ?? 0, true)
  view.setUint32(at + AT.epoch, head.epoch ?? 0, true)
  view.setUint32(at + AT.incarnation, head.incarnation ?? 0, true)
  view.setUint32(at + AT.link, head.link ?? 0, true)
  writeU53(view, at + AT.k, head.k ?? 0)
  view.setUint32(at + AT.connection, head.session?.connection ?? head.connection ?? 0, true)
  view.setUint32(at + AT.lane, head.session?.laneNumber ?? 0, true)
  view.setBigUint64(at + AT.laneRandom, head.session?.laneRandom ?? 0n, true)
  writeU53(view, at + AT.firstSeq, head.what?.firstSeq ?? 0)
  writeU53(view, at + AT.lastSeq, head.what?.lastSeq ?? 0)
  view.setUint32(at + AT.textBytes, textBytes, true)
  view.setUint32(at + AT.bytes, bytes, true)
}

function textOf(session: Session): string {
  return `${session.app}${SEPARATOR}${session.user}${SEPARATOR}${session.device}`
}

class RemoteGateway implements GatewayHandle {
  readonly address: Address
  readonly #out: Outboxes

  constructor(address: Address, out: Outboxes) {
    this.address = address
    this.#out = out
  }

  linkOpened(shard: number, link: number, epoch: number, incarnation: number): void {
    this.#out.add(this.address, { kind: Kind.linkOpened, shard, link, epoch, incarnation }, NO_BYTES, 0, 0)
  }

  linkBroken(shard: number, link: number): void {
    this.#out.add(this.address, { kind: Kind.linkBroken, shard, link }, NO_BYTES, 0, 0)
  }

  answer(shard: number, link: number, k: number, bytes: Bytes, start: number, end: number): void {
    this.#out.add(this.address, { kind: Kind.answer, shard, link, k }, bytes, start, end)
  }

  unknown(shard: number, link: number, k: number): void {
    this.#out.add(this.address, { kind: Kind.unknown, shard, link, k }, NO_BYTES, 0, 0)
  }

  deliver(
    connections: ArrayLike<number>,
    count: number,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    const list = Array.prototype.slice.call(connections, 0, count).join(',')
    const text = `${what.conversation}${SEPARATOR}${list}`
    this.#out.add(this.address, { kind: Kind.deliver, what, text }, bytes, start, end)
  }
}

class RemoteOwner implements OwnerHandle {
  readonly address: Address
  readonly #out: Outboxes

  constructor(address: Address, out: Outboxes) {
    this.address = address
    this.#out = out
  }

  openLink(_from: GatewayHandle, shard: number, link: number, known: Generation): void {
    const { epoch, logIncarnation: incarnation } = known
    this.#out.add(this.address, { kind: Kind.openLink, shard, link, epoch, incarnation }, NO_BYTES, 0, 0)
  }

  command(
    _from: GatewayHandle,
    shard: number,
    place: LinkPlace,
    session: Session,
    target: Target,
    frame: Bytes,
    start: number,
    end: number,
  ): void {
    const text = `${textOf(session)}${SEPARATOR}${target.name.kind}${SEPARATOR}${target.name.id}`
    this.#out.add(this.address, { kind: Kind.command, shard, ...place, session, text }, frame, start, end)
  }

  sessions(_from: GatewayHandle, shard: number, sessions: readonly Session[]): void {
    const text = sessions.map((session) => `${session.connection}${SEPARATOR}${textOf(session)}`).join('\n')
    this.#out.add(this.address, { kind: Kind.sessions, shard, text }, NO_BYTES, 0, 0)
  }

  sessionEnded(_from: GatewayHandle, shard: number, session: Session): void {
    this.#out.add(this.address, { kind: Kind.sessionEnded, shard, session, text: textOf(session) }, NO_BYTES, 0, 0)
  }

  tell(
    inboxes: readonly string[],
    except: Origin | undefined,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    const text = [what.conversation, except?.address ?? '', ...inboxes].join(SEPARATOR)
    this.#out.add(this.address, { kind: Kind.tell, connection: except?.connection ?? 0, what, text }, bytes, start, end)
  }
}

export interface PeerEnds {
  readonly owner: OwnerHandle
  readonly gateway: GatewayHandle
}

/** This worker on the bus: stubs for others, and the dispatch of what they send. */
export class PeerWire {
  readonly #ends: PeerEnds
  readonly #out: Outboxes
  readonly #gateways = new Map<Address, RemoteGateway>()
  readonly #owners = new Map<Address, RemoteOwner>()
  /** Sessions of other workers by address and connection, so that one session stays one object. */
  readonly #sessions = new Map<string, { readonly text: string; readonly session: Session }>()

  constructor(bus: Bus, clock: Clock, ends: PeerEnds) {
    this.#ends = ends
    this.#out = new Outboxes(bus, clock)
    bus.onMessage((from, bytes) => this.#receive(from, Bytes.over(bytes)))
  }

  ownerAt(address: Address): OwnerHandle {
    let owner = this.#owners.get(address)
    if (owner === undefined) {
      owner = new RemoteOwner(address, this.#out)
      this.#owners.set(address, owner)
    }
    return owner
  }

  #gatewayAt(address: Address): RemoteGateway {
    let gateway = this.#gateways.get(address)
    if (gateway === undefined) {
      gateway = new RemoteGateway(address, this.#out)
      this.#gateways.set(address, gateway)
    }
    return gateway
  }

  /** A worker's life is over: its stubs and sessions go. */
  forget(address: Address): void {
    this.#gateways.delete(address)
    this.#owners.delete(address)
    for (const id of this.#sessions.keys()) if (id.startsWith(`${address} `)) this.#sessions.delete(id)
  }

  #receive(from: Address, bytes: Bytes): void {
    let at = 0
    while (at < bytes.size) {
      const textEnd = at + HEAD_BYTES + bytes.view.getUint32(at + AT.textBytes, true)
      const end = textEnd + bytes.view.getUint32(at + AT.bytes, true)
      const text = decoder.decode(bytes.u8.subarray(at + HEAD_BYTES, textEnd))
      this.#dispatch(from, bytes, at, text, textEnd, end)
      at += HEAD_BYTES + align8(end - at - HEAD_BYTES)
    }
  }

  #dispatch(from: Address, bytes: Bytes, at: number, text: string, start: number, end: number): void {
    const { u8, view } = bytes
    const { owner, gateway } = this.#ends
    const shard = view.getUint16(at + AT.shard, true)
    const link = view.getUint32(at + AT.link, true)
    const epoch = view.getUint32(at + AT.epoch, true)
    const logIncarnation = view.getUint32(at + AT.incarnation, true)
    const k = readU53(view, at + AT.k)
    switch (u8[at + AT.kind]) {
      case Kind.openLink:
        return owner.openLink(this.#gatewayAt(from), shard, link, { epoch, logIncarnation })
      case Kind.linkOpened:
        return gateway.linkOpened(shard, link, epoch, logIncarnation)
      case Kind.linkBroken:
        return gateway.linkBroken(shard, link)
      case Kind.answer:
        return gateway.answer(shard, link, k, bytes, start, end)
      case Kind.unknown:
        return gateway.unknown(shard, link, k)
      case Kind.command: {
        const parts = text.split(SEPARATOR)
        const session = this.#sessionOf(from, bytes, at, parts)
        const target = targetOf(session.app, Number(parts[3]) as ActorKind, parts[4]!, shard)
        return owner.command(this.#gatewayAt(from), shard, { link, epoch, k }, session, target, bytes, start, end)
      }
      case Kind.sessions: {
        const sessions = text === '' ? [] : text.split('\n').map(sessionOfLine)
        return owner.sessions(this.#gatewayAt(from), shard, sessions)
      }
      case Kind.sessionEnded: {
        const session = this.#sessionOf(from, bytes, at, text.split(SEPARATOR))
        this.#sessions.delete(`${from} ${session.connection}`)
        return owner.sessionEnded(this.#gatewayAt(from), shard, session)
      }
      case Kind.tell: {
        const [conversation, address, ...inboxes] = text.split(SEPARATOR)
        const connection = view.getUint32(at + AT.connection, true)
        const except = connection === 0 ? undefined : { address: address as Address, connection }
        return owner.tell(inboxes, except, deliveredOf(view, at, conversation as ActorKey), bytes, start, end)
      }
      case Kind.deliver: {
        const [conversation, list] = text.split(SEPARATOR)
        const connections = list!.split(',').map(Number)
        const what = deliveredOf(view, at, conversation as ActorKey)
        return gateway.deliver(connections, connections.length, what, bytes, start, end)
      }
      // A kind newer than this build: nothing that matters relies on one message.
    }
  }

  #sessionOf(from: Address, bytes: Bytes, at: number, parts: readonly string[]): Session {
    const { view } = bytes
    const connection = view.getUint32(at + AT.connection, true)
    const laneNumber = view.getUint32(at + AT.lane, true)
    const laneRandom = view.getBigUint64(at + AT.laneRandom, true)
    const id = `${from} ${connection}`
    const text = `${parts[0]}${SEPARATOR}${parts[1]}${SEPARATOR}${parts[2]}`
    let known = this.#sessions.get(id)
    if (known === undefined || known.text !== text) {
      known = { text, session: newSession(connection, parts[0]!, parts[1]!, parts[2]!) }
      if (this.#sessions.size >= SESSIONS_MAX) this.#sessions.clear()
      this.#sessions.set(id, known)
    }
    known.session.laneNumber = laneNumber
    known.session.laneRandom = laneRandom
    return known.session
  }
}

const SESSIONS_MAX = 100_000

function newSession(connection: number, app: string, user: string, device: string): Session {
  return {
    connection,
    app: app as AppId,
    user: user as UserId,
    device: device as DeviceId,
    inbox: actorKey(app, ActorKind.inbox, user),
    laneNumber: 0,
    laneRandom: 0n,
  }
}

function sessionOfLine(line: string): Session {
  const [connection, app, user, device] = line.split(SEPARATOR)
  return newSession(Number(connection), app!, user!, device!)
}

function targetOf(app: AppId, kind: ActorKind, id: string, shard: number): Target {
  const name: ActorName = { app, kind, id }
  return { key: actorKey(app, kind, id), name, shard }
}

function deliveredOf(view: DataView, at: number, conversation: ActorKey): Delivered {
  return {
    conversation,
    firstSeq: readU53(view, at + AT.firstSeq),
    lastSeq: readU53(view, at + AT.lastSeq),
  }
}
