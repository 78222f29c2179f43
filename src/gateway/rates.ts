/**
 * The rates of users and apps that have sessions here: one share each, whatever the number of their connections.
 */
import type { RateShare, SharedRates } from '../access/shared-rates.js'
import type { Session } from '../actors/peers.js'
import type { RefusalName } from '../domain/refusal.js'
import type { Connection } from './connection.js'
import type { GatewayLimits } from './limits.js'

/** Of one connection's user and app. */
export interface SessionRates {
  readonly user: RateShare
  readonly app: RateShare
}

interface Counted {
  readonly share: RateShare
  sessions: number
}

export class Rates {
  readonly #shared: SharedRates
  readonly #limits: GatewayLimits
  readonly #byName = new Map<string, Counted>()

  constructor(shared: SharedRates, limits: GatewayLimits) {
    this.#shared = shared
    this.#limits = limits
  }

  enter({ inbox, app }: Session): SessionRates {
    return { user: this.#enter(inbox), app: this.#enter(app) }
  }

  leave({ inbox, app }: Session): void {
    this.#leave(inbox)
    this.#leave(app)
  }

  /** Counts one frame, at monotonic time `now`, in the `second` since 1970: which limit it is over, if any. */
  over({ rate, rates }: Connection, now: number, second: number): RefusalName | undefined {
    if (!rate.take(now)) return 'connection-rate'
    if (rates === undefined) return undefined
    if (!rates.user.take(this.#limits.userFramesPerSecondMax, second)) return 'user-rate'
    return rates.app.take(this.#limits.appFramesPerSecondMax, second) ? undefined : 'app-rate'
  }

  /** An app has no NUL in it, an inbox's key has. */
  #enter(name: string): RateShare {
    const known = this.#byName.get(name) ?? { share: this.#shared.shareOf(name), sessions: 0 }
    known.sessions++
    this.#byName.set(name, known)
    return known.share
  }

  #leave(name: string): void {
    const known = this.#byName.get(name)
    if (known !== undefined && --known.sessions === 0) this.#byName.delete(name)
  }
}
