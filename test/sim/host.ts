/**
 * One simulated process: what it sees of time, whether it lives, and where it dies.
 *
 * All that reaches a process goes through `later`, and all that leaves it asks `mayAct` first. A process can therefore
 * die between any two of its effects, and stand still for as long as the world likes without noticing.
 */
import type { Clock, Timer } from '../../src/std/clock.js'
import type { VirtualTime } from './virtual-time.js'

/** 2026-01-01: a wall clock starts somewhere that looks like one. */
export const WALL_START_MS = 1_767_225_600_000

/** What is on its way to a process; cancelled, it does not happen even where it waits for the process to wake. */
class Arrival implements Timer {
  task: (() => void) | undefined
  event: Timer | undefined

  constructor(task: () => void) {
    this.task = task
  }

  cancel(): void {
    this.task = undefined
    this.event?.cancel()
  }
}

export class Host {
  readonly name: string
  readonly clock: Clock
  /** Milliseconds by which the wall clock is wrong. */
  skewMs = 0
  /** The effect after which the process dies; undefined: none. */
  effectsLeft: number | undefined
  onCrash: () => void = () => {}
  readonly #time: VirtualTime
  readonly #onError: (host: Host, error: unknown) => void
  readonly #onEnter: (host: Host) => void
  readonly #held: (() => void)[] = []
  #isUp = true
  #isPaused = false

  /** `onEnter` hears whose turn it is: a promise that is rejected then, and taken by nobody, is that process's. */
  constructor(
    name: string,
    time: VirtualTime,
    onError: (host: Host, error: unknown) => void,
    onEnter: (host: Host) => void = () => {},
  ) {
    this.name = name
    this.#time = time
    this.#onError = onError
    this.#onEnter = onEnter
    this.clock = {
      now: () => Math.floor(WALL_START_MS + time.now + this.skewMs),
      monotonic: () => time.now,
      after: (delayMs, task) => this.later(delayMs, task),
      soon: (task) => {
        this.later(0, task)
      },
    }
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Runs `task` in this process `delayMs` from now: never once it died, and only when it wakes while it stands still. */
  later(delayMs: number, task: () => void): Timer {
    const arrival = new Arrival(task)
    const arrive = () => {
      if (arrival.task === undefined || !this.#isUp) return
      if (this.#isPaused) this.#held.push(arrive)
      else this.#run(arrival.task)
    }
    arrival.event = this.#time.after(delayMs, arrive)
    return arrival
  }

  /** A promise whose answer reaches this process after `delayMs`; it never settles for a dead one. */
  answer<Value>(delayMs: number, make: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.later(delayMs, () => {
        try {
          resolve(make())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Whether an effect of this process still happens; counts toward its death. */
  mayAct(): boolean {
    if (!this.#isUp) return false
    if (this.effectsLeft === undefined || --this.effectsLeft > 0) return true
    this.crash()
    return false
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    for (const arrive of this.#held.splice(0)) this.#time.after(0, arrive)
  }

  crash(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#held.length = 0
    this.onCrash()
  }

  #run(task: () => void): void {
    this.#onEnter(this)
    try {
      task()
    } catch (error) {
      if (this.#isUp) this.#onError(this, error)
    }
  }
}
