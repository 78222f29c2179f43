/** A client's conversation list: what it shows, who listens, and what the user decides of it. */
import type { EventFrame, InboxEntryFacts } from '../protocol/decoded-frame.js'
import { ListFlag } from '../protocol/wire-numbers.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { ClientDevice } from './client-device.js'
import { type Command, type ConversationName, INBOX, type Mark } from './command-queue.js'
import { markCommand } from './commands.js'
import type { Conversation, ListSettings } from './conversation.js'
import { ClientError } from './errors.js'
import type { HeldCalls } from './held-calls.js'
import { type InboxEntry, InboxView } from './inbox-view.js'
import { Listeners } from './listeners.js'
import { ReadMarks } from './read-marks.js'

export interface ClientInboxParts {
  readonly clock: Clock
  readonly random: Random
  readonly held: HeldCalls
  /** As many commands wait as may. */
  isFull(): boolean
}

export class ClientInbox {
  readonly listeners: Listeners<readonly InboxEntry[]>
  readonly #random: Random
  readonly #held: HeldCalls
  readonly #isFull: () => boolean
  /** Marks without an outcome. */
  readonly #open = new Set<string>()
  readonly #view = new InboxView()
  readonly #reads: ReadMarks
  #device: ClientDevice | undefined

  constructor({ clock, random, held, isFull }: ClientInboxParts) {
    this.listeners = new Listeners(clock)
    this.#random = random
    this.#held = held
    this.#isFull = isFull
    this.#reads = new ReadMarks(clock, (conversation, place) => {
      // Where too much waits, the next reading says it: nobody is there to be told now.
      if (!isFull()) this.#mark({ conversation, ...place, set: ListFlag.unread, flags: 0 })
    })
  }

  /** The storage is open. */
  begin(device: ClientDevice): void {
    this.#device = device
    this.#view.listed(device.kept.entries)
  }

  /** An earlier life's mark, on its way still. */
  kept({ id }: Command): void {
    this.#open.add(id)
  }

  /** How many marks have no outcome yet. */
  get open(): number {
    return this.#open.size
  }

  settled(id: string): void {
    this.#open.delete(id)
  }

  /** The server's history begins anew, and the list with it; or only that of one conversation. */
  restart(conversation?: ConversationName): void {
    this.#view.restart(conversation)
    this.#reads.restart(conversation)
  }

  entries(): readonly InboxEntry[] {
    return this.#view.entries()
  }

  listed(entries: readonly InboxEntryFacts[]): void {
    this.listeners.tell(this.#view.listed(entries))
  }

  heard(event: EventFrame, self: string): void {
    this.#tell(this.#view.heard(event, self))
  }

  wrote(name: ConversationName, seq: number, time: number): void {
    this.#tell(this.#view.wrote(name, seq, time))
  }

  markRead(conversation: Conversation): void {
    const run = (_: ClientDevice, name: ConversationName) => {
      const place = this.#view.place(name)
      if (place !== undefined) this.#reads.read(name, place)
    }
    this.#held.whenNamed({ conversation, run, closed: () => {} })
  }

  set(conversation: Conversation, settings: ListSettings): void {
    if (this.#isFull()) throw new ClientError('queue-full', 'Cannot set that: too much waits for the server already')
    const run = (_: ClientDevice, name: ConversationName) => {
      if (settings.markedUnread !== undefined) this.#reads.cancel(name)
      this.#mark({ conversation: name, seq: 0, ordinal: 0, ...flagsOf(settings) })
    }
    this.#held.whenNamed({ conversation, run, closed: () => {} })
  }

  #mark(said: Omit<Mark, 'incarnation'>): void {
    const device = this.#device!
    const mark = { ...said, incarnation: device.incarnation }
    const command = markCommand(this.#random, mark)
    this.#open.add(command.id)
    device.queue(INBOX, command)
    this.#tell(this.#view.marked(mark))
  }

  #tell(entry: InboxEntry | undefined): void {
    if (entry !== undefined) this.listeners.tell([entry])
  }
}

function flagsOf({ markedUnread, muted, pinned, hidden }: ListSettings): { set: number; flags: number } {
  const { unread, ...others } = ListFlag
  const said = [
    [unread, markedUnread],
    [others.muted, muted],
    [others.pinned, pinned],
    [others.hidden, hidden],
  ] as const
  const sum = (bits: readonly (readonly [number, boolean | undefined])[]) => bits.reduce((all, [bit]) => all | bit, 0)
  return {
    set: sum(said.filter(([, value]) => value !== undefined)),
    flags: sum(said.filter(([, value]) => value === true)),
  }
}
