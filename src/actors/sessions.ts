/**
 * Which connections of which gateway workers belong to a user, for the user shards of this worker. Soft state: gateway
 * workers register again on every change of an owner's epoch and in a digest (rules §11).
 *
 * A device has one session: `settle` ends all but the newest of each. What tells it may be lost; the next digest brings
 * the old session again, and it is told again.
 */
import type { ActorKey } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Bytes } from '../std/bytes.js'
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
  next: Entry | undefined
}

export class Sessions {
  readonly #byInbox = new Map<string, Entry>()
  readonly #byShard = new Map<number, Set<string>>()
  /** Scratch of one tell: per gateway worker the connections it should deliver to. */
  readonly #gateways: GatewayHandle[] = []
  readonly #connections: number[][] = []
  readonly #changed: (inbox: ActorKey) => void

  /** `changed`: a user's first session began, or the last one ended. */
  constructor(changed: (inbox: ActorKey) => void = () => {}) {
    this.#changed = changed
  }

  add(gateway: GatewayHandle, shard: number, session: Session, { lane, startedAt } = placeOf(session)): void {
    const { inbox, connection, device } = session
    const first = this.#byInbox.get(inbox)
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (!isOf(entry, gateway, session)) continue
      if (startedAt > 0) Object.assign(entry, { lane, startedAt })
      return
    }
    if (first === undefined) this.#inboxesOf(shard).add(inbox)
    this.#byInbox.set(inbox, { gateway, connection, shard, device, lane, startedAt, next: first })
    if (first === undefined) this.#changed(inbox)
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
  settle(inbox: string): void {
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
      if (other.device !== device || other.startedAt < startedAt) continue
      if (other.startedAt > startedAt) return other
      // Given by owners that did not know of each other: any order will do that is the same everywhere.
      const order = other.connection - connection || (other.gateway.address < gateway.address ? -1 : 1)
      if (order > 0 && !(other.connection === connection && other.gateway === gateway)) return other
    }
    return undefined
  }

  remove(gateway: GatewayHandle, session: Session): void {
    this.#drop(session.inbox, (entry) => isOf(entry, gateway, session))
  }

  /** Exactly these sessions of the gateway worker are open in the shard. */
  replace(gateway: GatewayHandle, shard: number, sessions: readonly Session[]): void {
    const open = new Set<number>()
    for (const session of sessions) {
      open.add(session.connection)
      this.add(gateway, shard, session) // those known stay as they are: digests come every few seconds
      this.settle(session.inbox)
    }
    const isGone = (entry: Entry) => entry.gateway.address === gateway.address && !open.has(entry.connection)
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

  /** Hands frames of the inbox itself to its sessions. A connection that lags does without, until a change
   *  or a beacon that comes after it has caught up (docs/guarantees.md, known faults). */
  tellInbox(inbox: ActorKey, bytes: Bytes, start: number, end: number): void {
    this.tell([inbox], undefined, { conversation: inbox, firstSeq: 0, lastSeq: 0 }, bytes, start, end)
  }

  forgetShard(shard: number): void {
    for (const inbox of this.#inboxesOf(shard)) this.#byInbox.delete(inbox)
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
    for (let at = 0; at < inboxes.length; at++) {
      for (let entry = this.#byInbox.get(inboxes[at]!); entry !== undefined; entry = entry.next) {
        const { gateway, connection } = entry
        if (except !== undefined && connection === except.connection && gateway.address === except.address) continue
        this.#listOf(gateway).push(connection)
      }
    }
    for (let at = 0; at < this.#gateways.length; at++) {
      const connections = this.#connections[at]!
      if (connections.length === 0) continue
      this.#gateways[at]!.deliver(connections, connections.length, what, bytes, start, end)
      connections.length = 0
    }
    if (this.#gateways.length > 64) this.#gateways.length = this.#connections.length = 0 // old lives of workers
  }

  #listOf(gateway: GatewayHandle): number[] {
    const at = this.#gateways.indexOf(gateway)
    if (at >= 0) return this.#connections[at]!
    const list: number[] = []
    this.#gateways.push(gateway)
    this.#connections.push(list)
    return list
  }

  #drop(inbox: string, isGone: (entry: Entry) => boolean): void {
    let first = this.#byInbox.get(inbox)
    if (first === undefined) return
    const { shard } = first
    while (first !== undefined && isGone(first)) first = first.next
    for (let entry = first; entry !== undefined; entry = entry.next) {
      while (entry.next !== undefined && isGone(entry.next)) entry.next = entry.next.next
    }
    if (first !== undefined) return void this.#byInbox.set(inbox, first)
    this.#byInbox.delete(inbox)
    this.#byShard.get(shard)?.delete(inbox)
    this.#changed(inbox as ActorKey)
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

function placeOf({ laneNumber: lane, startedAt }: Session): { readonly lane: number; readonly startedAt: number } {
  return { lane, startedAt }
}

function isOf(entry: Entry, gateway: GatewayHandle, session: Session): boolean {
  return entry.connection === session.connection && entry.gateway.address === gateway.address
}
