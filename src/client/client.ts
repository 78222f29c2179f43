/**
 * The client library: what an application talks to. Around the session machine (session.ts, which the simulator runs)
 * stand storage, tokens and addresses (device.ts), alone or shared with other tabs (tab-device.ts); here callbacks become
 * promises, streams and states.
 *
 * Everything works offline: what is sent before or between connections is stored and goes out when there is one.
 * Handlers are registered before `connect()`: an event that was shown counts as held on this device, for good.
 */
import { ActorKind, type ConversationKind, ID_BYTES_MAX, isConversationId, isId } from '../domain/ids.js'
import { ChangeAction } from '../protocol/wire-numbers.js'
import { random64 } from '../std/random.js'
import type { ClientDevice, ConnectionState, DeviceListener, Trouble } from './client-device.js'
import { ClientInbox } from './client-inbox.js'
import { type ClientOptions, checkOptions, type Platform } from './client-options.js'
import type { Command, CommandOutcome, ConversationName, Mark } from './command-queue.js'
import { Conversation, checkUsers, type NewGroup } from './conversation.js'
import { ConversationCalls, closedError } from './conversation-calls.js'
import { Device } from './device.js'
import { RefusedError } from './errors.js'
import { HeldCalls } from './held-calls.js'
import type { InboxEntry } from './inbox-view.js'
import { Listeners } from './listeners.js'
import { OpenCommands } from './open-commands.js'
import { Outgoing } from './outgoing.js'
import { type Receipt, receiptsOf } from './receipt.js'
import { Signals } from './signals.js'
import { type ClientStorage, isShared, MemoryStorage, type SharedStorage } from './storage.js'
import { Streams } from './streams.js'
import { TabDevice } from './tab-device.js'
import type { Item } from './timeline.js'
import { eventOfItem, type Message, type TimelineEvent } from './timeline-event.js'

/** Commands without an outcome; one more throws `queue-full`. */
const QUEUE_MAX = 10_000

export class Client {
  /** Who is online, and who is typing. */
  readonly presence: Signals
  readonly #options: ClientOptions
  readonly #platform: Platform
  readonly #storage: ClientStorage | SharedStorage
  readonly #events: Listeners<TimelineEvent>
  readonly #states: Listeners<ConnectionState>
  readonly #troubles: Listeners<Trouble>
  readonly #receipts: Listeners<Receipt>
  readonly #open = new OpenCommands()
  readonly #followed = new Set<string>()
  readonly #held = new HeldCalls(() => this.#device)
  readonly #streams = new Streams({ held: this.#held, follow: (device, name) => this.#follow(device, name) })
  readonly #inbox: ClientInbox
  readonly #calls: ConversationCalls
  #device: ClientDevice | undefined
  #opening: Promise<ClientDevice> | undefined
  #state: ConnectionState = { kind: 'closed' }
  #isClosed = false

  /** Throws ClientError `bad-option`. Does nothing before `connect`. */
  constructor(options: ClientOptions, platform: Platform) {
    checkOptions(options)
    this.#options = options
    this.#platform = platform
    this.#storage = options.storage ?? new MemoryStorage()
    this.#events = new Listeners(platform.clock)
    this.#inbox = new ClientInbox({ ...platform, held: this.#held, isFull: () => this.#isFull })
    this.#receipts = new Listeners(platform.clock)
    this.#states = new Listeners(platform.clock)
    this.#troubles = new Listeners(platform.clock)
    this.presence = new Signals(platform.clock)
    this.#calls = new ConversationCalls({
      ...{ random: platform.random, held: this.#held, open: this.#open, inbox: this.#inbox, streams: this.#streams },
      device: () => this.#device,
      isClosed: () => this.#isClosed,
      isFull: () => this.#isFull,
    })
  }

  get state(): ConnectionState {
    return this.#state
  }

  /**
   * Opens the storage, then connects and stays connected until `close`. Resolves when the server has welcomed us for the
   * first time, however long that takes; nothing needs to wait for it. Rejects with StorageError, or with the
   * error of a connection that has `stopped`; after that it may be called again.
   */
  async connect(): Promise<void> {
    this.#calls.assertOpen()
    this.#opening ??= this.#openDevice()
    const device = await this.#opening
    this.#calls.assertOpen()
    device.start()
    await new Promise<void>((resolve, reject) => {
      const look = (state: ConnectionState) => {
        if (state.kind === 'online') resolve()
        else if (state.kind === 'stopped') reject(state.error)
        else if (state.kind === 'closed') reject(closedError())
        else return
        forget()
      }
      const forget = this.#states.add(look)
      if (this.#state.kind === 'online') look(this.#state)
    })
  }

  /** Lets go of connection and storage, after what was sent is stored. What is queued goes out with the next client. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const device = await this.#opening?.catch(() => undefined)
    await device?.close()
    this.#held.close()
    this.#open.abandon()
    this.#streams.end()
    this.#become({ kind: 'closed' })
  }

  /** The network is back: connects now instead of when it is time to. */
  wake(): void {
    this.#device?.wake()
  }

  /** The conversation with one other user. It exists without being created. Throws RefusedError `bad-id`. */
  direct(user: string): Conversation {
    if (!isId(user, ID_BYTES_MAX)) throw RefusedError.of('bad-id')
    return new Conversation(this.#calls, ActorKind.direct, { peer: user })
  }

  /** A conversation that somebody has created, or will. Throws RefusedError `bad-id`. */
  conversation(id: string, kind: ConversationKind = ActorKind.group): Conversation {
    if (!isConversationId(kind, id)) throw RefusedError.of('bad-id')
    return new Conversation(this.#calls, kind, { id })
  }

  /** Resolves when the group exists, with us as its owner. Without an id it gets one at random. */
  async createGroup({ id, members, kind }: NewGroup): Promise<Conversation> {
    checkUsers(members)
    const name = id ?? random64(this.#platform.random).toString(16).padStart(16, '0')
    const group = this.conversation(name, ActorKind[kind ?? 'group'])
    await this.#calls.change(group, ChangeAction.create, members).acked()
    return group
  }

  /** What has no outcome yet, in the order it was sent: after a start, what earlier lives left in the storage. */
  pending(): Outgoing[] {
    return this.#open.all()
  }

  /** Every message of every conversation, our own included, in order and once each. Returns what ends it. */
  onMessage(listener: (message: Message) => void): () => void {
    return this.#events.add((event) => {
      if (event.kind === 'message') listener(event)
    })
  }

  /** Messages and changes of membership alike. */
  onEvent(listener: (event: TimelineEvent) => void): () => void {
    return this.#events.add(listener)
  }

  /**
   * The conversation list, the latest first: what this device knows, before there is a server what it knew last. It is kept
   * current, by the server's list and by what is heard meanwhile.
   */
  inbox(): readonly InboxEntry[] {
    return this.#inbox.entries()
  }

  /** Hears of entries that are new or have changed. */
  onInbox(listener: (changed: readonly InboxEntry[]) => void): () => void {
    return this.#inbox.listeners.add(listener)
  }

  /** Hears how far others have read, as they do, in conversations of at most 100 members. May miss some. */
  onReceipt(listener: (receipt: Receipt) => void): () => void {
    return this.#receipts.add(listener)
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#states.add(listener)
  }

  onTrouble(listener: (trouble: Trouble) => void): () => void {
    return this.#troubles.add(listener)
  }

  async #openDevice(): Promise<ClientDevice> {
    const storage = this.#storage
    const parts = { options: this.#options, platform: this.#platform, listener: this.#listener() }
    let device: ClientDevice
    try {
      device = await (isShared(storage) ? TabDevice.open({ ...parts, storage }) : Device.open({ ...parts, storage }))
    } catch (cause) {
      this.#opening = undefined // it may be free the next time
      throw cause
    }
    this.#device = device
    this.#inbox.begin(device)
    for (const { command } of device.kept.commands) if (command.body.kind === 'mark') this.#inbox.kept(command)
    const kept = device.kept.commands.filter(({ command }) => command.body.kind !== 'mark')
    this.#open.restore(
      kept.map(({ name, command }) => {
        const conversation = new Conversation(this.#calls, name.kind, { id: name.id })
        return new Outgoing(conversation, command, { kind: 'queued' })
      }),
    )
    this.#held.run()
    return device
  }

  #listener(): DeviceListener {
    return {
      state: (state) => {
        if (state.kind === 'online') {
          this.#held.run()
          this.presence.up(state.self.user, {
            tell: (frame) => this.#device?.tell(frame),
            ask: (frame, asked) => this.#device?.ask(frame, asked),
          })
        }
        this.#become(state)
      },
      trouble: (trouble) => this.#troubles.tell(trouble),
      stored: ({ id }) => this.#open.advance(id, 'queued'),
      sent: ({ id }) => this.#open.advance(id, 'sent'),
      settled: (name, command, outcome) => {
        if (command.body.kind === 'mark') return this.#markSettled(command.id, command.body, outcome)
        if (outcome.kind === 'acked') this.#accepted(name, command, outcome)
        this.#open.settle(command.id, outcome)
      },
      unknown: (_, { id }) => this.#open.lose(id),
      shown: (name, item) => this.#shown(name, item),
      restarted: (name) => {
        this.#inbox.restart(name)
        this.#streams.restarted(name)
      },
      listed: (entries) => this.#inbox.listed(entries),
      signalled: (frame) => {
        if (frame.kind !== 'receipt') this.presence.take(frame)
        else for (const receipt of receiptsOf(frame)) this.#receipts.tell(receipt)
      },
      received: (frame) => {
        if (frame.kind !== 'event') return
        this.presence.heard(frame)
        this.#inbox.heard(frame, this.#device!.self!.user)
      },
    }
  }

  /** What an accepted mark has changed, the list says. */
  #markSettled(id: string, { conversation }: Mark, outcome: CommandOutcome): void {
    this.#inbox.settled(id)
    if (outcome.kind !== 'refused') return
    this.#troubles.tell({ kind: 'mark-refused', conversation, error: new RefusedError(outcome.code) })
  }

  #accepted(name: ConversationName, { body }: Command, { seq, time }: CommandOutcome & { kind: 'acked' }): void {
    this.#follow(this.#device!, name) // who may write in it is in it
    if (body.kind === 'send' && seq !== undefined) this.#inbox.wrote(name, seq, time)
  }

  #follow(device: ClientDevice, name: ConversationName): void {
    const key = keyOf(name)
    if (this.#followed.has(key)) return
    this.#followed.add(key)
    device.follow(name)
  }

  #shown(name: ConversationName, item: Item): void {
    const self = this.#device!.self!
    const event = eventOfItem(name, item, self)
    if (event.kind === 'message' && event.from === self.user) this.#open.found(event)
    this.#events.tell(event)
    this.#streams.offer(name, event)
  }

  #become(state: ConnectionState): void {
    if (state.kind !== 'online') this.presence.down()
    this.#state = state
    this.#platform.clock.soon(() => this.#states.tell(state)) // handlers may close us, or connect again
  }

  get #isFull(): boolean {
    return this.#open.size + this.#inbox.open >= QUEUE_MAX
  }
}

function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}
