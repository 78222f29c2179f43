/**
 * One user of the page: a device of its own with the real client library and a real WebSocket, behind a network that can be
 * cut.
 */
import { type Ref, ref, shallowReactive, shallowRef } from 'vue'
import { Client } from '../../src/client/client.js'
import { webSocketTransport } from '../../src/client/web/web-socket.js'
import type {
  ClientStorage,
  ConnectionState,
  Conversation,
  ConversationName,
  InboxEntry,
  PresenceChange,
  SharedStorage,
} from '../../src/client-browser.js'
import { ActorKind, DIRECT_SEPARATOR } from '../../src/domain/ids.js'
import { PLATFORM_CLOCK } from '../../src/std/platform-clock.js'
import { SYSTEM_RANDOM } from '../../src/std/random.js'
import { CutNetwork, type Direction } from './cut-network.js'
import type { Ledger } from './ledger.js'
import { Screen, whenAnswered } from './screen.js'

/** Of the conversation that all users of the page share. */
const GROUP = 'demo'
export const GROUP_KEY = keyOf({ kind: ActorKind.group, id: GROUP })

/** Where a network stands, as its owner would say it. */
export type Line = 'online' | 'cut' | 'connecting' | 'stopped'

export interface ChatUserParts {
  readonly name: string
  readonly server: string
  readonly ledger: Ledger
  token(): Promise<string>
  /** To this user in other tabs, which have the same network; undefined where they are others. */
  readonly tabs: BroadcastChannel | undefined
  /** Where the queue is kept. */
  readonly storage: ClientStorage | SharedStorage
  /** Other users of the page who are to see what this one writes in a conversation. */
  audience(key: string): readonly string[]
}

/** Without another failure for so long the storage works again. */
const STORAGE_QUIET_MS = 3_000
/** What else a user of the page may have said elsewhere is listed, but not shown. */
const SCREENS_MAX = 12

const utf8 = new TextDecoder()

export class ChatUser {
  readonly name: string
  readonly state: Ref<ConnectionState> = shallowRef({ kind: 'closed' })
  readonly isCut = ref(false)
  /** It has been connected at least once. */
  readonly wasOnline = ref(false)
  /** The browser has just refused to keep what is to be sent; the library tries again each second. */
  readonly isStorageFailing = ref(false)
  /** Why this user takes no part, or no part any more. */
  readonly failure: Ref<Error | undefined> = shallowRef()
  /** The conversation of all; undefined until this user is known to be a member. */
  readonly group: Ref<Screen | undefined> = shallowRef()
  /** By the key of the conversation, in the order in which they were opened. */
  readonly screens: Map<string, Screen> = shallowReactive(new Map())
  /** What the server's conversation list counts as unread, by the key of the conversation. */
  readonly unread: Map<string, number> = shallowReactive(new Map())
  /** Whom of the others the server calls online; nothing is known of who is not in it. */
  readonly presence: Map<string, PresenceChange> = shallowReactive(new Map())
  /** Who is typing, by the key of the conversation. */
  readonly typing: Map<string, readonly string[]> = shallowReactive(new Map())
  /** Counts up with each message of the wire, one way or the other. */
  readonly traffic = shallowReactive<Record<Direction, number>>({ in: 0, out: 0 })
  readonly #parts: ChatUserParts
  readonly #network: CutNetwork
  readonly #client: Client
  #onScreen = ''
  readonly #peers = new Set<string>()
  #storageTimer: ReturnType<typeof setTimeout> | undefined

  constructor(parts: ChatUserParts) {
    this.#parts = parts
    this.name = parts.name
    this.#network = new CutNetwork(
      webSocketTransport(() => WebSocket),
      PLATFORM_CLOCK,
      (direction) => this.traffic[direction]++,
    )
    const options = {
      servers: [parts.server],
      token: () => this.#token(),
      storage: parts.storage,
    }
    const platform = { transport: this.#network.transport, clock: PLATFORM_CLOCK, random: SYSTEM_RANDOM }
    this.#client = new Client(options, platform)
    parts.tabs?.addEventListener('message', ({ data }) => this.#setCut(data === true))
    this.#client.onState((state) => this.#became(state))
    this.#client.onEvent(({ conversation }) => this.#met(conversation))
    this.#client.onInbox((changed) => this.#listed(changed))
    const { presence } = this.#client
    presence.onPresence((change) => this.presence.set(change.user, change))
    presence.onTyping(({ conversation, users }) => this.typing.set(keyOf(conversation), users))
    this.#client.onTrouble(({ kind }) => {
      if (kind === 'storage-failed') this.#storageFailed()
    })
  }

  get line(): Line {
    if (this.isCut.value) return 'cut'
    const { kind } = this.state.value
    return kind === 'online' || kind === 'stopped' ? kind : 'connecting'
  }

  /** Resolves at the first Welcome. */
  async connect(): Promise<void> {
    await this.#client.connect()
    this.#listed(this.#client.inbox())
  }

  cut(): void {
    this.#setCut(true)
    this.#parts.tabs?.postMessage(true)
  }

  /** The network is back, and the client told so, as a browser tells it. */
  restore(): void {
    this.#setCut(false)
    this.#parts.tabs?.postMessage(false)
  }

  #setCut(isCut: boolean): void {
    this.isCut.value = isCut
    if (isCut) return this.#network.cut()
    this.#network.restore()
    this.#client.wake()
  }

  fail(cause: unknown): void {
    this.failure.value = cause instanceof Error ? cause : new Error(String(cause))
  }

  /** The visitor sees the conversation with this key from now on, and no other; empty: none. */
  look(key: string): void {
    this.#onScreen = key
    this.#read()
  }

  /** A key was pressed. */
  types({ conversation }: Screen): void {
    this.#client.presence.typing(conversation)
  }

  direct(peer: string): Screen {
    this.#peers.add(peer)
    this.#client.presence.watch([...this.#peers])
    return this.screenOf(this.#client.direct(peer))
  }

  /** Rejects with RefusedError where it does not exist, or this user is no member. */
  async openGroup(): Promise<void> {
    const group = this.#client.conversation(GROUP)
    await whenAnswered(() => group.history({ limit: 1 }))
    this.group.value = this.screenOf(group)
  }

  async createGroup(members: readonly string[]): Promise<void> {
    await this.#client.createGroup({ id: GROUP, members })
  }

  async invite(user: string): Promise<void> {
    await this.#client.conversation(GROUP).invite(user)
  }

  /** Opened on first use. */
  screenOf(conversation: Conversation): Screen {
    const key = keyOf(conversation.name!)
    const found = this.screens.get(key)
    if (found !== undefined) return found
    const screen = new Screen({
      user: this.name,
      conversation,
      key,
      ledger: this.#parts.ledger,
      audience: () => this.#parts.audience(key),
      now: () => performance.now(),
    })
    this.screens.set(key, screen)
    void screen.follow()
    return screen
  }

  #became(state: ConnectionState): void {
    if (this.state.value.kind === 'closed') this.#takeUpPending()
    this.state.value = state
    if (state.kind === 'online') this.wasOnline.value = true
    this.#parts.ledger.connected(this.name, state.kind === 'online' ? performance.now() : undefined)
  }

  /** What an earlier visit left in the queue is sent now, and is on the screen like anything just written. */
  #takeUpPending(): void {
    for (const outgoing of this.#client.pending()) {
      const { content, conversation } = outgoing
      if (content !== undefined) this.screenOf(conversation).track(outgoing, utf8.decode(content.body))
    }
  }

  #storageFailed(): void {
    this.isStorageFailing.value = true
    clearTimeout(this.#storageTimer)
    this.#storageTimer = setTimeout(() => {
      this.isStorageFailing.value = false
    }, STORAGE_QUIET_MS)
  }

  /** What is on the screen has been read; the library says so at most once a second. */
  #read(): void {
    if ((this.unread.get(this.#onScreen) ?? 0) > 0) this.screens.get(this.#onScreen)?.conversation.markRead()
  }

  #listed(entries: readonly InboxEntry[]): void {
    for (const { conversation, unread, isMember } of entries) {
      if (isMember) this.#met(conversation)
      this.unread.set(keyOf(conversation), unread)
    }
    this.#read()
  }

  /** Somebody began a conversation with us, from another program perhaps. */
  #met({ kind, id }: ConversationName): void {
    if (this.screens.size < SCREENS_MAX) this.screenOf(this.#client.conversation(id, kind))
  }

  async #token(): Promise<string> {
    if (this.#network.isCut) throw new Error('Cannot fetch a token: the network is cut')
    return await this.#parts.token()
  }
}

/** Tells conversations apart on this page; the same for all its users. */
function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}

/** Whether it is a conversation of this user with one other. */
export function isDirectOf(key: string, user: string): boolean {
  const [kind, id = ''] = key.split(/ (.*)/s)
  return kind === `${ActorKind.direct}` && id.split(DIRECT_SEPARATOR).includes(user)
}
