/** A clock that moves only when a test says so. */
import type { Clock, Timer } from '../../src/std/clock.js'

interface Alarm {
  readonly at: number
  readonly task: () => void
}

export class ManualClock implements Clock {
  readonly #startedAt: number
  #elapsedMs = 0
  #soon: (() => void)[] = []
  #alarms: Alarm[] = []

  constructor(startedAt = 1_700_000_000_000) {
    this.#startedAt = startedAt
  }

  now(): number {
    return this.#startedAt + this.#elapsedMs
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, task: () => void): Timer {
    const alarm: Alarm = { at: this.#elapsedMs + delayMs, task }
    this.#alarms.push(alarm)
    return {
      cancel: () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm)
      },
    }
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  /** The thread is held up for `ms`: no timer fires, and all that were due fire late. */
  hold(ms: number): void {
    this.#elapsedMs += ms
  }

  /** Ends the tick: runs what was to run soon, and what that asks for. */
  tick(): void {
    for (let tasks = this.#soon; tasks.length > 0; tasks = this.#soon) {
      this.#soon = []
      for (const task of tasks) task()
    }
  }

  /** Moves on by `ms`, running every timer at its time and the tick after it. */
  advance(ms: number): void {
    const until = this.#elapsedMs + ms
    this.tick()
    for (;;) {
      const due = this.#alarms.filter((alarm) => alarm.at <= until).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#alarms = this.#alarms.filter((alarm) => alarm !== due)
      this.#elapsedMs = Math.max(this.#elapsedMs, due.at)
      due.task()
      this.tick()
    }
    this.#elapsedMs = until
  }
}
