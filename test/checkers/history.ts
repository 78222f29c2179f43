/**
 * What happened, as plain JSON lines: what clients did and saw, what the log holds, what the store holds. Written by the
 * simulator, by tests on real processes, or by anybody's client; read by the checkers beside this file.
 *
 * `at` is milliseconds on one clock for all lines of a history. A `client` is one life of a device: a reinstall is
 * another. `command` names what a client asked: a message id, or anything unique for a change.
 */

/** The lane and the place in it that the client used last for a command. */
export interface LanePlace {
  readonly lane: number
  readonly n: number
}

/** A client asks for something that may enter a timeline. */
export interface InvokedLine {
  readonly type: 'invoked'
  readonly at: number
  readonly client: string
  readonly user: string
  readonly device: string
  readonly conversation: string
  readonly command: string
  readonly what: 'send' | 'create' | 'invite' | 'leave' | 'kick'
}

/** It was told: durable, at this seq (undefined: accepted, seq not known). */
export interface AckedLine extends LanePlace {
  readonly type: 'acked'
  readonly at: number
  readonly client: string
  readonly conversation: string
  readonly command: string
  readonly seq?: number
}

/** It was told: never. */
export interface RefusedLine {
  readonly type: 'refused'
  readonly at: number
  readonly client: string
  readonly conversation: string
  readonly command: string
  readonly code: number
}

/** The life ended (reinstall, end of test) without an answer: it may or may not be in the log. */
export interface UnknownLine {
  readonly type: 'unknown'
  readonly at: number
  readonly client: string
  readonly command: string
}

export interface EventFacts {
  readonly conversation: string
  readonly conversationKind: number
  readonly seq: number
  readonly kind: 'message' | 'created' | 'joined' | 'left' | 'kicked' | 'large' | 'small'
  readonly from: string
  readonly device: string
  readonly lane: number
  readonly n: number
  readonly time: number
  readonly ordinal: number
  readonly memberSeq: number
  readonly incarnation: number
  /** The message's id; absent for other events. */
  readonly message?: string
  /** A digest of the event's content. */
  readonly digest: number
  readonly users: readonly string[]
  /** Whom a message mentions. */
  readonly mentions: readonly string[]
}

/** An event arrived at a client over its connection, live or in an answer; repeats are allowed. */
export interface ReceivedLine extends EventFacts {
  readonly type: 'received'
  readonly at: number
  readonly client: string
  readonly user: string
}

/** A skip arrived: from … to (inclusive) hold nothing for this user. */
export interface SkippedLine {
  readonly type: 'skipped'
  readonly at: number
  readonly client: string
  readonly user: string
  readonly conversation: string
  readonly from: number
  readonly to: number
}

/** The client showed an event: its view, in order, each once. */
export interface ShownLine {
  readonly type: 'shown'
  readonly at: number
  readonly client: string
  readonly conversation: string
  readonly seq: number
}

/** At the end, all faults over, this client had asked for everything from `from` on and believes to be complete. */
export interface SettledLine {
  readonly type: 'settled'
  readonly at: number
  readonly client: string
  readonly user: string
  readonly conversation: string
  readonly from: number
}

/** An event in the log, in log order. */
export interface LoggedLine extends EventFacts {
  readonly type: 'logged'
  readonly shard: number
}

/** A command that used up its n in the log and left no event; code 0 is a void. */
export interface SpentLine {
  readonly type: 'spent'
  readonly conversation: string
  readonly from: string
  readonly device: string
  readonly lane: number
  readonly n: number
  readonly code: number
}

/** An event in the store, or read back through History where the store cannot be seen. */
export interface StoredLine extends EventFacts {
  readonly type: 'stored'
}

/** A conversation's row in the store. */
export interface RowLine {
  readonly type: 'row'
  readonly conversation: string
  readonly head: number
  readonly ordinal: number
  readonly memberSeq: number
  readonly members: readonly {
    readonly user: string
    /** Both inclusive; `to` is absent while it lasts. */
    readonly intervals: readonly { readonly from: number; readonly to?: number }[]
    /** The highest n decided, by lane number, per device. */
    readonly lanes: readonly { readonly device: string; readonly lane: number; readonly last: number }[]
    /** Up to where others know that this one has read. */
    readonly readSeq: number
  }[]
}

export interface InboxItem {
  readonly conversation: string
  readonly head: number
  readonly ordinal: number
  readonly readOrdinal: number
  readonly isMember: boolean
  /** Settings of the user. */
  readonly flags: number
  /** The last event that mentions the user. */
  readonly mentionSeq: number
}

/** A client's conversation list has a new or a changed entry. */
export interface ListedLine extends InboxItem {
  readonly type: 'listed'
  readonly at: number
  readonly client: string
  readonly user: string
}

interface MarkPlace extends LanePlace {
  readonly user: string
  readonly device: string
  readonly conversation: string
  readonly seq: number
  readonly ordinal: number
  readonly set: number
  readonly flags: number
}

/** What a user decided of a conversation of their list, in log order. */
export interface MarkedLine extends MarkPlace {
  readonly type: 'marked'
}

/** A client was told that its mark is durable. */
export interface MarkAckedLine extends MarkPlace {
  readonly type: 'mark acked'
  readonly at: number
}

/** At the end, all faults over, this is the conversation list that the client holds. */
export interface InboxLine {
  readonly type: 'inbox'
  readonly at: number
  readonly client: string
  readonly user: string
  readonly items: readonly InboxItem[]
}

export type HistoryLine =
  | InvokedLine
  | AckedLine
  | RefusedLine
  | UnknownLine
  | ReceivedLine
  | SkippedLine
  | ShownLine
  | SettledLine
  | LoggedLine
  | SpentLine
  | StoredLine
  | RowLine
  | ListedLine
  | MarkedLine
  | MarkAckedLine
  | InboxLine

export interface Violation {
  readonly checker: string
  readonly message: string
}

/** The lines of a history by type, and what every checker looks up. */
export class History {
  readonly lines: readonly HistoryLine[]
  /** By conversation, in log order. */
  readonly logged: ReadonlyMap<string, readonly LoggedLine[]>
  readonly #byType = new Map<string, HistoryLine[]>()

  constructor(lines: readonly HistoryLine[]) {
    this.lines = lines
    for (const line of lines) appendTo(this.#byType, line.type, line)
    const logged = new Map<string, LoggedLine[]>()
    for (const line of this.of('logged')) appendTo(logged, line.conversation, line)
    this.logged = logged
  }

  of<Type extends HistoryLine['type']>(type: Type): readonly Extract<HistoryLine, { type: Type }>[] {
    return (this.#byType.get(type) ?? []) as Extract<HistoryLine, { type: Type }>[]
  }

  /** The event at a place in the log, if it is there. Repeated seqs are for the checker of the log itself. */
  loggedAt(conversation: string, seq: number): LoggedLine | undefined {
    const events = this.logged.get(conversation)
    const guess = events?.[seq - 1]
    return guess?.seq === seq ? guess : events?.find((event) => event.seq === seq)
  }

  head(conversation: string): number {
    return this.logged.get(conversation)?.at(-1)?.seq ?? 0
  }
}

export function appendTo<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const items = map.get(key)
  if (items === undefined) map.set(key, [item])
  else items.push(item)
}

/** Nobody's command: how lists hear of the conversation from there on. */
export function isOfMode({ kind }: EventFacts): boolean {
  return kind === 'large' || kind === 'small'
}

/** An event in words, for messages. */
export function nameOf(event: EventFacts): string {
  return `${event.conversation}#${event.seq} (${event.kind} of ${event.from}/${event.device} lane ${event.lane} n ${event.n})`
}
