/**
 * One life of a simulated device: the client library's session, and a record of all that it asked, heard and showed.
 */
import { type CommandOutcome, type ConversationName, INBOX, type Mark } from '../../src/client/command-queue.js'
import { markCommand } from '../../src/client/commands.js'
import type { Journal, KeptConversation, KeptSession } from '../../src/client/journal.js'
import type { Dialer } from '../../src/client/link.js'
import { Session } from '../../src/client/session.js'
import type { SessionListener } from '../../src/client/session-listener.js'
import type { InboxEntryFacts, LaneName } from '../../src/protocol/decoded-frame.js'
import type { ChangeAction } from '../../src/protocol/wire-numbers.js'
import { ChangeAction as Action } from '../../src/protocol/wire-numbers.js'
import type { Random } from '../../src/std/random.js'
import type { HistoryLine, InboxItem, InvokedLine } from '../checkers/history.js'
import { textOf } from '../checkers/inboxes.js'
import { eventFactsOf } from './event-line.js'
import type { Host } from './host.js'
import type { VirtualTime } from './virtual-time.js'

export interface SimClientParts {
  readonly user: string
  readonly device: string
  /** Which life of the device: a reinstall begins another. */
  readonly life: number
  readonly token: string
  readonly host: Host
  readonly time: VirtualTime
  readonly random: Random
  readonly dial: Dialer
  /** Whose presence it wants to hear of. */
  readonly watches: readonly string[]
  /** What it has of another program's storage. */
  readonly kept: KeptSession | undefined
  record(line: HistoryLine): void
  violated(checker: string, message: string): void
  laneLost(why: string): void
  rejected(why: string): void
}

const WHAT: Readonly<Record<ChangeAction, InvokedLine['what']>> = {
  [Action.create]: 'create',
  [Action.invite]: 'invite',
  [Action.leave]: 'leave',
  [Action.kick]: 'kick',
}

export class SimClient {
  readonly name: string
  readonly user: string
  readonly device: string
  readonly host: Host
  readonly openedAt: number
  /** Another program numbers its commands in the same lane, as a copy of its storage. */
  sharesLane = false
  readonly session: Session
  /** Who is online, as far as it has heard on this connection. */
  readonly presence = new Map<string, boolean>()
  readonly #parts: SimClientParts
  /** Commands without an outcome. */
  readonly #open = new Set<string>()
  readonly #message = new Uint8Array(48)
  readonly #keepsake: Keepsake

  constructor(parts: SimClientParts) {
    const { user, device, life, token, host, random, dial, kept } = parts
    this.#parts = parts
    this.#keepsake = new Keepsake(kept)
    this.name = `${user}/${device}.${life}`
    this.user = user
    this.device = device
    this.host = host
    this.openedAt = parts.time.now
    const [listener, journal] = [this.#listener(), this.#keepsake]
    const storage = kept === undefined ? { journal } : { journal, kept }
    this.session = new Session({ clock: host.clock, random, dial, listener, token, device, ...storage })
  }

  get openCommands(): number {
    return this.#open.size
  }

  /** What a copy of its storage gives another program, made while nothing waits in it: its lane, and where that stands. */
  get kept(): KeptSession {
    return this.#keepsake.copy()
  }

  /** The conversation list that this device holds. */
  get inbox(): readonly InboxItem[] {
    return [...this.session.inbox.entries].map(itemOf)
  }

  get inboxText(): string {
    return textOf(this.inbox)
  }

  send(to: ConversationName, bodyBytes: number, mentions: readonly string[] = []): void {
    const body = bodyBytes <= this.#message.length ? this.#message.subarray(0, bodyBytes) : new Uint8Array(bodyBytes)
    const { id } = this.session.send(to, { contentType: 'text/plain', body, mentions })
    this.#invoked(to, id, 'send')
  }

  change(of: ConversationName, action: ChangeAction, users: readonly string[]): void {
    const { id } = this.session.change(of, action, users)
    this.#invoked(of, id, WHAT[action])
  }

  /** The user decides something of a conversation of their list. */
  mark(mark: Mark): void {
    this.session.queue(INBOX, markCommand(this.#parts.random, mark))
  }

  /** The device loses its storage, or its owner's patience. What it had asked stays unknown. */
  die(): void {
    this.session.stop()
    this.host.crash()
    for (const command of this.#open) this.#record({ type: 'unknown', at: this.#now, client: this.name, command })
    this.#open.clear()
  }

  get #now(): number {
    return this.#parts.time.now
  }

  #record(line: HistoryLine): void {
    this.#parts.record(line)
  }

  #invoked({ id: conversation }: ConversationName, command: string, what: InvokedLine['what']): void {
    this.#open.add(command)
    const { user, device } = this.#parts
    const client = this.name
    this.#record({ type: 'invoked', at: this.#now, client, user, device, conversation, command, what })
  }

  #listener(): SessionListener {
    const { user } = this.#parts
    const client = () => this.name
    return {
      connection: () => {},
      online: () => {
        this.presence.clear()
        this.session.tell({ kind: 'watch', ref: 0, users: this.#parts.watches })
      },
      signalled: (frame) => {
        if (frame.kind !== 'presence') return
        for (const { user, online } of frame.entries) this.presence.set(user, online)
      },
      stored: () => {},
      sent: () => {},
      settled: ({ id }, command, outcome, lane) => {
        if (command.body.kind === 'mark') return this.#markSettled(command.body, outcome, lane.number)
        this.#open.delete(command.id)
        this.#settled(id, command.id, outcome, lane.number)
      },
      laneLost: (why) => this.#parts.laneLost(why),
      unknown: (_, command) => {
        if (!this.#open.delete(command.id)) return
        this.#record({ type: 'unknown', at: this.#now, client: client(), command: command.id })
      },
      received: (frame) => {
        const who = { at: this.#now, client: client(), user }
        if (frame.kind === 'event') this.#record({ type: 'received', ...who, ...eventFactsOf(frame) })
        else {
          const { conversation, from, to } = frame
          this.#record({ type: 'skipped', ...who, conversation, from, to })
        }
      },
      shown: ({ id }, { seq }) => {
        this.#record({ type: 'shown', at: this.#now, client: client(), conversation: id, seq })
      },
      listed: (entries) => {
        for (const entry of entries) {
          this.#record({ type: 'listed', at: this.#now, client: client(), user, ...itemOf(entry) })
        }
      },
      restarted: () => this.#parts.violated('inbox', `${client()} was told that history began anew`),
      inboxRefused: ({ name }) => {
        this.#parts.violated('inbox', `${client()} was refused its inbox: ${name}`)
      },
      rejected: ({ name }) => this.#parts.rejected(name),
    }
  }

  #markSettled(mark: Mark, outcome: CommandOutcome, lane: number): void {
    if (outcome.kind === 'refused') {
      this.#parts.violated('marks', `${this.name} was refused a mark of ${mark.conversation.id}: ${outcome.code}`)
      return
    }
    const { user, device } = this.#parts
    const { seq, ordinal, set, flags } = mark
    const said = { conversation: mark.conversation.id, seq, ordinal, set, flags, lane, n: outcome.n }
    this.#record({ type: 'mark acked', at: this.#now, user, device, ...said })
  }

  #settled(conversation: string, command: string, outcome: CommandOutcome, lane: number): void {
    const told = { at: this.#now, client: this.name, conversation, command }
    if (outcome.kind === 'refused') this.#record({ type: 'refused', ...told, code: outcome.code })
    // Its n was used long ago; by whom, only its timeline can tell.
    else if (outcome.seq === undefined && this.sharesLane) this.#record({ type: 'unknown', ...told })
    else {
      const { n, seq } = outcome
      this.#record({ type: 'acked', ...told, lane, n, ...(seq !== undefined && { seq }) })
    }
  }
}

/** The storage of a device, as far as copies of it matter. */
class Keepsake implements Journal {
  #lane: LaneName | undefined
  readonly #nextN = new Map<string, { readonly name: ConversationName; readonly nextN: number }>()

  constructor(kept: KeptSession | undefined) {
    this.#lane = kept?.lane
    for (const each of kept?.conversations ?? []) this.conversation(each.name, each)
  }

  lane(lane: LaneName): void {
    if (lane.random !== this.#lane?.random) this.#nextN.clear()
    this.#lane = lane
  }

  conversation(name: ConversationName, { nextN }: KeptConversation): void {
    this.#nextN.set(`${name.kind} ${name.id}`, { name, nextN })
  }

  command(): void {}

  settled(): void {}

  inbox(): void {}

  flush(done: () => void): void {
    done()
  }

  copy(): KeptSession {
    const rest = { held: 0, isFollowed: false, commands: [] }
    return { lane: this.#lane!, conversations: [...this.#nextN.values()].map((each) => ({ ...each, ...rest })) }
  }
}

export function itemOf(entry: InboxEntryFacts): InboxItem {
  const { conversation, head, ordinal, readOrdinal, isMember, flags, mentionSeq } = entry
  return { conversation, head, ordinal, readOrdinal, isMember, flags, mentionSeq }
}
