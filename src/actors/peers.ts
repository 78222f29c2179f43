/**
 * What a gateway worker and the actors' side say to each other, as calls. In one worker these are plain calls; between
 * workers and nodes links.ts puts the same calls into bus batches (schemas/peer.fbs).
 *
 * Bytes given to any of these are valid only until the call returns: the receiver copies what it keeps.
 */
import type { ActorKey, AppId, DeviceId, UserId } from '../domain/ids.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Bytes } from '../std/bytes.js'

export const FIRST_REQUEST = 0x8000_0000

/** Who speaks on a connection, checked once at Hello. The lane is what the device's user shard confirmed. */
export interface Session {
  /** Number of the connection in its gateway worker, from 1, not used again in the worker's life. From FIRST_REQUEST on it
   *  is no connection, but one HTTP request of a server, with a lane of its own. */
  readonly connection: number
  readonly app: AppId
  readonly user: UserId
  readonly device: DeviceId
  /** The user's inbox actor: `actorKey(app, ActorKind.inbox, user)`. */
  readonly inbox: ActorKey
  /** 0 until Welcome. */
  laneNumber: number
  laneRandom: bigint
  /** By its user's shard, later than all sessions of the same device before it; 0 until Welcome. */
  startedAt: number
  /** The device has said something since Welcome, so it has that and is there. Only then does it replace an older session:
   *  a Hello may be decided long after its device gave that connection up. */
  isHeard: boolean
}

/** The way in, implemented by links.ts: from a gateway worker to the owners of shards. */
export interface Commands {
  /**
   * Hands one verified client frame (Hello to the session's inbox; Send, Change, Void, History to a conversation) to
   * the owner of `target`. False: too much is in flight to that shard, and the gateway refuses with mailbox-full.
   * Every accepted command is followed by exactly one `answer` or `unknown` with its `ref`.
   * [start, end) is the frame with its size prefix.
   */
  command(session: Session, target: ActorKey, ref: number, frame: Bytes, start: number, end: number): boolean
  /** The presence of exactly these users of the shard is watched; their owner answers with `presence`. May be lost. */
  watch(shard: number, inboxes: readonly ActorKey[]): void
  /** The session is heard of for the first time since its Welcome. May be lost; the next digest says it again. */
  heard(session: Session): void
  /** The connection is gone: the user's shard forgets it, and no answer needs to come. */
  ended(session: Session): void
}

/** The way out, implemented by gateway/gateway.ts: from owners to the connections of a gateway worker. */
export interface GatewayEnd {
  /** Client frames (with size prefixes) in answer to the connection's request `ref`. Unknown connections are ignored.
   *  The answer to Hello is a Welcome (whose lane the gateway takes into the session) or a Refusal. */
  answer(connection: number, ref: number, bytes: Bytes, start: number, end: number): void
  /** Nobody knows what became of this request: the client hears unknown-outcome and resends. */
  unknown(connection: number, ref: number): void
  /**
   * Events (and skips) of one conversation, consecutive from `firstSeq` to `lastSeq`, for `count` connections. The same
   * bytes go to all of them: build once, send to each. A lagging connection notes firstSeq instead and is served later.
   */
  deliver(
    connections: ArrayLike<number>,
    count: number,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void
  /** The user's shard has ended this session: the connection hears why and is closed. `lane`: of the session that took
   *  its place, else 0. */
  endSession(connection: number, why: RefusalName, lane: number): void
  /** How users are that are watched. */
  presence(states: readonly PresenceState[]): void
  /** Sessions now open whose inbox is in `shard`: a new owner of the shard is told of them. */
  sessionsOf(shard: number): Iterable<Session>
}

/** How a user is, as the owner of their shard knows it. */
export interface PresenceState {
  readonly inbox: ActorKey
  readonly isOnline: boolean
  /** Milliseconds since 1970; 0 where it is not known, or online. */
  readonly lastSeen: number
}

export interface Delivered {
  readonly conversation: ActorKey
  readonly firstSeq: number
  readonly lastSeq: number
}
