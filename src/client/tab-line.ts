/**
 * A tab's line to the leader, whichever tab that is at the moment: words go out to it and come in from it in order, and
 * where one was missed, or another leader speaks, this tab joins anew. If it is elected, the leader is at home here.
 */
import { random64 } from '../std/random.js'
import type { ClientOptions, Platform } from './client-options.js'
import { Leadership } from './leadership.js'
import type { SharedStorage, TabChannel } from './storage.js'
import { TabLeader } from './tab-leader.js'
import type { FromLeader, FromTab, Join, Joined, TabNews, TabRequest } from './tab-words.js'

export interface TabLineParts {
  readonly options: ClientOptions
  readonly platform: Platform
  readonly storage: SharedStorage
  /** What to join with; undefined: not yet. */
  join(isLeader: boolean): Join | undefined
  joined(news: Joined): void
  /** News for this tab, or for all. */
  take(news: TabNews): void
  /** This tab was elected, and cannot open the storage. It may be elected again. */
  failed(cause: unknown): void
}

const OPENING: FromLeader = { from: 'leader', epoch: 0, k: 0, news: { kind: 'opening' } }

export class TabLine {
  readonly #parts: TabLineParts
  readonly #id: string
  readonly #channel: TabChannel
  readonly #leadership: Leadership
  /** Where it is this tab. */
  #leader: TabLeader | undefined
  /** The leader that was heard last, and its last word. */
  #epoch = 0
  #k = 0
  #isJoined = false
  #asked = 0
  #isOver = false

  constructor(parts: TabLineParts) {
    this.#parts = parts
    const { platform, storage } = parts
    const { clock, random } = platform
    this.#id = random64(random).toString(16)
    this.#channel = storage.channel((message) => this.#received(message as FromLeader | FromTab))
    this.#leadership = new Leadership({
      ...{ clock, random, storage },
      elected: () => void this.#lead(),
      deposed: () => this.#deposed(),
      ask: () => (this.#isJoined ? this.ask({ kind: 'ping' }) : this.join()),
    })
  }

  get isLeading(): boolean {
    return this.#leader !== undefined
  }

  begin(): void {
    this.join()
    this.#leadership.begin()
  }

  ask(request: TabRequest): void {
    if (this.#isOver) return
    const word: FromTab = { from: 'tab', tab: this.#id, k: ++this.#asked, request }
    if (this.#leader !== undefined) this.#leader.take(word)
    else this.#channel.post(word)
  }

  join(): void {
    this.#isJoined = false
    const join = this.#parts.join(this.isLeading)
    if (join !== undefined) this.ask(join)
  }

  async close(): Promise<void> {
    this.ask({ kind: 'leave' })
    this.#isOver = true
    await this.#leader?.close()
    this.#leader = undefined
    this.#leadership.close()
    this.#channel.close()
  }

  async #lead(): Promise<void> {
    const { options, platform, storage, failed } = this.#parts
    const { term } = this.#leadership
    this.#channel.post(OPENING)
    try {
      const leader = await TabLeader.open({
        ...{ options, platform, storage: storage.hold(), home: this.#id },
        tell: (word, isForOthers) => {
          if (isForOthers) this.#channel.post(word)
          this.#hear(word)
        },
        fenced: () => this.#yield(),
      })
      if (this.#isOver || this.#leadership.term !== term) return await leader.abandon() // deposed while it opened
      this.#leader = leader
      leader.begin()
    } catch (cause) {
      failed(cause)
      if (this.#leadership.term === term) this.#leadership.resign()
    }
  }

  /** The lead is another's, or nobody's. */
  #deposed(): void {
    void this.#leader?.abandon()
    this.#leader = undefined
    this.join()
  }

  /** A later leader has opened the storage. Should it be gone by now, or deposed, there will be another. */
  #yield(): void {
    this.#leadership.resign()
    this.#deposed()
  }

  #received(message: FromLeader | FromTab): void {
    if (message.from === 'leader') this.#hear(message)
    else if (this.#leader !== undefined) this.#leader.take(message)
    else if (this.#leadership.isLeading) this.#channel.post(OPENING)
  }

  #hear({ epoch, k, news }: FromLeader): void {
    if (this.#isOver) return
    this.#leadership.heard()
    if (news.kind === 'opening' || epoch < this.#epoch) return // or of a leader that was deposed while it slept
    if (this.#leader !== undefined && this.#leader.epoch < epoch) this.#yield()
    const isSame = epoch === this.#epoch && news.kind !== 'leading'
    const isNews = isSame && this.#isJoined && k === this.#k + 1
    const isAwaited = isSame && !this.#isJoined
    this.#epoch = epoch
    this.#k = k
    if (news.kind === 'joined' && news.to === this.#id) {
      this.#isJoined = true
      this.#parts.joined(news)
    } else if (isNews) {
      if (news.kind !== 'joined' && (news.kind !== 'answer' || news.to === this.#id)) this.#parts.take(news)
    } else if (!isAwaited) this.join()
  }
}
