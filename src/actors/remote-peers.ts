/**
 * Gateway workers and owners that live elsewhere: the calls of owner-link.ts, written to the bus.
 */
import type { ActorKey, UserId } from '../domain/ids.js'
import { REFUSALS, type RefusalName } from '../domain/refusal.js'
import type { Address } from '../log/bus.js'
import type { Bytes } from '../std/bytes.js'
import { isFixed } from './fixed-list.js'
import type {
  EventsAsked,
  GatewayHandle,
  Generation,
  HeadsQuestion,
  HeadsRoute,
  JoinsAsked,
  LinkPlace,
  Origin,
  OwnerHandle,
  TakenHead,
  Target,
} from './owner-link.js'
import type { SentLists } from './peer-lists.js'
import { type Head, Kind, NO_BYTES, type Outboxes, SEPARATOR, textOf } from './peer-outbox.js'
import type { Delivered, PresenceState, Session } from './peers.js'

export class RemoteGateway implements GatewayHandle {
  readonly address: Address
  readonly #out: Outboxes
  readonly #lists: SentLists

  constructor(address: Address, out: Outboxes, lists: SentLists) {
    this.address = address
    this.#out = out
    this.#lists = lists
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

  presence(states: readonly PresenceState[]): void {
    const text = states
      .map(({ inbox, isOnline, lastSeen }) => [inbox, isOnline ? 1 : 0, lastSeen].join(SEPARATOR))
      .join('\n')
    this.#out.add(this.address, { kind: Kind.presence, text }, NO_BYTES, 0, 0)
  }

  endSession(connection: number, why: RefusalName, lane: number): void {
    this.#out.add(
      this.address,
      { kind: Kind.endSession, connection, link: REFUSALS[why].wire, k: lane },
      NO_BYTES,
      0,
      0,
    )
  }

  deliver(
    connections: ArrayLike<number>,
    count: number,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    if (isFixed(connections)) {
      const send = (head: Head) => this.#out.add(this.address, head, NO_BYTES, 0, 0)
      const link = this.#lists.numberOf(connections as readonly number[], send)
      return this.#out.add(
        this.address,
        { kind: Kind.deliverList, link, what, text: what.conversation },
        bytes,
        start,
        end,
      )
    }
    const list = Array.prototype.slice.call(connections, 0, count).join(',')
    const text = `${what.conversation}${SEPARATOR}${list}`
    this.#out.add(this.address, { kind: Kind.deliver, what, text }, bytes, start, end)
  }
}

export class RemoteOwner implements OwnerHandle {
  readonly address: Address
  readonly #out: Outboxes
  readonly #lists: SentLists

  constructor(address: Address, out: Outboxes, lists: SentLists) {
    this.address = address
    this.#out = out
    this.#lists = lists
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
    const text = sessions
      .map((each) =>
        [each.connection, each.laneNumber, each.startedAt, each.isHeard ? 1 : 0, textOf(each)].join(SEPARATOR),
      )
      .join('\n')
    this.#out.add(this.address, { kind: Kind.sessions, shard, text }, NO_BYTES, 0, 0)
  }

  watch(_from: GatewayHandle, shard: number, inboxes: readonly ActorKey[]): void {
    this.#out.add(this.address, { kind: Kind.watch, shard, text: inboxes.join(SEPARATOR) }, NO_BYTES, 0, 0)
  }

  signOut(inbox: ActorKey, device: string | undefined): void {
    this.#out.add(this.address, { kind: Kind.signOut, text: [inbox, device ?? ''].join(SEPARATOR) }, NO_BYTES, 0, 0)
  }

  sessionEnded(_from: GatewayHandle, shard: number, session: Session): void {
    this.#out.add(this.address, { kind: Kind.sessionEnded, shard, session, text: textOf(session) }, NO_BYTES, 0, 0)
  }

  sessionHeard(_from: GatewayHandle, shard: number, session: Session): void {
    this.#out.add(this.address, { kind: Kind.sessionHeard, shard, session, text: textOf(session) }, NO_BYTES, 0, 0)
  }

  tell(
    inboxes: readonly string[],
    except: Origin | undefined,
    what: Delivered,
    bytes: Bytes,
    start: number,
    end: number,
  ): void {
    const connection = except?.connection ?? 0
    const head = [what.conversation, except?.address ?? '']
    if (isFixed(inboxes)) {
      const send = (list: Head) => this.#out.add(this.address, list, NO_BYTES, 0, 0)
      const link = this.#lists.numberOf(inboxes, send)
      const text = head.join(SEPARATOR)
      return this.#out.add(this.address, { kind: Kind.tellList, link, connection, what, text }, bytes, start, end)
    }
    const text = [...head, ...inboxes].join(SEPARATOR)
    this.#out.add(this.address, { kind: Kind.tell, connection, what, text }, bytes, start, end)
  }

  heads(_from: OwnerHandle, route: HeadsRoute, bytes: Bytes, start: number, end: number): void {
    this.#out.add(this.address, { kind: Kind.heads, ...headOf(route) }, bytes, start, end)
  }

  headsTaken(route: HeadsRoute): void {
    this.#out.add(this.address, { kind: Kind.headsTaken, ...headOf(route) }, NO_BYTES, 0, 0)
  }

  askHeads(_from: OwnerHandle, question: HeadsQuestion, user: UserId, conversations: readonly ActorKey[]): void {
    const text = [user, ...conversations].join(SEPARATOR)
    this.#out.add(this.address, { kind: Kind.askHeads, ...placeOf(question), text }, NO_BYTES, 0, 0)
  }

  headsTold(question: HeadsQuestion, heads: readonly TakenHead[]): void {
    const text = heads
      .map(({ conversation, head, ordinal, time }) => [conversation, head, ordinal, time].join(SEPARATOR))
      .join('\n')
    this.#out.add(this.address, { kind: Kind.headsTold, ...placeOf(question), text }, NO_BYTES, 0, 0)
  }

  askEvents(_from: OwnerHandle, question: HeadsQuestion, { user, countMax, bytesMax, wanted }: EventsAsked): void {
    const each = wanted.flatMap(({ conversation, after }) => [conversation, after])
    const text = [user, countMax, bytesMax, ...each].join(SEPARATOR)
    this.#out.add(this.address, { kind: Kind.askEvents, ...placeOf(question), text }, NO_BYTES, 0, 0)
  }

  askJoins(_from: OwnerHandle, question: HeadsQuestion, { conversation, memberSeq, users }: JoinsAsked): void {
    const text = [conversation, memberSeq, ...users].join(SEPARATOR)
    this.#out.add(this.address, { kind: Kind.askJoins, ...placeOf(question), text }, NO_BYTES, 0, 0)
  }

  joinsTold(question: HeadsQuestion, full: readonly UserId[]): void {
    this.#out.add(
      this.address,
      { kind: Kind.joinsTold, ...placeOf(question), text: full.join(SEPARATOR) },
      NO_BYTES,
      0,
      0,
    )
  }

  eventsTold(question: HeadsQuestion, bytes: Bytes, start: number, end: number): void {
    this.#out.add(this.address, { kind: Kind.eventsTold, ...placeOf(question) }, bytes, start, end)
  }

  askOnline(_from: OwnerHandle, conversation: ActorKey): void {
    this.#out.add(this.address, { kind: Kind.askOnline, text: conversation }, NO_BYTES, 0, 0)
  }

  onlineTold(_from: OwnerHandle, conversation: ActorKey, online: number): void {
    this.#out.add(this.address, { kind: Kind.onlineTold, text: conversation, k: online }, NO_BYTES, 0, 0)
  }
}

function placeOf({ fromShard, toShard, k }: HeadsQuestion) {
  return { shard: toShard, link: fromShard, k }
}

function headOf({ fromShard, toShard, epoch, logIncarnation, k }: HeadsRoute) {
  return { shard: toShard, link: fromShard, epoch, incarnation: logIncarnation, k }
}
