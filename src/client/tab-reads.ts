/** Reads of history that this tab has asked the leader for. A read is safe to repeat, so the next leader is asked again. */
import type { Clock, Timer } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { TabRequest } from './tab-words.js'

interface Read {
  readonly request: TabRequest
  readonly done: (outcome: HistoryOutcome) => void
  readonly timer: Timer
}

/** Longer than a leader takes, which answers when nobody answers it. */
const READ_MS_MAX = 35_000

export class TabReads {
  readonly #clock: Clock
  readonly #ask: (request: TabRequest) => void
  readonly #open = new Map<number, Read>()
  #nextRef = 1

  constructor(clock: Clock, ask: (request: TabRequest) => void) {
    this.#clock = clock
    this.#ask = ask
  }

  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void {
    const ref = this.#nextRef++
    const request = { kind: 'read' as const, ref, name, range }
    const timer = this.#clock.after(READ_MS_MAX, () => this.answered(ref, { kind: 'unanswered' }))
    this.#open.set(ref, { request, done, timer })
    this.#ask(request)
  }

  answered(ref: number, outcome: HistoryOutcome): void {
    const read = this.#open.get(ref)
    if (read === undefined) return
    this.#open.delete(ref)
    read.timer.cancel()
    read.done(outcome)
  }

  /** There is another leader. */
  again(): void {
    for (const { request } of this.#open.values()) this.#ask(request)
  }

  stop(): void {
    for (const ref of [...this.#open.keys()]) this.answered(ref, { kind: 'unanswered' })
  }
}
