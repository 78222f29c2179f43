/**
 * A device that the tabs of a browser share: one of them, the leader, has the connection (tab-leader.ts); all, that one
 * too, ask it and hear from it. When it is gone, another takes the lead and goes on from the storage.
 *
 * Nothing that was asked is lost with a leader: whoever joins the next one says what has no outcome yet, and asks again
 * what was not answered. A leader that says nothing, as one that is frozen, is replaced; the storage sees to it that it
 * changes nothing any more when it wakes.
 */
import type { ConversationKind } from '../domain/ids.js'
import type { EncodableFrame } from '../protocol/decoded-frame.js'
import type { ClientDevice, DeviceListener, KeptFacts } from './client-device.js'
import { type ClientOptions, type Platform, RECENT_MAX_DEFAULT } from './client-options.js'
import type { Command, ConversationName } from './command-queue.js'
import { ClientError } from './errors.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { Asked } from './link.js'
import type { SharedStorage } from './storage.js'
import { TabCommands } from './tab-commands.js'
import { TabLine } from './tab-line.js'
import { TabList } from './tab-list.js'
import { TabQuestions } from './tab-questions.js'
import { TabTimelines } from './tab-timelines.js'
import { TabUser } from './tab-user.js'
import { type Join, type Joined, type PlainState, plainState, stateOf, type TabNews } from './tab-words.js'
import type { Self } from './timeline-event.js'

export interface TabDeviceParts {
  readonly options: ClientOptions
  readonly platform: Platform
  readonly storage: SharedStorage
  readonly listener: DeviceListener
}

/** Longer than it takes to replace a leader that says nothing. */
const OPEN_MS_MAX = 30_000
/** How long `close` waits for what the leader has not stored. */
const CLOSE_MS_MAX = 2_000

export class TabDevice implements ClientDevice {
  kept: KeptFacts = { entries: [], commands: [] }
  self: Self | undefined
  readonly #parts: TabDeviceParts
  readonly #line: TabLine
  readonly #commands = new TabCommands()
  readonly #list = new TabList()
  readonly #questions: TabQuestions
  readonly #timelines: TabTimelines
  readonly #followed = new Map<string, ConversationName>()
  #watched: readonly string[] = []
  #isStarted = false
  #state: PlainState = { kind: 'closed' }
  readonly #user: TabUser
  /** Something was not handed over to the leader, because it is not known yet whether this tab may write. */
  #isHolding = false
  /** Why this tab has no part in the device any more. */
  #refusal: ClientError | undefined
  /** Ends `open`, which is under way until then. */
  #opened: ((failure?: unknown) => void) | undefined

  /** Rejects with StorageError where the storage cannot be used, and with ClientError: `foreign-storage` where it is another
   *  user's, `no-leader` after 30 s without a word of the tab that has it. */
  static async open(parts: TabDeviceParts): Promise<TabDevice> {
    const device = new TabDevice(parts)
    try {
      await device.#begin()
      return device
    } catch (cause) {
      await device.close()
      throw cause
    }
  }

  private constructor(parts: TabDeviceParts) {
    this.#parts = parts
    const { platform, options, listener } = parts
    const { clock } = platform
    this.#line = new TabLine({
      ...parts,
      join: (isLeader) => this.#join(isLeader),
      joined: (news) => this.#joined(news),
      take: (news) => this.#take(news),
      failed: (cause) => {
        if (this.#opened !== undefined) this.#opened(cause)
        else listener.trouble({ kind: 'storage-failed', cause })
      },
    })
    this.#user = new TabUser({
      ...{ token: options.token, clock },
      changed: () => (this.#opened !== undefined ? this.#line.join() : this.#look()),
    })
    this.#questions = new TabQuestions(clock, (request) => this.#line.ask(request))
    this.#timelines = new TabTimelines({
      clock,
      recentMax: options.recentMax ?? RECENT_MAX_DEFAULT,
      shown: (name, item) => {
        if (item.kind === 'event') listener.received(item.event)
        listener.shown(name, item)
      },
      read: (name, range, done) => this.read(name, range, done),
    })
  }

  get incarnation(): number {
    return this.#list.incarnation
  }

  start(): void {
    if (this.#refusal !== undefined) return this.#tell(this.#state)
    this.#isStarted = true
    const { kind } = this.#state
    this.#line.ask({ kind: 'start' })
    if (this.#state.kind === kind && kind !== 'stopped') this.#became(this.#state)
  }

  wake(): void {
    this.#line.ask({ kind: 'wake' })
  }

  queue(name: ConversationName, command: Command): void {
    const handed = this.#commands.add({ name, command })
    if (this.#mayWrite) this.#line.ask({ kind: 'queue', command: handed })
    else this.#isHolding = true
  }

  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    this.#questions.read(name, range, done)
  }

  follow(name: ConversationName): void {
    this.#followed.set(`${name.kind} ${name.id}`, name)
    this.#line.ask({ kind: 'follow', name })
  }

  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void {
    this.#questions.ask(frame, asked)
  }

  tell(frame: EncodableFrame): void {
    if (frame.kind !== 'watch') return this.#line.ask({ kind: 'tell', frame })
    this.#watched = frame.users
    this.#line.ask({ kind: 'watch', users: frame.users })
  }

  async close(): Promise<void> {
    const isSettling = !this.#line.isLeading && this.#refusal === undefined
    if (isSettling) await this.#commands.settle(this.#parts.platform.clock, CLOSE_MS_MAX)
    this.#user.stop()
    await this.#line.close()
    this.#questions.stop()
  }

  /** Who leads says Hello itself, and finds out at its Welcome whose storage it has. */
  get #mayWrite(): boolean {
    return this.#refusal === undefined && (this.#line.isLeading || this.#user.mayWrite(this.self))
  }

  #begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { clock } = this.#parts.platform
      const timer = clock.after(OPEN_MS_MAX, () => {
        this.#opened?.(new ClientError('no-leader', 'Cannot open this storage: the tab that has it does not answer'))
      })
      this.#opened = (failure) => {
        this.#opened = undefined
        timer.cancel()
        if (failure === undefined) resolve()
        else reject(failure)
      }
      this.#user.begin()
      this.#line.begin()
    })
  }

  #join(isLeader: boolean): Join | undefined {
    if (!this.#user.isReady && !isLeader) return undefined
    const commands = this.#commands.all()
    const mayWrite = this.#mayWrite
    this.#isHolding = !mayWrite && commands.length > 0
    return {
      kind: 'join',
      isFirst: this.#opened !== undefined,
      isStarted: this.#isStarted,
      commands: mayWrite ? commands : [],
      followed: [...this.#followed.values()],
      watched: this.#watched,
    }
  }

  #joined(news: Joined): void {
    const { self, state, held, outcomes } = news
    this.#commands.heard(outcomes)
    this.self = self ?? this.self
    if (this.#opened !== undefined) return this.#opened(this.#beginWith(news))
    if (!this.#look()) return
    this.#meet(news)
    this.#timelines.meet(held)
    this.#questions.again()
    if (this.#isStarted && state.kind !== this.#state.kind) this.#became(state)
  }

  /** Returns why not. */
  #beginWith({ self, state, incarnation, entries, commands, held }: Joined): ClientError | undefined {
    const refusal = this.#user.refusal(self)
    if (refusal !== undefined) return refusal
    this.kept = { entries, commands }
    for (const each of commands) this.#commands.restore(each)
    this.#timelines.begin(held)
    this.#list.heard(entries, incarnation)
    this.#state = state
    return undefined
  }

  /** Something is known now of this tab's user, or of the device's: false where they are two. */
  #look(): boolean {
    this.#refusal ??= this.#user.refusal(this.self)
    if (this.#refusal === undefined) {
      if (this.#isHolding && this.#mayWrite) this.#handOver()
      return true
    }
    this.#user.stop()
    void this.#line.close()
    this.#questions.stop()
    this.#tell(plainState({ kind: 'stopped', error: this.#refusal }))
    return false
  }

  #handOver(): void {
    this.#isHolding = false
    for (const command of this.#commands.all()) this.#line.ask({ kind: 'queue', command })
  }

  /** Another leader, or words that were missed. */
  #meet({ incarnation, entries }: Joined): void {
    const { listener } = this.#parts
    const before = this.#list.incarnation
    if (before !== 0 && incarnation !== 0 && incarnation !== before) {
      listener.trouble({ kind: 'history-restarted' })
      this.#restarted(undefined)
    }
    const changed = this.#list.news(entries)
    for (const { conversationKind, conversation, incarnation: raised, sinceSeq } of this.#list.raised(changed)) {
      const name: ConversationName = { kind: conversationKind as ConversationKind, id: conversation }
      if (!this.#timelines.hasOfBefore(name, raised, sinceSeq)) continue
      listener.trouble({ kind: 'history-restarted', conversation: name })
      this.#restarted(name)
    }
    this.#list.heard(changed, incarnation)
    if (changed.length > 0) listener.listed(changed)
  }

  #take(news: TabNews): void {
    const { listener } = this.#parts
    const { kind } = news
    if (kind === 'shown') this.#timelines.take(news.name, news.item, news.after)
    else if (kind === 'state') this.#became(news.state)
    else if (kind === 'answer') this.#questions.answered(news.ref, news.outcome)
    else if (kind === 'trouble') listener.trouble(news.trouble)
    else if (kind === 'restarted') this.#restarted(news.name)
    else if (kind === 'listed') {
      this.#list.heard(news.entries, news.incarnation)
      listener.listed(news.entries)
    } else if (kind === 'signalled') listener.signalled?.(news.frame)
    else this.#progress(news)
  }

  /** Of a command, of this tab or of another. */
  #progress(news: TabNews): void {
    const { listener } = this.#parts
    if (news.kind === 'stored') {
      this.#commands.stored(news.id)
      listener.stored(news)
    } else if (news.kind === 'sent') listener.sent(news)
    else if (news.kind === 'settled' || news.kind === 'unknown') {
      const { name, command, outcomes } = news
      this.#commands.heard(outcomes)
      this.#commands.ended(command.id)
      if (news.kind === 'settled') listener.settled(name, command, news.outcome)
      else listener.unknown(name, command)
    }
  }

  #restarted(name: ConversationName | undefined): void {
    this.#timelines.restart(name)
    this.#list.restart(name)
    this.#parts.listener.restarted(name)
  }

  #became(state: PlainState): void {
    if (state.kind === 'online') {
      this.self = state.self
      if (!this.#look()) return
    }
    this.#tell(state)
  }

  #tell(state: PlainState): void {
    this.#state = state
    if (state.kind === 'closed') return
    if (state.kind !== 'online') this.#questions.down()
    if (state.kind === 'stopped') this.#isStarted = false
    this.#parts.listener.state(stateOf(state))
  }
}
