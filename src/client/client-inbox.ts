/** A client's conversation list: what it shows, who listens, and what the user decides of it. */
import type { EventFrame, InboxEntryFacts } from '../protocol/decoded-frame.js'
import { ListFlag } from '../protocol/wire-numbers.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import { type ConversationName, INBOX, type Mark } from './command-queue.js'
import { markCommand } from './commands.js'
import type { Conversation, ListSettings } from './conversation.js'
import type { Device } from './device.js'
import type { HeldCalls } from './held-calls.js'
import { type InboxEntry, InboxView } from './inbox-view.js'
import { Listeners } from './listeners.js'
import { ReadMarks } from './read-marks.js'

export interface ClientInboxParts {
  readonly clock: Clock
  readonly random: Random
  readonly held: HeldCalls
}

export class ClientInbox {
  readonly listeners: Listeners<readonly InboxEntry[]>
  readonly #random: Random
  readonly #held: HeldCalls
  readonly #view = new InboxView()
  readonly #reads: ReadMarks
  #device: Device | undefined

  constructor({ clock, random, held }: ClientInboxParts) {
    this.listeners = new Listeners(clock)
    this.#random = random
    this.#held = held
    this.#reads = new ReadMarks(clock, (conversation, place) => {
      this.#mark({ conversation, ...place, set: ListFlag.unread, flags: 0 })
    })
  }

  /** The storage is open: `kept` is what an earlier life had. */
  begin(device: Device, kept: readonly InboxEntryFacts[]): void {
    this.#device = device
    this.#view.listed(kept)
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
    const run = (_: Device, name: ConversationName) => {
      const place = this.#view.place(name)
      if (place !== undefined) this.#reads.read(name, place)
    }
    this.#held.whenNamed({ conversation, run, closed: () => {} })
  }

  set(conversation: Conversation, settings: ListSettings): void {
    const run = (_: Device, name: ConversationName) => {
      this.#mark({ conversation: name, seq: 0, ordinal: 0, ...flagsOf(settings) })
    }
    this.#held.whenNamed({ conversation, run, closed: () => {} })
  }

  #mark(mark: Mark): void {
    this.#device!.session.queue(INBOX, markCommand(this.#random, mark))
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
