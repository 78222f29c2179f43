/**
 * Time as the rest of the code sees it: injected, so that the simulator owns it and tests never sleep.
 */

export type EpochMs = number

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in milliseconds since 1970. Decides nothing; it is shown to people. */
  now(): EpochMs
  /** Milliseconds that never go back, from an arbitrary start. */
  monotonic(): number
  /** Runs `task` once, `delayMs` from now. The timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer
  /** Runs `task` at the end of this turn of the event loop, after the sockets that were ready have been read. */
  soon(task: () => void): void
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  soon(task) {
    setImmediate(task)
  },
}

/** As SYSTEM_CLOCK, but what is still to come keeps the process alive: for programs that do nothing else than wait. */
export const WAITING_CLOCK: Clock = {
  now: () => SYSTEM_CLOCK.now(),
  monotonic: () => SYSTEM_CLOCK.monotonic(),
  soon: (task) => SYSTEM_CLOCK.soon(task),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `delayMs` of `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve))
}
