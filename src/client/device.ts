/**
 * A device between opening and closing its storage: the session with what an earlier life kept, the token it says Hello
 * with, and what becomes of it when the server will not have it.
 */
import { isAboutToken, refusalOfWire } from '../domain/refusal.js'
import type { EncodableFrame, InboxEntryFacts, RefusalFrame, WelcomeFrame } from '../protocol/decoded-frame.js'
import { random64 } from '../std/random.js'
import type { ClientDevice, DeviceListener, KeptFacts } from './client-device.js'
import { type ClientOptions, type Platform, RECENT_MAX_DEFAULT } from './client-options.js'
import type { Command, ConversationName } from './command-queue.js'
import { ClientError, RefusedError } from './errors.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { HeldConversation } from './journal.js'
import { FORMAT, KEYS, readKept } from './kept-text.js'
import type { Asked } from './link.js'
import { Session } from './session.js'
import type { SessionListener } from './session-listener.js'
import { type ClientStorage, StorageError } from './storage.js'
import { StoredJournal } from './stored-journal.js'
import type { Self } from './timeline-event.js'
import { TokenLife } from './token-life.js'
import { TokenSource } from './token-source.js'
import { dialerOf } from './transport.js'

export interface DeviceParts {
  readonly options: ClientOptions
  readonly platform: Platform
  readonly storage: ClientStorage
  readonly listener: DeviceListener
}

/** How long `close` waits for a write that does not end. */
const CLOSE_MS_MAX = 2_000

export class Device implements ClientDevice {
  readonly kept: KeptFacts
  readonly #session: Session
  #self: Self | undefined
  readonly #parts: DeviceParts
  readonly #journal: StoredJournal
  readonly #tokens: TokenSource
  readonly #tokenLife: TokenLife
  /** What the last Hello was said with. */
  #token = ''
  readonly #name: string
  #isRunning = false

  /** Rejects with StorageError where the storage cannot be used. */
  static async open(parts: DeviceParts): Promise<Device> {
    const entries = await parts.storage.open()
    try {
      return new Device(parts, entries)
    } catch (cause) {
      await parts.storage.close()
      throw cause
    }
  }

  /** `entries`: of a storage that was opened. Throws StorageError where they are not ours to read. */
  constructor(parts: DeviceParts, entries: ReadonlyMap<string, string>) {
    this.#parts = parts
    const { options, platform, storage, listener } = parts
    const { clock, random, transport } = platform
    const found = readKept(entries)
    this.kept = {
      entries: found?.session.inbox?.entries ?? [],
      commands: (found?.session.conversations ?? []).flatMap(({ name, commands }) =>
        commands.map(({ command }) => ({ name, command })),
      ),
    }
    this.#name = deviceName(options.device, entries.get(KEYS.device), random64(random))
    const owner = entries.get(KEYS.owner)
    if (owner !== undefined)
      this.#self = { ...(JSON.parse(owner) as { app: string; user: string }), device: this.#name }
    this.#journal = new StoredJournal({
      clock,
      storage,
      orders: found?.orders ?? new Map(),
      listed: found?.listed ?? [],
      failed: (cause) => listener.trouble({ kind: 'storage-failed', cause }),
    })
    this.#journal.put(KEYS.format, FORMAT)
    this.#journal.put(KEYS.device, this.#name)
    this.#tokens = new TokenSource(options.token, clock, random)
    this.#tokenLife = new TokenLife({ clock, random, due: () => void this.#renewToken() })
    this.#session = new Session({
      clock,
      random,
      dial: dialerOf({ servers: options.servers, transport, clock, random }),
      listener: this.#sessionListener(),
      token: '',
      device: this.#name,
      journal: this.#journal,
      recentMax: options.recentMax ?? RECENT_MAX_DEFAULT,
      ...(found !== undefined && { kept: found.session }),
    })
  }

  get self(): Self | undefined {
    return this.#self
  }

  get incarnation(): number {
    return this.#session.inbox.cursor.incarnation
  }

  /** The conversation list, as it is now. */
  get entries(): Iterable<InboxEntryFacts> {
    return this.#session.inbox.entries
  }

  /** What is held of each conversation that this device has to do with. */
  held(): readonly HeldConversation[] {
    return this.#session.held()
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#dial()
  }

  wake(): void {
    this.#session.wake()
  }

  queue(name: ConversationName, command: Command): void {
    this.#session.queue(name, command)
  }

  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    this.#session.read(name, range, done)
  }

  follow(name: ConversationName): void {
    this.#session.follow(name)
  }

  ask(frame: (ref: number) => EncodableFrame, asked: Asked): void {
    this.#session.ask(frame, asked)
  }

  tell(frame: EncodableFrame): void {
    this.#session.tell(frame)
  }

  /** Keeps this too, with what else is told within this task. */
  keep(key: string, value: string | undefined): void {
    this.#journal.put(key, value)
  }

  async close(): Promise<void> {
    this.#end()
    await this.#journal.settle(CLOSE_MS_MAX)
    await this.abandon()
  }

  /** Stops at once: what is not stored yet will not be. */
  async abandon(): Promise<void> {
    this.#end()
    this.#journal.stop()
    await this.#parts.storage.close()
  }

  #end(): void {
    this.#isRunning = false
    this.#tokenLife.stop()
    this.#session.stop()
  }

  async #dial(): Promise<void> {
    this.#parts.listener.state({ kind: 'connecting' })
    if (await this.#renewToken()) this.#session.start()
  }

  /** False where nobody wants one any more. */
  async #renewToken(): Promise<boolean> {
    this.#tokenLife.stop()
    const token = await this.#tokens.fetch(() => this.#isRunning)
    if (token === undefined || !this.#isRunning) return false
    this.#token = token
    this.#session.renewToken(token)
    if (this.#tokens.isRenewable) this.#tokenLife.begin(token)
    return true
  }

  #sessionListener(): SessionListener {
    const { listener } = this.#parts
    return {
      signalled: (frame) => listener.signalled?.(frame),
      connection: (state) => {
        if (state === 'connecting' || state === 'waiting') listener.state({ kind: state })
      },
      online: (welcome) => this.#online(welcome),
      stored: (command) => listener.stored(command),
      sent: (command) => listener.sent(command),
      settled: (name, command, outcome) => listener.settled(name, command, outcome),
      laneLost: (reason) => listener.trouble({ kind: 'lane-lost', reason }),
      unknown: (name, command) => listener.unknown(name, command),
      received: (frame) => listener.received(frame),
      shown: (name, item) => listener.shown(name, item),
      listed: (entries) => listener.listed(entries),
      inboxRefused: ({ code }) =>
        listener.trouble({ kind: 'inbox-ahead', reason: refusalOfWire(code) ?? String(code) }),
      restarted: (conversation) => {
        listener.trouble({ kind: 'history-restarted', ...(conversation !== undefined && { conversation }) })
        listener.restarted(conversation)
      },
      rejected: (refusal) => this.#rejected(refusal),
    }
  }

  #online({ app, user, serverTime }: WelcomeFrame): void {
    this.#tokens.accepted()
    this.#tokenLife.serverSays(serverTime)
    if (this.#tokens.isRenewable) this.#tokenLife.begin(this.#token)
    if (this.#self !== undefined && (this.#self.app !== app || this.#self.user !== user)) {
      const message = `Cannot be ${user} of ${app}: this storage holds the queue of ${this.#self.user} of ${this.#self.app}`
      return this.#stop(new ClientError('foreign-storage', message))
    }
    this.#self = { app, user, device: this.#name }
    this.#journal.put(KEYS.owner, JSON.stringify({ app, user }))
    this.#parts.listener.state({ kind: 'online', self: this.#self })
  }

  #rejected(refusal: RefusalFrame): void {
    const name = refusalOfWire(refusal.code)
    if (isAboutToken(name) && this.#tokens.refused()) void this.#dial()
    else this.#stop(new RefusedError(refusal.code, refusal.advice))
  }

  #stop(error: RefusedError | ClientError): void {
    this.#end()
    this.#parts.listener.state({ kind: 'stopped', error })
  }
}

function deviceName(asked: string | undefined, kept: string | undefined, drawn: bigint): string {
  if (asked !== undefined && kept !== undefined && asked !== kept) {
    throw new StorageError(`Cannot be device ${asked}: this storage is that of device ${kept}`)
  }
  return asked ?? kept ?? `device-${drawn.toString(16).padStart(16, '0')}`
}
