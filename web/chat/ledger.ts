/**
 * Keeps count, so that a visitor sees nothing get lost: every message that this page sent, whom it was for, and on whose
 * screen it came up. It believes nobody: what it counts is what the users' screens were told to show.
 *
 * A delivery is lost where a screen shows what comes after it without it, and overdue ones count as lost until they come:
 * those of a screen that has been online for long enough. A message is doubled where a screen shows it again.
 */
export interface Figures {
  readonly sent: number
  readonly acked: number
  readonly refused: number
  /** Deliveries: a message to three others is three. */
  readonly received: number
  readonly onTheWay: number
  readonly lost: number
  readonly doubled: number
}

interface Sent {
  readonly conversation: string
  readonly sentAt: number
  /** Screens that have not shown it. */
  readonly awaited: Set<string>
  seq: number | undefined
  ackedAt: number
}

interface Screen {
  /** Monotonic; undefined while there is no connection. */
  onlineSince: number | undefined
  /** By conversation, the last seq that was shown as new. */
  readonly shownTo: Map<string, number>
}

/** An acked message that an online screen has not shown for so long is counted as lost. */
const OVERDUE_MS = 10_000
/** Messages whose latency and repeats are known; the oldest are forgotten. */
const REMEMBERED_MAX = 10_000

export class Ledger {
  readonly #open = new Map<string, Sent>()
  readonly #sent = new Map<string, Sent>()
  readonly #screens = new Map<string, Screen>()
  readonly #changed: () => void
  #counts = { sent: 0, acked: 0, refused: 0, received: 0, doubled: 0 }

  /** `changed` is called whenever the figures may be others; they also change with time. */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** A user of the page is connected since `now`, or is not. */
  connected(user: string, now: number | undefined): void {
    this.#screen(user).onlineSince = now
    this.#changed()
  }

  /** `to`: the users of this page who are to see it. */
  sent(id: string, { conversation, to, now }: { conversation: string; to: readonly string[]; now: number }): void {
    this.#counts.sent++
    const sent: Sent = { conversation, sentAt: now, awaited: new Set(to), seq: undefined, ackedAt: 0 }
    this.#open.set(id, sent)
    this.#sent.set(id, sent)
    if (this.#sent.size > REMEMBERED_MAX) this.#sent.delete(this.#sent.keys().next().value!)
    this.#changed()
  }

  acked(id: string, seq: number, now: number): void {
    const sent = this.#open.get(id)
    if (sent === undefined || sent.seq !== undefined) return
    this.#counts.acked++
    sent.seq = seq
    sent.ackedAt = now
    this.#closeIfDone(id, sent)
  }

  refused(id: string): void {
    if (this.#open.delete(id)) this.#counts.refused++
    this.#changed()
  }

  /** A user's screen shows a message for the first time, as far as it knows. `isNew`: not a part of the past that was asked for. */
  shown(user: string, message: { conversation: string; seq: number; id: string; isNew: boolean }): void {
    const { conversation, seq, id, isNew } = message
    const { shownTo } = this.#screen(user)
    const before = shownTo.get(conversation) ?? 0
    if (isNew) shownTo.set(conversation, Math.max(before, seq))
    const sent = this.#sent.get(id)
    const wasAwaited = sent?.awaited.delete(user) ?? false
    const hasOtherSeq = sent?.seq !== undefined && sent.seq !== seq
    if (hasOtherSeq || (isNew && seq <= before && !wasAwaited)) this.#counts.doubled++
    else if (wasAwaited) this.#counts.received++
    if (sent !== undefined) this.#closeIfDone(id, sent)
    else this.#changed()
  }

  /** When it was sent, where this page did so; of the same clock as `now` everywhere here. */
  sentAt(id: string): number | undefined {
    return this.#sent.get(id)?.sentAt
  }

  figures(now: number): Figures {
    let lost = 0
    let onTheWay = 0
    for (const sent of this.#open.values()) {
      for (const user of sent.awaited) {
        if (this.#isLost(sent, user, now)) lost++
        else onTheWay++
      }
    }
    return { ...this.#counts, lost, onTheWay }
  }

  #isLost({ conversation, seq, ackedAt }: Sent, user: string, now: number): boolean {
    if (seq === undefined) return false
    const { onlineSince, shownTo } = this.#screen(user)
    if ((shownTo.get(conversation) ?? 0) > seq) return true
    return onlineSince !== undefined && now - Math.max(onlineSince, ackedAt) > OVERDUE_MS
  }

  #closeIfDone(id: string, { seq, awaited }: Sent): void {
    if (seq !== undefined && awaited.size === 0) this.#open.delete(id)
    this.#changed()
  }

  #screen(user: string): Screen {
    const found = this.#screens.get(user)
    if (found !== undefined) return found
    const screen: Screen = { onlineSince: undefined, shownTo: new Map() }
    this.#screens.set(user, screen)
    return screen
  }
}
