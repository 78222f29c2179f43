/**
 * What keeps a shard from being taken over, and since when: for the operator's log, and for a start that must know whether
 * there is any hope.
 */
import type { Clock } from '../std/clock.js'
import type { ActorsEvents, TakeOverTrouble } from './events.js'

export interface LastingTrouble extends TakeOverTrouble {
  /** Of the monotonic clock. */
  readonly since: number
}

export interface TroublesParts {
  readonly id: number
  readonly clock: Clock
  readonly events: ActorsEvents
}

export class Troubles {
  readonly #parts: TroublesParts
  #last: LastingTrouble | undefined

  constructor(parts: TroublesParts) {
    this.#parts = parts
  }

  /** Undefined where nothing was wrong; of long ago, perhaps, where the shard answers. */
  get last(): LastingTrouble | undefined {
    return this.#last
  }

  /** For the `times`-th time in a row. */
  add(cause: unknown, times: number): void {
    const { id: shard, clock, events } = this.#parts
    const now = clock.monotonic()
    this.#last = { shard, cause, times, since: times === 1 ? now : (this.#last?.since ?? now) }
    events.takeOverTroubled(this.#last)
  }
}
