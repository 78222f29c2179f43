/**
 * Everything on the page: its users, the group that they share, what they say by themselves, and the count of it all.
 */
import { type Ref, ref, shallowReactive, shallowRef } from 'vue'
import { indexedDbStorage, MemoryStorage, RefusedError } from '../../src/client-browser.js'
import { ChatUser, type ChatUserParts, GROUP_KEY, isDirectOf } from './chat-user.js'
import { type Figures, Ledger } from './ledger.js'
import { chatUrl, fetchToken, killWorkers, NoTokensError } from './server.js'
import { Talk } from './talk.js'
import { userOfToken } from './token-text.js'

/** Who may take part in development; the first two do from the start. */
const USERS = ['alice', 'bob', 'carol', 'dave']
const USERS_AT_FIRST = 2
export const USERS_MAX = 4

/** How long it is told that the workers were killed. */
const KILL_TOLD_MS = 8_000
/** Between questions to a server that does not answer. */
const AGAIN_MS = 1_000
const FIGURES_MS = 1_000
/** Others may create the group, or invite, at the same moment. */
const JOIN_ATTEMPTS_MAX = 4

/** What became of the server by the visitor's hand. */
export type Kill =
  | { readonly kind: 'none' }
  | { readonly kind: 'killed'; readonly workers: number }
  | { readonly kind: 'failed' }

export class Demo {
  readonly users: ChatUser[] = shallowReactive([])
  readonly figures: Ref<Figures>
  readonly kill: Ref<Kill> = shallowRef({ kind: 'none' })
  /** Undefined: not known yet. False: each user needs a token from elsewhere, and nobody can kill workers from here. */
  readonly isDevelopment: Ref<boolean | undefined> = ref()
  readonly talk: Talk
  readonly #ledger = new Ledger(() => this.#countSoon())
  #isCountDue = false
  /** Names what the server keeps, in development. */
  #data: string | undefined

  /** `lineOf`: what the users say by themselves, in the visitor's language. */
  constructor(lineOf: (index: number) => string) {
    this.figures = shallowRef(this.#ledger.figures(performance.now()))
    this.talk = new Talk(lineOf, () => this.users.flatMap(({ group }) => group.value ?? []))
  }

  /** Runs as long as the page. */
  async start(): Promise<void> {
    setInterval(() => this.#count(), FIGURES_MS)
    this.#data = await findData()
    this.isDevelopment.value = this.#data !== undefined
    if (this.isDevelopment.value) for (const name of USERS.slice(0, USERS_AT_FIRST)) this.add(name)
  }

  /** The next who is not here yet; undefined: all are. */
  get next(): string | undefined {
    return USERS.find((name) => !this.#isHere(name))
  }

  /** Which colour is theirs, from 0 on; -1: that of strangers. In development everybody keeps theirs, here or not. */
  seatOf(name: string): number {
    return this.isDevelopment.value ? USERS.indexOf(name) : this.users.findIndex((user) => user.name === name)
  }

  add(name: string): void {
    // A queue and places that this browser has kept belong to the data that they were made with.
    const kept = `demo-${this.#data}-${name}`
    const tabs = new BroadcastChannel(`network ${kept}`)
    this.#enter(name, { token: () => this.#token(name), storage: indexedDbStorage(kept), tabs })
  }

  /** False where the text is no token, or that of somebody who is here already. */
  addByToken(token: string): boolean {
    const name = userOfToken(token)
    if (name === undefined || this.#isHere(name)) return false
    this.#enter(name, { token: async () => token, storage: new MemoryStorage(), tabs: undefined }) // the token is gone with the page too
    return true
  }

  async killWorkers(): Promise<void> {
    try {
      this.kill.value = { kind: 'killed', workers: await killWorkers() }
    } catch {
      this.kill.value = { kind: 'failed' }
    }
    const told = this.kill.value
    setTimeout(() => {
      if (this.kill.value === told) this.kill.value = { kind: 'none' }
    }, KILL_TOLD_MS)
  }

  #isHere(name: string): boolean {
    return this.users.some((user) => user.name === name)
  }

  async #token(name: string): Promise<string> {
    const { token, data } = await fetchToken(name)
    if (data !== this.#data) location.reload() // somebody began anew: so do we
    return token
  }

  #enter(name: string, own: Pick<ChatUserParts, 'token' | 'storage' | 'tabs'>): void {
    const user = new ChatUser({
      name,
      server: chatUrl(location),
      ledger: this.#ledger,
      ...own,
      audience: (key) => this.#audience(name, key),
    })
    this.users.push(user)
    void this.#bringIn(user)
  }

  async #bringIn(user: ChatUser): Promise<void> {
    try {
      await user.connect()
      await this.#join(user)
    } catch (cause) {
      return user.fail(cause)
    }
    for (const other of this.users) {
      if (other === user || other.group.value === undefined) continue
      user.direct(other.name)
      other.direct(user.name)
    }
  }

  /** Makes them a member of the group, which the first of them creates. */
  async #join(user: ChatUser): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await user.openGroup()
      } catch (cause) {
        if (!isNoMember(cause) || attempt === JOIN_ATTEMPTS_MAX) throw cause
        await this.#letIn(user).catch((refused) => {
          if (!(refused instanceof RefusedError)) throw refused // somebody else was faster: look again
        })
      }
    }
  }

  /** A group that is not there answers like one of which one is no member. */
  async #letIn(user: ChatUser): Promise<void> {
    const member = this.users.find(({ group }) => group.value !== undefined)
    if (member !== undefined) return await member.invite(user.name)
    const names = this.isDevelopment.value ? USERS : this.users.map(({ name }) => name)
    await user.createGroup(names.filter((name) => name !== user.name))
  }

  /** Who of the page is to see what this user writes there. */
  #audience(writer: string, key: string): string[] {
    // In development all are members of the group from its beginning; elsewhere, once their screen shows it.
    const isReader = ({ name, screens }: ChatUser) =>
      name !== writer && (screens.has(key) || isDirectOf(key, name) || (this.isDevelopment.value && key === GROUP_KEY))
    return this.users.filter(isReader).map(({ name }) => name)
  }

  #countSoon(): void {
    if (this.#isCountDue) return
    this.#isCountDue = true
    requestAnimationFrame(() => this.#count())
  }

  #count(): void {
    this.#isCountDue = false
    this.figures.value = this.#ledger.figures(performance.now())
  }
}

function isNoMember(cause: unknown): boolean {
  return cause instanceof RefusedError && cause.reason === 'not-member'
}

/** The name of the server's data; undefined where it gives no tokens away. Waits for one that does not answer now. */
async function findData(): Promise<string | undefined> {
  for (;;) {
    try {
      return (await fetchToken(USERS[0]!)).data
    } catch (cause) {
      if (cause instanceof NoTokensError) return undefined
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}
