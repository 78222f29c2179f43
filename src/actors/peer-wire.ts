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
import { refusalOfWire } from '../domain/refusal.js'
import type { Address, Bus } from '../log/bus.js'
import { align8, Bytes, readU53 } from '../std/bytes.js'
import type { Clock } from '../std/clock.js'
import type { EventsAsked, EventsWanted, GatewayHandle, OwnerHandle, TakenHead, Target } from './owner-link.js'
import { type ListItem, ReceivedLists, SentLists } from './peer-lists.js'
import { AT, HEAD_BYTES, Kind, NO_BYTES, Outboxes, SEPARATOR } from './peer-outbox.js'
import { type Delivered, FIRST_REQUEST, type PresenceState, type Session } from './peers.js'
import { RemoteGateway, RemoteOwner } from './remote-peers.js'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export interface PeerEnds {
  readonly owner: OwnerHandle
  readonly gateway: GatewayHandle
}

interface PeerLists {
  readonly sent: SentLists
  readonly received: ReceivedLists
}

/** This worker on the bus: stubs for others, and the dispatch of what they send. */
export class PeerWire {
  readonly #ends: PeerEnds
  readonly #out: Outboxes
  readonly #gateways = new Map<Address, RemoteGateway>()
  readonly #owners = new Map<Address, RemoteOwner>()
  /** Sessions of other workers by address and connection, so that one session stays one object. */
  readonly #sessions = new Map<string, { readonly text: string; readonly session: Session }>()

  readonly #lists = new Map<Address, PeerLists>()

  constructor(bus: Bus, clock: Clock, ends: PeerEnds) {
    this.#ends = ends
    this.#out = new Outboxes(bus, clock)
    bus.onMessage((from, bytes) => this.#receive(from, Bytes.over(bytes)))
  }

  ownerAt(address: Address): OwnerHandle {
    let owner = this.#owners.get(address)
    if (owner === undefined) {
      owner = new RemoteOwner(address, this.#out, this.#listsOf(address).sent)
      this.#owners.set(address, owner)
    }
    return owner
  }

  #gatewayAt(address: Address): RemoteGateway {
    let gateway = this.#gateways.get(address)
    if (gateway === undefined) {
      gateway = new RemoteGateway(address, this.#out, this.#listsOf(address).sent)
      this.#gateways.set(address, gateway)
    }
    return gateway
  }

  #listsOf(address: Address): PeerLists {
    let lists = this.#lists.get(address)
    if (lists === undefined) {
      lists = { sent: new SentLists(), received: new ReceivedLists() }
      this.#lists.set(address, lists)
    }
    return lists
  }

  /** One that is not known is asked for again, with what comes next; what named it is lost, as on any bus. */
  #listOf(from: Address, link: number): readonly ListItem[] | undefined {
    const list = this.#listsOf(from).received.get(link)
    if (list === undefined) this.#out.add(from, { kind: Kind.listUnknown, link }, NO_BYTES, 0, 0)
    return list
  }

  /** A worker's life is over: its stubs and sessions go. */
  forget(address: Address): void {
    this.#gateways.delete(address)
    this.#owners.delete(address)
    this.#lists.delete(address)
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
      case Kind.sessionHeard: {
        const session = this.#sessionOf(from, bytes, at, text.split(SEPARATOR))
        return owner.sessionHeard(this.#gatewayAt(from), shard, session)
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
      case Kind.list:
        return this.#listsOf(from).received.take({ shard, link, epoch, text })
      case Kind.listUnknown:
        return this.#listsOf(from).sent.unknown(link)
      case Kind.tellList: {
        const inboxes = this.#listOf(from, link) as readonly string[] | undefined
        const [conversation, address] = text.split(SEPARATOR)
        const connection = view.getUint32(at + AT.connection, true)
        const except = connection === 0 ? undefined : { address: address as Address, connection }
        if (inboxes === undefined) return
        return owner.tell(inboxes, except, deliveredOf(view, at, conversation as ActorKey), bytes, start, end)
      }
      case Kind.deliverList: {
        const connections = this.#listOf(from, link) as readonly number[] | undefined
        if (connections === undefined) return
        return gateway.deliver(
          connections,
          connections.length,
          deliveredOf(view, at, text as ActorKey),
          bytes,
          start,
          end,
        )
      }
      case Kind.endSession: {
        const why = refusalOfWire(link)
        if (why === undefined) return // newer than this build
        return gateway.endSession(view.getUint32(at + AT.connection, true), why, k)
      }
      case Kind.watch:
        return owner.watch(this.#gatewayAt(from), shard, (text === '' ? [] : text.split(SEPARATOR)) as ActorKey[])
      case Kind.presence:
        return gateway.presence(text.split('\n').map(presenceOfLine))
      case Kind.signOut: {
        const [inbox, device] = text.split(SEPARATOR)
        return owner.signOut(inbox as ActorKey, device === '' ? undefined : device)
      }
      case Kind.heads: {
        const route = { fromShard: link, toShard: shard, epoch, logIncarnation, k }
        return owner.heads(this.ownerAt(from), route, bytes, start, end)
      }
      case Kind.headsTaken:
        return owner.headsTaken({ fromShard: link, toShard: shard, epoch, logIncarnation, k })
      case Kind.askHeads: {
        const [user, ...keys] = text.split(SEPARATOR)
        const question = { fromShard: link, toShard: shard, k }
        return owner.askHeads(this.ownerAt(from), question, user as UserId, keys as ActorKey[])
      }
      case Kind.headsTold: {
        const heads = text === '' ? [] : text.split('\n').map(headOfLine)
        return owner.headsTold({ fromShard: link, toShard: shard, k }, heads)
      }
      case Kind.askEvents:
        return owner.askEvents(this.ownerAt(from), { fromShard: link, toShard: shard, k }, eventsAskedOf(text))
      case Kind.eventsTold:
        return owner.eventsTold({ fromShard: link, toShard: shard, k }, bytes, start, end)
      case Kind.askOnline:
        return owner.askOnline(this.ownerAt(from), text as ActorKey)
      case Kind.onlineTold:
        return owner.onlineTold(this.ownerAt(from), text as ActorKey, k)
      case Kind.askJoins: {
        const [conversation, memberSeq, ...users] = text.split(SEPARATOR)
        const question = { fromShard: link, toShard: shard, k }
        const asked = { conversation: conversation as ActorKey, memberSeq: Number(memberSeq), users: users as UserId[] }
        return owner.askJoins(this.ownerAt(from), question, asked)
      }
      case Kind.joinsTold: {
        const full = text === '' ? [] : text.split(SEPARATOR)
        return owner.joinsTold({ fromShard: link, toShard: shard, k }, full as UserId[])
      }
      // A kind newer than this build: nothing that matters relies on one message.
    }
  }

  #sessionOf(from: Address, bytes: Bytes, at: number, parts: readonly string[]): Session {
    const { view } = bytes
    const connection = view.getUint32(at + AT.connection, true)
    const laneNumber = view.getUint32(at + AT.lane, true)
    const laneRandom = view.getBigUint64(at + AT.laneRandom, true)
    if (connection >= FIRST_REQUEST) {
      return { ...newSession(connection, parts[0]!, parts[1]!, parts[2]!), laneNumber, laneRandom }
    }
    const id = `${from} ${connection}`
    const text = `${parts[0]}${SEPARATOR}${parts[1]}${SEPARATOR}${parts[2]}`
    let known = this.#sessions.get(id)
    if (known === undefined || known.text !== text) {
      known = { text, session: newSession(connection, parts[0]!, parts[1]!, parts[2]!) }
      if (this.#sessions.size >= SESSIONS_MAX) this.#sessions.clear()
      this.#sessions.set(id, known)
    }
    // A late copy of its Hello knows no lane yet, and commands that wait hold this very session.
    if (laneNumber !== 0) {
      known.session.laneNumber = laneNumber
      known.session.laneRandom = laneRandom
    }
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
    startedAt: 0,
    isHeard: false,
  }
}

function sessionOfLine(line: string): Session {
  const [connection, lane, startedAt, isHeard, app, user, device] = line.split(SEPARATOR)
  const session = newSession(Number(connection), app!, user!, device!)
  session.laneNumber = Number(lane)
  session.startedAt = Number(startedAt)
  session.isHeard = isHeard === '1'
  return session
}

function presenceOfLine(line: string): PresenceState {
  const [inbox, isOnline, lastSeen] = line.split(SEPARATOR)
  return { inbox: inbox as ActorKey, isOnline: isOnline === '1', lastSeen: Number(lastSeen) }
}

function headOfLine(line: string): TakenHead {
  const [conversation, head, ordinal, time] = line.split(SEPARATOR)
  return { conversation: conversation as ActorKey, head: Number(head), ordinal: Number(ordinal), time: Number(time) }
}

function eventsAskedOf(text: string): EventsAsked {
  const [user, countMax, bytesMax, ...each] = text.split(SEPARATOR)
  const wanted: EventsWanted[] = []
  for (let at = 0; at + 1 < each.length; at += 2) {
    wanted.push({ conversation: each[at] as ActorKey, after: Number(each[at + 1]) })
  }
  return { user: user as UserId, countMax: Number(countMax), bytesMax: Number(bytesMax), wanted }
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
