/**
 * Time that is moved by events: the one thread, the one order and the one clock of a simulated world.
 *
 * Events run in order of time, then of creation. Between two events every promise callback runs to its end, so that
 * what an `await` resumes belongs to the event that resumed it. That makes a world a function of its seed.
 */

import { assert } from '../../src/std/assert.js'
import type { Timer } from '../../src/std/clock.js'

/** A class, and its own timer: worlds make ten thousand of them, most to be cancelled or to run once. */
class Event implements Timer {
  readonly at: number
  readonly order: number
  task: (() => void) | undefined

  constructor(at: number, order: number, task: () => void) {
    this.at = at
    this.order = order
    this.task = task
  }

  cancel(): void {
    this.task = undefined
  }
}

/** Node's own way to run all that is queued (its REPL uses it): a turn of the event loop would cost 20 times as much. */
const drainMicrotasks = (process as unknown as { _tickCallback: () => void })._tickCallback

export class VirtualTime {
  /** Milliseconds since the world began. */
  now = 0
  eventsRun = 0
  readonly #heap: Event[] = []
  #order = 0

  after(delayMs: number, task: () => void): Timer {
    const event = new Event(this.now + Math.max(0, delayMs), this.#order++, task)
    this.#push(event)
    return event
  }

  /** Runs events up to and including `until`, or until `isDone`; time ends there. Never call it from a promise callback. */
  run(until: number, isDone: () => boolean = () => false): void {
    assertDrains()
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until) {
      const event = this.#pop()
      if (event.task === undefined) continue
      this.now = event.at
      this.eventsRun++
      event.task()
      drainMicrotasks()
      if (isDone()) return
    }
    this.now = until
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Promise callbacks cannot be drained from inside one: `outsidePromises` is the way in. */
function assertDrains(): void {
  let ran = false
  void Promise.resolve().then(() => {
    ran = true
  })
  drainMicrotasks()
  assert(ran, 'virtual time cannot run inside a promise callback')
}

/** Runs `body` in a turn of its own, where `VirtualTime.run` works. */
export function outsidePromises<Result>(body: () => Result): Promise<Result> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(body())
      } catch (error) {
        reject(error)
      }
    })
  })
}
