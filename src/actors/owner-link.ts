/**
 * The owner's end of one link from a gateway worker to a shard. Commands are numbered k = 1, 2, 3…; the owner takes
 * each once and in order (rules §1), because a late copy of a refused send would otherwise be accepted after an unmute.
 */
import type { ActorKey, ActorName, Seq, UserId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Address } from '../log/bus.js'
import type { Bytes } from '../std/bytes.js'
import type { Delivered, PresenceState, Session } from './peers.js'

/** A gateway worker as owners see it: the real one in this worker, or a stub that writes to the bus. */
export interface GatewayHandle {
  readonly address: Address
  linkOpened(shard: number, link: number, epoch: number, logIncarnation: number): void
  /** The owner will take nothing more on this link: what is unanswered is unknown; open the next one. */
  linkBroken(shard: number, link: number): void
  answer(shard: number, link: number, k: number, bytes: Bytes, start: number, end: number): void
  unknown(shard: number, link: number, k: number): void
  /** See GatewayEnd. */
  endSession(connection: number, why: RefusalName, lane: number): void
  presence(states: readonly PresenceState[]): void
  deliver(
    connections: ArrayLike<number>,
    count: number,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void
}

/** A shard owner as gateway workers see it: the real one in this worker, or a stub that writes to the bus. */
export interface OwnerHandle {
  readonly address: Address
  /** `known` is the highest generation that the gateway worker has seen: an owner below it must prove itself. */
  openLink(from: GatewayHandle, shard: number, link: number, known: Generation): void
  command(
    from: GatewayHandle,
    shard: number,
    link: LinkPlace,
    session: Session,
    target: Target,
    frame: Bytes,
    start: number,
    end: number,
  ): void
  /** All sessions of this gateway worker whose inbox is in `shard`, replacing what was known. */
  sessions(from: GatewayHandle, shard: number, sessions: readonly Session[]): void
  sessionEnded(from: GatewayHandle, shard: number, session: Session): void
  /** See Commands. */
  sessionHeard(from: GatewayHandle, shard: number, session: Session): void
  /** See Commands. */
  watch(from: GatewayHandle, shard: number, inboxes: readonly ActorKey[]): void
  /** Ends the sessions of a device, of all devices where none is named, of the user whose inbox is in a shard of this owner. */
  signOut(inbox: ActorKey, device: string | undefined): void
  /** Deliver to the sessions of these inboxes, which are all in shards of this owner. */
  tell(
    inboxes: readonly string[],
    except: Origin | undefined,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void
  /** Heads records for a user shard of this owner, each behind a RecordHead. `from` hears `headsTaken` once they are in the
   *  user shard's log; nothing, where they are not. */
  heads(from: OwnerHandle, route: HeadsRoute, bytes: Bytes, start: number, end: number): void
  /** What this owner's outbox told is in the user shard's log. */
  headsTaken(route: HeadsRoute): void
  /** Where conversations of one shard of this owner stand for one user; `from` hears `headsTold`, or nothing. */
  askHeads(from: OwnerHandle, question: HeadsQuestion, user: UserId, conversations: readonly ActorKey[]): void
  /** In answer to `askHeads`, durable. What is left out could not be read. */
  headsTold(question: HeadsQuestion, heads: readonly TakenHead[]): void
  /** The newest events of conversations of one shard of this owner; `from` hears `eventsTold`, or nothing. */
  askEvents(from: OwnerHandle, question: HeadsQuestion, asked: EventsAsked): void
  /** In answer to `askEvents`, durable: client frames, of each conversation a page that HistoryEnd closes. */
  eventsTold(question: HeadsQuestion, bytes: Bytes, start: number, end: number): void
  /** How many members of a conversation this owner has sessions of; `from` hears `onlineTold`, or nothing. */
  askOnline(from: OwnerHandle, conversation: ActorKey): void
  /** In answer to `askOnline`. */
  onlineTold(from: OwnerHandle, conversation: ActorKey, online: number): void
  /** Whether users whose inboxes are in one shard of this owner may be in one more conversation; `from` hears
   *  `joinsTold`, or nothing. */
  askJoins(from: OwnerHandle, question: HeadsQuestion, asked: JoinsAsked): void
  /** In answer to `askJoins`: those who may not. */
  joinsTold(question: HeadsQuestion, full: readonly UserId[]): void
}

/** Who is to join a conversation that they are not in as of `memberSeq`, its last membership event. */
export interface JoinsAsked {
  readonly conversation: ActorKey
  readonly memberSeq: Seq
  readonly users: readonly UserId[]
}

/** Which events one user wants of some conversations: the newest, what is beyond the bounds left out. */
export interface EventsAsked {
  readonly user: UserId
  /** Of each conversation. */
  readonly countMax: number
  readonly bytesMax: number
  readonly wanted: readonly EventsWanted[]
}

export interface EventsWanted {
  readonly conversation: ActorKey
  /** Those above this seq. */
  readonly after: number
}

/** A question of one shard to another: of a user's about conversations, or of a conversation's about users. */
export interface HeadsQuestion {
  readonly fromShard: number
  readonly toShard: number
  /** Its number in the life of the asking worker's shard. */
  readonly k: number
}

/** With head 0: the user is no member now. */
export interface TakenHead {
  readonly conversation: ActorKey
  readonly head: number
  readonly ordinal: number
  readonly time: number
}

/** One message from the outbox of a shard to a user shard. */
export interface HeadsRoute {
  /** The shard of the conversations. */
  readonly fromShard: number
  readonly toShard: number
  /** The outbox's owner's: with k, the name of the message. */
  readonly epoch: number
  readonly logIncarnation: number
  readonly k: number
}

/** Of a shard's ownership: by incarnation of the log, then by epoch (rules §1). */
export interface Generation {
  readonly logIncarnation: number
  readonly epoch: number
}

export function isBelow(a: Generation, b: Generation): boolean {
  return a.logIncarnation < b.logIncarnation || (a.logIncarnation === b.logIncarnation && a.epoch < b.epoch)
}

/** An actor with its key and shard worked out once. */
export interface Target {
  readonly key: ActorKey
  readonly name: ActorName
  readonly shard: number
}

export interface LinkPlace {
  readonly link: number
  readonly epoch: number
  readonly k: number
}

/** The connection that sent it, which hears an ack and needs no echo. */
export interface Origin {
  readonly address: Address
  readonly connection: number
}

export class InLink {
  readonly gateway: GatewayHandle
  readonly #shard: number
  readonly number: number
  #taken = 0

  constructor(gateway: GatewayHandle, shard: number, number: number) {
    this.gateway = gateway
    this.#shard = shard
    this.number = number
  }

  /** `stale`: an old copy, drop it. `hole`: something before it was lost. */
  take(k: number): 'next' | 'stale' | 'hole' {
    if (k <= this.#taken) return 'stale'
    if (k > this.#taken + 1) return 'hole'
    this.#taken = k
    return 'next'
  }

  answer(k: number, bytes: Bytes, start: number, end: number): void {
    this.gateway.answer(this.#shard, this.number, k, bytes, start, end)
  }

  unknown(k: number): void {
    this.gateway.unknown(this.#shard, this.number, k)
  }
}
