/**
 * The tab that has the lead: it holds storage and connection, does what all tabs ask, and tells them what comes of it.
 *
 * A command that a tab hands over is known by its id: however often it is handed over, to this leader or to the next, it is
 * queued once. What became of one that is not in the queue any more, the kept outcomes say (outcomes.ts).
 */
import { LIMITS } from '../domain/limits.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'
import type { ConnectionState, DeviceListener, NamedCommand } from './client-device.js'
import type { ClientOptions, Platform } from './client-options.js'
import type { Command, CommandOutcome, ConversationName } from './command-queue.js'
import { Device } from './device.js'
import type { HistoryOutcome } from './history-reads.js'
import { Outcomes } from './outcomes.js'
import { type ClientStorage, EPOCH, FencedError } from './storage.js'
import {
  type FromLeader,
  type FromTab,
  type Join,
  ownBytes,
  plainState,
  type TabCommand,
  type TabNews,
  type TabRequest,
} from './tab-words.js'
import type { Item } from './timeline.js'

export interface TabLeaderParts {
  readonly options: ClientOptions
  readonly platform: Platform
  readonly storage: ClientStorage
  /** The tab in which this leader lives. */
  readonly home: string
  /** To the tab in which this leader lives, and, where there are others, to those. */
  tell(word: FromLeader, isForOthers: boolean): void
  /** Another leader has opened the storage, whether it lives still or not. */
  fenced(): void
}

/** Tabs ping every few seconds; in the background a browser lets them once a minute. */
const SILENT_MS_MAX = 300_000

export class TabLeader {
  readonly #parts: TabLeaderParts
  readonly #device: Device
  /** Leaders that come later have higher ones. */
  readonly epoch: number
  readonly #outcomes: Outcomes
  /** Commands without an outcome, and whether they are stored. */
  readonly #open = new Map<string, NamedCommand & { isStored: boolean }>()
  /** Up to where each conversation was shown. */
  readonly #shownTo = new Map<string, number>()
  /** Tabs that have joined, the last request of each and when it came, and whom each of them watches. */
  readonly #tabs = new Map<string, { k: number; heardAt: number; watched: readonly string[] }>()
  #isClosing = false
  #state: ConnectionState = { kind: 'closed' }
  #k = 0

  /** Rejects with StorageError where the storage cannot be used. */
  static async open(parts: TabLeaderParts): Promise<TabLeader> {
    const entries = await parts.storage.open()
    try {
      return new TabLeader(parts, entries)
    } catch (cause) {
      await parts.storage.close()
      throw cause
    }
  }

  private constructor(parts: TabLeaderParts, entries: ReadonlyMap<string, string>) {
    this.#parts = parts
    this.epoch = Number(entries.get(EPOCH))
    this.#device = new Device({ ...parts, listener: this.#listener() }, entries)
    this.#outcomes = new Outcomes(entries, (key, value) => this.#device.keep(key, value))
    for (const each of this.#device.kept.commands) this.#open.set(each.command.id, { ...each, isStored: true })
    for (const { name, held } of this.#device.held()) this.#shownTo.set(keyOf(name), held)
  }

  begin(): void {
    this.#tell({ kind: 'leading' }, true)
  }

  /** A tab asks. */
  take({ tab, k, request }: FromTab): void {
    const { kind } = request
    if (kind === 'join') return this.#join(tab, k, request)
    if (kind === 'ping') this.#tell({ kind: 'pong' }, true)
    const known = this.#tabs.get(tab)
    if (known === undefined) {
      // Meant for the leader before: when the tab joins this one it says all of that again, and in its order.
      if (kind === 'ping') this.begin() // or it was silent for so long that it was forgotten
      return
    }
    known.heardAt = this.#now
    if (k !== ++known.k) return this.begin() // this one slept, and missed some: all join again
    if (kind === 'queue') this.#queue(request.command)
    else if (kind === 'read') this.#read(tab, request)
    else if (kind === 'ask') this.#ask(tab, request)
    else if (kind === 'follow') this.#device.follow(request.name)
    else if (kind === 'tell') this.#device.tell(request.frame)
    else if (kind === 'watch') this.#watch(tab, request.users)
    else if (kind === 'start') this.#device.start()
    else if (kind === 'wake') this.#device.wake()
    else if (kind === 'leave') this.#watch(tab, undefined)
  }

  /** What was queued is stored, or a while has passed. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#device.close()
  }

  /** Another tab has the lead already. */
  async abandon(): Promise<void> {
    this.#isClosing = true
    await this.#device.abandon()
  }

  #join(tab: string, k: number, { isFirst, isStarted, commands, followed, watched }: Join): void {
    const device = this.#device
    this.#forget()
    this.#tabs.set(tab, { k, heardAt: this.#now, watched: [] })
    this.#tell({
      kind: 'joined',
      to: tab,
      self: device.self,
      state: plainState(this.#state),
      incarnation: device.incarnation,
      entries: [...device.entries],
      commands: isFirst ? [...this.#open.values()].map(({ name, command }) => ({ name, command })) : [],
      held: device.held(),
      outcomes: this.#outcomes.count,
    })
    for (const command of commands) this.#queue(command)
    const known = new Set(device.held().flatMap(({ name, isFollowed }) => (isFollowed ? keyOf(name) : [])))
    for (const name of followed) if (!known.has(keyOf(name))) device.follow(name)
    if (watched.length > 0) this.#watch(tab, watched)
    if (isStarted) device.start()
  }

  #queue({ name, command, since }: TabCommand): void {
    const { id } = command
    const open = this.#open.get(id)
    if (open !== undefined) {
      if (open.isStored) this.#tell({ kind: 'stored', id })
      return
    }
    const outcomes = this.#outcomes.count
    const outcome = this.#outcomes.find(id)
    const isLost = outcome === undefined ? !this.#outcomes.covers(since) : outcome.kind === 'unknown'
    if (isLost) this.#tell({ kind: 'unknown', name, command: light(command), outcomes })
    else if (outcome !== undefined) {
      this.#tell({ kind: 'settled', name, command: light(command), outcome: outcome as CommandOutcome, outcomes })
    } else {
      this.#open.set(id, { name, command, isStored: false })
      this.#device.queue(name, command)
    }
  }

  #read(to: string, { ref, name, range }: Extract<TabRequest, { kind: 'read' }>): void {
    this.#device.read(name, range, (outcome) => {
      if (this.#isClosing && outcome.kind === 'unanswered') return // it is asked of the next leader
      this.#tell({ kind: 'answer', to, ref, outcome: ownOutcome(outcome) })
    })
  }

  #ask(to: string, { ref, frame }: Extract<TabRequest, { kind: 'ask' }>): void {
    this.#device.ask((own) => ({ ...frame, ref: own }) as EncodableFrame, {
      answered: (answer) => this.#tell({ kind: 'answer', to, ref, outcome: { kind: 'answered', frame: answer } }),
      unanswered: () => this.#tell({ kind: 'answer', to, ref, outcome: { kind: 'unanswered' } }),
    })
  }

  get #now(): number {
    return this.#parts.platform.clock.monotonic()
  }

  /** A page that is closed or loaded anew often does not say so. */
  #forget(): void {
    for (const [tab, { heardAt }] of this.#tabs) {
      if (tab !== this.#parts.home && this.#now - heardAt > SILENT_MS_MAX) this.#watch(tab, undefined)
    }
  }

  /** The server takes one list a connection: that of all tabs. Undefined: this tab has left. */
  #watch(tab: string, users: readonly string[] | undefined): void {
    const known = this.#tabs.get(tab)
    if (users === undefined) this.#tabs.delete(tab)
    else if (known !== undefined) known.watched = users
    const all = [...new Set([...this.#tabs.values()].reverse().flatMap(({ watched }) => watched))]
    this.#device.tell({ kind: 'watch', ref: 0, users: all.slice(0, LIMITS.watchedUsersMax) })
  }

  #listener(): DeviceListener {
    return {
      state: (state) => {
        this.#state = state
        this.#tell({ kind: 'state', state: plainState(state) })
      },
      trouble: (trouble) => {
        if (trouble.kind === 'mark-refused') return // a client's own word
        if (trouble.kind !== 'storage-failed') this.#tell({ kind: 'trouble', trouble })
        else if (trouble.cause instanceof FencedError) this.#parts.fenced()
        else this.#tell({ kind: 'trouble', trouble: { ...trouble, cause: `${trouble.cause}` } })
      },
      stored: ({ id }) => {
        const open = this.#open.get(id)
        if (open !== undefined) open.isStored = true
        this.#tell({ kind: 'stored', id })
      },
      sent: ({ id }) => this.#tell({ kind: 'sent', id }),
      settled: (name, command, outcome) => {
        this.#settle(command.id, outcome)
        this.#tell({ kind: 'settled', name, command: light(command), outcome, outcomes: this.#outcomes.count })
      },
      unknown: (name, command) => {
        this.#settle(command.id, { kind: 'unknown' })
        this.#tell({ kind: 'unknown', name, command: light(command), outcomes: this.#outcomes.count })
      },
      received: () => {}, // a tab hears what it is shown
      shown: (name, item) => {
        const after = this.#shownTo.get(keyOf(name)) ?? 0
        this.#shownTo.set(keyOf(name), item.seq)
        this.#tell({ kind: 'shown', name, item: ownItem(item), after })
      },
      restarted: (name) => {
        if (name === undefined) this.#shownTo.clear()
        else this.#shownTo.delete(keyOf(name))
        this.#tell({ kind: 'restarted', name })
      },
      listed: (entries) => this.#tell({ kind: 'listed', entries, incarnation: this.#device.incarnation }),
      signalled: (frame) => this.#tell({ kind: 'signalled', frame }),
    }
  }

  #settle(id: string, outcome: CommandOutcome | { readonly kind: 'unknown' }): void {
    this.#open.delete(id)
    this.#outcomes.add(id, outcome)
  }

  #tell(news: TabNews, isForAll = false): void {
    const { home, tell } = this.#parts
    const isAlone = this.#tabs.size === 0 || (this.#tabs.size === 1 && this.#tabs.has(home))
    tell({ from: 'leader', epoch: this.epoch, k: this.#k++, news }, isForAll || !isAlone)
  }
}

function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}

/** Without its content, which nobody needs who hears of its outcome. */
function light(command: Command): Command {
  return command.body.kind === 'send' ? { ...command, body: { kind: 'send', content: new Uint8Array() } } : command
}

function ownItem(item: Item): Item {
  return item.kind === 'event' ? { ...item, event: { ...item.event, ...ownContent(item.event) } } : item
}

function ownOutcome(outcome: HistoryOutcome): HistoryOutcome {
  if (outcome.kind !== 'read') return outcome
  return { ...outcome, events: outcome.events.map((event) => ({ ...event, ...ownContent(event) })) }
}

function ownContent({ content }: { readonly content?: Uint8Array | undefined }): { content?: Uint8Array } {
  return content === undefined ? {} : { content: ownBytes(content) }
}
