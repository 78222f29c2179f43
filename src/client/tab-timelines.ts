/**
 * What one tab of a shared device has been shown: every timeline in order and once, whichever leader tells of it. A leader
 * that takes over may tell again what the last one told; a tab that slept reads from history what it missed.
 */
import { HistoryMode } from '../protocol/wire-numbers.js'
import type { Clock } from '../std/clock.js'
import type { ConversationName } from './command-queue.js'
import type { HistoryOutcome, HistoryRange } from './history-reads.js'
import type { HeldConversation } from './journal.js'
import { type Item, Timeline } from './timeline.js'

export interface TabTimelinesParts {
  readonly clock: Clock
  /** Of what a tab has missed of a conversation that is new to it, how many seqs it is shown. */
  readonly recentMax: number
  shown(name: ConversationName, item: Item): void
  read(name: ConversationName, range: HistoryRange, done: (outcome: HistoryOutcome) => void): void
}

const READ_LIMIT = 100
const READ_AGAIN_MS = 1_000
/** Reads at a time, as of a device that comes back. */
const READS_MAX = 4

export class TabTimelines {
  readonly #parts: TabTimelinesParts
  readonly #byName = new Map<string, Timeline>()
  /** Behind, and not asked about yet, in their order. */
  readonly #waiting = new Map<string, ConversationName>()
  #reads = 0

  constructor(parts: TabTimelinesParts) {
    this.#parts = parts
  }

  /** Where a tab begins: what its device holds was shown by others. */
  begin(held: readonly HeldConversation[]): void {
    for (const { name, held: seq } of held) this.#get(name).restore(seq)
  }

  /** A tab that had begun meets a leader, which has shown this much: what the tab was not shown, it reads. */
  meet(held: readonly HeldConversation[]): void {
    for (const { name, held: seq } of held) {
      const isNew = !this.#byName.has(keyOf(name))
      const timeline = this.#get(name)
      if (isNew) timeline.startAfter(Math.max(0, seq - this.#parts.recentMax))
      timeline.known = Math.max(timeline.known, seq)
      this.#fill(name, timeline)
    }
  }

  /** The leader shows this; between `after` and it there is nothing. */
  take(name: ConversationName, item: Item, after: number): void {
    const isNew = !this.#byName.has(keyOf(name))
    const timeline = this.#get(name)
    if (isNew) timeline.startAfter(after)
    if (after + 1 < item.seq) timeline.skip(after + 1, item.seq - 1)
    timeline.take(item)
    this.#fill(name, timeline)
  }

  restart(name: ConversationName | undefined): void {
    if (name !== undefined) this.#byName.get(keyOf(name))?.restart()
    else for (const timeline of this.#byName.values()) timeline.restart()
  }

  /** It was shown something at or above `seq` from an earlier incarnation than this one, or may have been. */
  hasOfBefore(name: ConversationName, incarnation: number, seq: number): boolean {
    return this.#byName.get(keyOf(name))?.hasOfBefore(incarnation, seq) ?? false
  }

  #get(name: ConversationName): Timeline {
    const key = keyOf(name)
    const timeline =
      this.#byName.get(key) ?? new Timeline({ shown: (item) => this.#parts.shown(name, item), moved: () => {} })
    this.#byName.set(key, timeline)
    return timeline
  }

  #fill(name: ConversationName, timeline: Timeline): void {
    if (!timeline.isBehind || timeline.isAsking) return
    if (this.#reads >= READS_MAX) return void this.#waiting.set(keyOf(name), name)
    this.#reads++
    timeline.isAsking = true
    const { held: anchor, known } = timeline
    this.#parts.read(name, { mode: HistoryMode.after, anchor, limit: READ_LIMIT }, (outcome) => {
      this.#reads--
      timeline.isAsking = false
      if (outcome.kind === 'unanswered') {
        this.#parts.clock.after(READ_AGAIN_MS, () => this.#fill(name, timeline))
      } else {
        if (timeline.held >= anchor) pass(timeline, outcome, known)
        this.#fill(name, timeline) // it may have begun anew meanwhile
      }
      this.#fillNext()
    })
  }

  #fillNext(): void {
    for (const [key, name] of this.#waiting) {
      if (this.#reads >= READS_MAX) return
      this.#waiting.delete(key)
      this.#fill(name, this.#get(name))
    }
  }
}

/** Where it is refused, nothing that was `known` when it was asked is for this user any more; what came since may be. */
function pass(timeline: Timeline, outcome: Exclude<HistoryOutcome, { kind: 'unanswered' }>, known: number): void {
  let after = timeline.held
  if (outcome.kind === 'read') {
    for (const event of outcome.events) {
      if (event.seq > after + 1) timeline.skip(after + 1, event.seq - 1)
      timeline.take({ kind: 'event', seq: event.seq, event })
      after = Math.max(after, event.seq)
    }
  }
  const end = outcome.kind === 'read' ? outcome.completeTo : known
  if (end > after) timeline.skip(after + 1, end)
}

function keyOf({ kind, id }: ConversationName): string {
  return `${kind} ${id}`
}
