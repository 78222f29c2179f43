/**
 * Keeps a session in a `ClientStorage`: what changes while one transaction is being written goes into the next, so a
 * busy device pays one sync for many messages. A write that fails is tried again with all that has come since; until
 * it succeeds nothing new is sent.
 */
import type { InboxEntryFacts, LaneName } from '../protocol/decoded-frame.js'
import { type Clock, sleep } from '../std/clock.js'
import type { Command, ConversationName, KeptCommand } from './command-queue.js'
import type { Cursor } from './inbox.js'
import type { Journal, KeptConversation } from './journal.js'
import { commandText, conversationText, KEYS, laneText } from './kept-text.js'
import type { ClientStorage } from './storage.js'

export interface StoredJournalParts {
  readonly clock: Clock
  readonly storage: ClientStorage
  /** Command ids → their places in the stored queue. */
  readonly orders: ReadonlyMap<string, number>
  /** Keys of the stored conversation list. */
  readonly listed: Iterable<string>
  /** A write has failed; it is tried again. */
  failed(cause: unknown): void
}

const RETRY_MS = 1_000

export class StoredJournal implements Journal {
  readonly #parts: StoredJournalParts
  readonly #orders: Map<string, number>
  #nextOrder: number
  readonly #listed: Set<string>
  #changes = new Map<string, string | undefined>()
  #waiting: (() => void)[] = []
  #isWriting = false
  #isDue = false
  #isOver = false

  constructor(parts: StoredJournalParts) {
    this.#parts = parts
    this.#orders = new Map(parts.orders)
    this.#listed = new Set(parts.listed)
    this.#nextOrder = Math.max(0, ...this.#orders.values()) + 1
  }

  lane(lane: LaneName): void {
    this.put(KEYS.lane, laneText(lane))
  }

  conversation(name: ConversationName, state: KeptConversation): void {
    this.put(KEYS.conversation(name), conversationText(state))
  }

  command(name: ConversationName, kept: KeptCommand): void {
    const { id } = kept.command
    let order = this.#orders.get(id)
    if (order === undefined) {
      order = this.#nextOrder++
      this.#orders.set(id, order)
    }
    this.put(KEYS.command(order), commandText(name, kept))
  }

  settled(_: ConversationName, command: Command): void {
    const order = this.#orders.get(command.id)
    if (order === undefined) return
    this.#orders.delete(command.id)
    this.put(KEYS.command(order), undefined)
  }

  inbox(cursor: Cursor, entries: readonly InboxEntryFacts[], isWhole: boolean): void {
    if (isWhole) {
      for (const key of this.#listed) this.put(key, undefined)
      this.#listed.clear()
    }
    for (const entry of entries) {
      const key = KEYS.entry(entry)
      this.#listed.add(key)
      this.put(key, JSON.stringify(entry))
    }
    this.put(KEYS.cursor, JSON.stringify(cursor))
  }

  put(key: string, value: string | undefined): void {
    this.#changes.set(key, value)
    this.#writeSoon()
  }

  flush(done: () => void): void {
    this.#waiting.push(done)
    this.#writeSoon()
  }

  /** Resolves once everything told so far is kept, or at `deadlineMs` from now. */
  settle(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(deadlineMs, resolve)
      this.flush(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** Writes nothing any more. */
  stop(): void {
    this.#isOver = true
  }

  #writeSoon(): void {
    if (this.#isDue || this.#isWriting || this.#isOver) return
    this.#isDue = true
    this.#parts.clock.soon(() => {
      this.#isDue = false
      void this.#write()
    })
  }

  async #write(): Promise<void> {
    if (this.#isOver) return
    const changes = this.#changes
    const waiting = this.#waiting
    this.#changes = new Map()
    this.#waiting = []
    this.#isWriting = true
    try {
      if (changes.size > 0) await this.#parts.storage.write(changes)
      this.#isWriting = false
    } catch (cause) {
      this.#changes = new Map([...changes, ...this.#changes])
      this.#waiting = [...waiting, ...this.#waiting]
      if (this.#isOver) return
      this.#parts.failed(cause)
      await sleep(this.#parts.clock, RETRY_MS)
      this.#isWriting = false
      return this.#writeSoon()
    }
    for (const done of waiting) done()
    if (this.#changes.size > 0 || this.#waiting.length > 0) this.#writeSoon()
  }
}
