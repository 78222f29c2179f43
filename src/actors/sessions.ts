/**
 * Which connections of which gateway workers belong to a user, for the user shards of this worker. Soft state: gateway
 * workers register again on every change of an owner's epoch and in a digest (rules §11); one that sends none has no
 * sessions, after a while.
 *
 * A device has one session: the newest that was heard of since its Welcome ends those before it (ADR 93). What tells it
 * may be lost; the next digest brings the old session again, and it is told again.
 */
import type { ActorKey } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Bytes } from '../std/bytes.js'
import { fixedList, isFixed, predecessorOf } from './fixed-list.js'
import type { GatewayHandle, Origin } from './owner-link.js'
import type { Delivered, Session } from './peers.js'

/** One session. Those of a user are a chain, because nearly every user has one or two and there are many users. */
interface Entry {
  readonly gateway: GatewayHandle
  readonly connection: number
  readonly shard: number
  readonly device: string
  lane: number
  /** 0: its Hello was not decided here, nor its gateway told. */
  startedAt: number
  /** See Session. */
  isHeard: boolean
  next: Entry | undefined
}

/** What a gateway worker has said of one shard. */
interface Registration {
  readonly address: string
  readonly shard: number
  /** The sweep in which it did so last. */
  sweep: number
}

export interface SessionsParts {
  /** A user's first session began, or the last one ended. */
  changed(inbox: ActorKey): void
  /** A digest tells of a session that nobody knew: what its user was told meanwhile has not reached it. */
  found(shard: number, inbox: ActorKey): void
}

/** The sessions of a fixed list of inboxes, by gateway worker: fixed lists as well. */
interface Groups {
  readonly version: number
  readonly connections: ReadonlyMap<GatewayHandle, readonly number[]>
}

const NONE: ReadonlySet<number> = new Set()
/** Sweeps, of one second each, after which a gateway worker that sent no digest has no sessions: five lost ones. */
const SILENT_SWEEPS_MAX = 30

export class Sessions {
  readonly #byInbox = new Map<string, Entry>()
  readonly #byShard = new Map<number, Set<string>>()
  /** Scratch of one tell: per gateway worker the connections it should deliver to. */
  readonly #gateways: GatewayHandle[] = []
  readonly #connections: number[][] = []
  readonly #parts: SessionsParts
  readonly #registrations = new Map<string, Registration>()
  #sweep = 0
  /** Changes whenever a session comes or goes. */
  #version = 0
  readonly #groups = new WeakMap<readonly string[], Groups>()

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** A Hello was decided. `startedAt`: see startOf. */
  add(gateway: GatewayHandle, shard: number, session: Session, place: { lane: number; startedAt: number }): void {
    const entry = this.#find(gateway, session) ?? this.#enter(gateway, shard, session)
    Object.assign(entry, place)
    if (!this.#registrations.has(registrationOf(gateway.address, shard))) this.#register(gateway.address, shard)
  }

  #find(gateway: GatewayHandle, { inbox, connection }: Session): Entry | undefined {
    for (let entry = this.#byInbox.get(inbox); entry !== undefined; entry = entry.next) {
      if (entry.connection === connection && entry.gateway.address === gateway.address) return entry
    }
    return undefined
  }

  #enter(gateway: GatewayHandle, shard: number, session: Session): Entry {
    const { inbox, connection, device, laneNumber: lane, startedAt, isHeard } = session
    const next = this.#byInbox.get(inbox)
    const entry = { gateway, connection, shard, device, lane, startedAt, isHeard, next }
    this.#byInbox.set(inbox, entry)
    this.#version++
    if (next !== undefined) return entry
    this.#inboxesOf(shard).add(inbox)
    this.#parts.changed(inbox)
    return entry
  }

  #register(address: string, shard: number): void {
    this.#registrations.set(registrationOf(address, shard), { address, shard, sweep: this.#sweep })
  }

  /** The device has said something since its Welcome. */
  heard(gateway: GatewayHandle, session: Session): void {
    const entry = this.#find(gateway, session)
    if (entry === undefined) return
    entry.isHeard = true
    this.#settle(session.inbox)
  }

  /** Once a second. */
  sweep(): void {
    this.#sweep++
    for (const [key, { address, shard, sweep }] of this.#registrations) {
      if (this.#sweep - sweep < SILENT_SWEEPS_MAX) continue
      this.#registrations.delete(key)
      this.#dropAll(address, shard, NONE)
    }
  }

  /** When a session of this device starts that begins now: after all that are known. */
  startOf({ inbox, device }: Session, now: number): number {
    let startedAt = now
    for (let entry = this.#byInbox.get(inbox); entry !== undefined; entry = entry.next) {
      if (entry.device === device) startedAt = Math.max(startedAt, entry.startedAt + 1)
    }
    return startedAt
  }

  /** Ends every session of the user that a newer one of the same device has replaced. */
  #settle(inbox: string): void {
    const first = this.#byInbox.get(inbox)
    if (first?.next === undefined) return
    for (let entry: Entry | undefined = first; entry !== undefined; entry = entry.next) {
      const newer = this.#newerThan(entry, first)
      if (newer !== undefined) this.#end(inbox, entry, 'replaced', newer.lane)
    }
  }

  /** Ends the sessions of one device, or of all. */
  signOut(inbox: string, device: string | undefined): void {
    for (let entry = this.#byInbox.get(inbox); entry !== undefined; entry = entry.next) {
      if (device === undefined || entry.device === device) this.#end(inbox, entry, 'signed-out', 0)
    }
  }

  #end(inbox: string, entry: Entry, why: RefusalName, lane: number): void {
    this.#drop(inbox, (each) => each === entry)
    entry.gateway.endSession(entry.connection, why, lane)
  }

  #newerThan({ device, startedAt, gateway, connection }: Entry, first: Entry): Entry | undefined {
    if (startedAt === 0) return undefined
    for (let other: Entry | undefined = first; other !== undefined; other = other.next) {
      if (other.device !== device || !other.isHeard || other.startedAt < startedAt) continue
      if (other.startedAt > startedAt) return other
      // Given by owners that did not know of each other: any order will do that is the same everywhere.
      const order = other.connection - connection || (other.gateway.address < gateway.address ? -1 : 1)
      if (order > 0 && !(other.connection === connection && other.gateway === gateway)) return other
    }
    return undefined
  }

  remove(gateway: GatewayHandle, session: Session): void {
    const gone = this.#find(gateway, session)
    if (gone !== undefined) this.#drop(session.inbox, (entry) => entry === gone)
  }

  /** Exactly these sessions of the gateway worker are open in the shard. */
  replace(gateway: GatewayHandle, shard: number, sessions: readonly Session[]): void {
    this.#register(gateway.address, shard)
    const open = new Set<number>()
    for (const session of sessions) {
      open.add(session.connection)
      this.#confirm(gateway, shard, session)
      this.#settle(session.inbox)
    }
    this.#dropAll(gateway.address, shard, open)
  }

  #confirm(gateway: GatewayHandle, shard: number, session: Session): void {
    const entry = this.#find(gateway, session)
    if (entry === undefined) {
      this.#enter(gateway, shard, session)
      return this.#parts.found(shard, session.inbox)
    }
    const { startedAt, laneNumber: lane, isHeard } = session
    if (startedAt > 0) Object.assign(entry, { lane, startedAt })
    if (isHeard) entry.isHeard = true
  }

  #dropAll(address: string, shard: number, open: ReadonlySet<number>): void {
    const isGone = (entry: Entry) => entry.gateway.address === address && !open.has(entry.connection)
    for (const inbox of this.#inboxesOf(shard)) this.#drop(inbox, isGone)
  }

  /** Somebody is connected. */
  has(inbox: string): boolean {
    return this.#byInbox.has(inbox)
  }

  /** Those of a shard with sessions. */
  inboxesOf(shard: number): readonly string[] {
    return [...this.#inboxesOf(shard)]
  }

  /** Hands frames of the inbox itself to its sessions. A connection that lags hears where the inbox stands once it keeps up again. */
  tellInbox(inbox: ActorKey, bytes: Bytes, start: number, end: number): void {
    this.tell([inbox], undefined, { conversation: inbox, firstSeq: 0, lastSeq: 0 }, bytes, start, end)
  }

  forgetShard(shard: number): void {
    for (const inbox of this.#inboxesOf(shard)) this.#byInbox.delete(inbox)
    this.#version++
    this.#byShard.delete(shard)
  }

  forgetGateway(address: string): void {
    for (const inbox of this.#byInbox.keys()) this.#drop(inbox, (entry) => entry.gateway.address === address)
  }

  /** Hands the bytes to every session of these inboxes, once per gateway worker, but not back to `except`. */
  tell(
    inboxes: readonly string[],
    except: Origin | undefined,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    if (except === undefined && isFixed(inboxes)) return this.#tellFixed(inboxes, what, bytes, start, end)
    this.#collect(inboxes, except)
    for (let at = 0; at < this.#gateways.length; at++) {
      const connections = this.#connections[at]!
      if (connections.length === 0) continue
      this.#gateways[at]!.deliver(connections, connections.length, what, bytes, start, end)
      connections.length = 0
    }
    if (this.#gateways.length > 64) this.#gateways.length = this.#connections.length = 0 // old lives of workers
  }

  /** The same inboxes as before, most likely, with the same sessions. */
  #tellFixed(inboxes: readonly string[], what: Delivered, bytes: Bytes, start: number, end: number): void {
    let groups = this.#groups.get(inboxes)
    if (groups?.version !== this.#version) {
      const before = predecessorOf(inboxes)
      groups = this.#group(inboxes, groups ?? (before && this.#groups.get(before)))
      this.#groups.set(inboxes, groups)
    }
    for (const [gateway, connections] of groups.connections) {
      gateway.deliver(connections, connections.length, what, bytes, start, end)
    }
  }

  #group(inboxes: readonly string[], before: Groups | undefined): Groups {
    this.#collect(inboxes, undefined)
    const connections = new Map<GatewayHandle, readonly number[]>()
    for (let at = 0; at < this.#gateways.length; at++) {
      const list = this.#connections[at]!
      const gateway = this.#gateways[at]!
      if (list.length > 0) connections.set(gateway, fixedList(list.slice(), before?.connections.get(gateway)))
      list.length = 0
    }
    return { version: this.#version, connections }
  }

  /** Into the scratch lists of gateway workers. */
  #collect(inboxes: readonly string[], except: Origin | undefined): void {
    for (let at = 0; at < inboxes.length; at++) {
      for (let entry = this.#byInbox.get(inboxes[at]!); entry !== undefined; entry = entry.next) {
        const { gateway, connection } = entry
        if (except !== undefined && connection === except.connection && gateway.address === except.address) continue
        this.#listOf(gateway).push(connection)
      }
    }
  }

  #listOf(gateway: GatewayHandle): number[] {
    const at = this.#gateways.indexOf(gateway)
    if (at >= 0) return this.#connections[at]!
    const list: number[] = []
    this.#gateways.push(gateway)
    this.#connections.push(list)
    return list
  }

  #drop(inbox: string, isOver: (entry: Entry) => boolean): void {
    let first = this.#byInbox.get(inbox)
    if (first === undefined) return
    const { shard } = first
    const isGone = (entry: Entry) => {
      if (!isOver(entry)) return false
      this.#version++
      return true
    }
    while (first !== undefined && isGone(first)) first = first.next
    for (let entry = first; entry !== undefined; entry = entry.next) {
      while (entry.next !== undefined && isGone(entry.next)) entry.next = entry.next.next
    }
    if (first !== undefined) return void this.#byInbox.set(inbox, first)
    this.#byInbox.delete(inbox)
    this.#byShard.get(shard)?.delete(inbox)
    this.#parts.changed(inbox as ActorKey)
  }

  #inboxesOf(shard: number): Set<string> {
    let inboxes = this.#byShard.get(shard)
    if (inboxes === undefined) {
      inboxes = new Set()
      this.#byShard.set(shard, inboxes)
    }
    return inboxes
  }
}

function registrationOf(address: string, shard: number): string {
  return `${shard} ${address}`
}
