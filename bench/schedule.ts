/**
 * Open loop: what is due when, evenly spaced over those who take turns, so that no two things are due at once.
 *
 * The schedule is kept by spinning instead of by a timer, whose millisecond would make bursts of what it spreads out. At
 * rates where a write for every turn is more than this core can do, what became due in a millisecond or two goes out
 * together; the wait counts in its latency.
 */

/** Of one who takes turns: the m-th thing, from 0, is due at `startsAt + m * everyMs`. */
export interface Schedule {
  readonly startsAt: number
  readonly everyMs: number
}

export interface TakesTurns {
  /** One more is due. */
  becomeDue(): void
  /** Sends what is due, as far as it may. */
  flush(now: number): void
}

/** Above 20,000 turns a second the schedule is looked at once a millisecond only. */
const SPIN_EVERY_MS_MIN = 0.05
const TICK_MS = 1

/** The schedule of each of `count`, in order, where one of them is due every `everyMs` from `now` on. */
export function turnsOf(count: number, everyMs: number, now: number): Schedule[] {
  return Array.from({ length: count }, (_, rank) => ({ startsAt: now + rank * everyMs, everyMs: everyMs * count }))
}

/** Lets all take turns from `now` on, until the function that it returns is called. */
export function keepSchedule(turns: readonly TakesTurns[], everyMs: number, now: number): () => void {
  let due = 0
  let cancel = () => {}
  const touched = new Set<TakesTurns>()
  const tick = () => {
    const at = performance.now()
    for (; now + due * everyMs <= at; due++) {
      const next = turns[due % turns.length]!
      next.becomeDue()
      touched.add(next)
    }
    for (const each of touched) each.flush(at)
    touched.clear()
    cancel = everyMs < SPIN_EVERY_MS_MIN ? afterTick(tick) : asSoonAsPossible(tick)
  }
  tick()
  return () => cancel()
}

function afterTick(tick: () => void): () => void {
  const timer = setTimeout(tick, TICK_MS)
  return () => clearTimeout(timer)
}

function asSoonAsPossible(tick: () => void): () => void {
  const turn = setImmediate(tick)
  return () => clearImmediate(turn)
}
