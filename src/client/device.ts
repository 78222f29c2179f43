/**
 * A device between opening and closing its storage: the session with what an earlier life kept, the token it says Hello
 * with, and what becomes of it when the server will not have it.
 */
import { isAboutToken, refusalOfWire } from '../domain/refusal.js'
import type { RefusalFrame, WelcomeFrame } from '../protocol/decoded-frame.js'
import { random64 } from '../std/random.js'
import { type ClientOptions, type Platform, RECENT_MAX_DEFAULT } from './client-options.js'
import type { ConversationName } from './command-queue.js'
import { ClientError, RefusedError } from './errors.js'
import type { KeptSession } from './journal.js'
import { FORMAT, KEYS, readKept } from './kept-text.js'
import { Session } from './session.js'
import type { SessionListener } from './session-listener.js'
import type { Signals } from './signals.js'
import { type ClientStorage, StorageError } from './storage.js'
import { StoredJournal } from './stored-journal.js'
import type { Self } from './timeline-event.js'
import { TokenLife } from './token-life.js'
import { TokenSource } from './token-source.js'
import { dialerOf } from './transport.js'

export type ConnectionState =
  /** Not connected on purpose: not yet, or not any more. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online'; readonly self: Self }
  /** The connection broke or could not be made; the next attempt comes by itself. */
  | { readonly kind: 'waiting' }
  /** It does not connect again by itself, because that would not help: `error.todo` says what would. */
  | { readonly kind: 'stopped'; readonly error: RefusedError | ClientError }

/** Nothing to act on, but worth a line in the application's log. */
export type Trouble =
  /** The server and this device disagree about what was sent, as after a restored backup; sending goes on. */
  | { readonly kind: 'lane-lost'; readonly reason: string }
  /** The server knows less of the conversation list than this device: it has lost data, and an operator must look. */
  | { readonly kind: 'inbox-ahead'; readonly reason: string }
  /** The server went back in time, as after a restored backup: what was shown is void, and every conversation is shown
   *  again; or only this one. */
  | { readonly kind: 'history-restarted'; readonly conversation?: ConversationName }
  /** A setting or a reading was refused for good, as for a conversation that never came to stand in the list. */
  | { readonly kind: 'mark-refused'; readonly conversation: ConversationName; readonly error: RefusedError }
  /** Nothing new is sent until a write succeeds; it is tried again by itself. */
  | { readonly kind: 'storage-failed'; readonly cause: unknown }

export interface DeviceListener
  extends Omit<SessionListener, 'connection' | 'online' | 'laneLost' | 'rejected' | 'inboxRefused'> {
  state(state: ConnectionState): void
  trouble(trouble: Trouble): void
}

export interface DeviceParts {
  readonly options: ClientOptions
  readonly platform: Platform
  readonly storage: ClientStorage
  readonly listener: DeviceListener
  readonly signals: Signals
}

/** How long `close` waits for a write that does not end. */
const CLOSE_MS_MAX = 2_000

export class Device {
  readonly session: Session
  /** What an earlier life left. */
  readonly kept: KeptSession | undefined
  /** Undefined until a server has said so, in this life or an earlier one. */
  self: Self | undefined
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

  private constructor(parts: DeviceParts, entries: ReadonlyMap<string, string>) {
    this.#parts = parts
    const { options, platform, storage, listener } = parts
    const { clock, random, transport } = platform
    const found = readKept(entries)
    this.kept = found?.session
    this.#name = deviceName(options.device, entries.get(KEYS.device), random64(random))
    const owner = entries.get(KEYS.owner)
    if (owner !== undefined) this.self = { ...(JSON.parse(owner) as { app: string; user: string }), device: this.#name }
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
    this.session = new Session({
      clock,
      random,
      dial: dialerOf({ servers: options.servers, transport, clock, random }),
      listener: this.#sessionListener(),
      token: '',
      device: this.#name,
      journal: this.#journal,
      recentMax: options.recentMax ?? RECENT_MAX_DEFAULT,
      ...(this.kept !== undefined && { kept: this.kept }),
    })
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#dial()
  }

  async close(): Promise<void> {
    this.#isRunning = false
    this.#tokenLife.stop()
    this.session.stop()
    await this.#journal.settle(CLOSE_MS_MAX)
    await this.#parts.storage.close()
  }

  async #dial(): Promise<void> {
    this.#parts.listener.state({ kind: 'connecting' })
    if (await this.#renewToken()) this.session.start()
  }

  /** False where nobody wants one any more. */
  async #renewToken(): Promise<boolean> {
    this.#tokenLife.stop()
    const token = await this.#tokens.fetch(() => this.#isRunning)
    if (token === undefined || !this.#isRunning) return false
    this.#token = token
    this.session.renewToken(token)
    if (this.#tokens.isRenewable) this.#tokenLife.begin(token)
    return true
  }

  #sessionListener(): SessionListener {
    const { listener, signals } = this.#parts
    return {
      signalled: (frame) => {
        if (frame.kind === 'receipt') listener.signalled?.(frame)
        else signals.take(frame)
      },
      connection: (state) => {
        if (state !== 'online') signals.down()
        if (state === 'connecting' || state === 'waiting') listener.state({ kind: state })
      },
      online: (welcome) => this.#online(welcome),
      stored: (command) => listener.stored(command),
      sent: (command) => listener.sent(command),
      settled: (name, command, outcome, lane) => listener.settled(name, command, outcome, lane),
      laneLost: (reason) => listener.trouble({ kind: 'lane-lost', reason }),
      unknown: (name, command) => listener.unknown(name, command),
      received: (frame) => {
        if (frame.kind === 'event') signals.heard(frame)
        listener.received(frame)
      },
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
    if (this.self !== undefined && (this.self.app !== app || this.self.user !== user)) {
      const message = `Cannot be ${user} of ${app}: this storage holds the queue of ${this.self.user} of ${this.self.app}`
      return this.#stop(new ClientError('foreign-storage', message))
    }
    this.self = { app, user, device: this.#name }
    this.#journal.put(KEYS.owner, JSON.stringify({ app, user }))
    this.#parts.signals.up(user, this.session)
    this.#parts.listener.state({ kind: 'online', self: this.self })
  }

  #rejected(refusal: RefusalFrame): void {
    const name = refusalOfWire(refusal.code)
    if (isAboutToken(name) && this.#tokens.refused()) void this.#dial()
    else this.#stop(new RefusedError(refusal.code, refusal.advice))
  }

  #stop(error: RefusedError | ClientError): void {
    this.#isRunning = false
    this.#tokenLife.stop()
    this.session.stop()
    this.#parts.listener.state({ kind: 'stopped', error })
  }
}

function deviceName(asked: string | undefined, kept: string | undefined, drawn: bigint): string {
  if (asked !== undefined && kept !== undefined && asked !== kept) {
    throw new StorageError(`Cannot be device ${asked}: this storage is that of device ${kept}`)
  }
  return asked ?? kept ?? `device-${drawn.toString(16).padStart(16, '0')}`
}
