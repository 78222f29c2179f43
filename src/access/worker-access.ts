/**
 * Access as a worker sees it: peers let in by lists, tokens checked against keys and revocations, all of which the main
 * thread keeps current. Lists hold for who comes next; a token that is taken back, and a key or an app that is, end connections.
 */
import type { RefusalName } from '../domain/refusal.js'
import { unreachable } from '../std/assert.js'
import type { EpochMs } from '../std/clock.js'
import type { AccessChange } from './access-change.js'
import type { AccessConfig } from './access-config.js'
import { type Arrival, Entrance } from './entrance.js'
import { type BadTokenLimits, guardedTokens } from './guarded-tokens.js'
import { KeyRing } from './key-ring.js'
import { Revocations, takesBack } from './revocations.js'
import type { SharedRates } from './shared-rates.js'
import { type Grant, TokenChecker, type VerifyToken } from './token.js'

/** A worker asks for an app's key set no more often than this; the main thread asks the provider more rarely still. */
const KEY_WANTED_MS = 1_000

export interface WorkerAccessParts {
  readonly access: AccessConfig
  readonly secret: string | undefined
  /** See EntranceOptions. */
  readonly isLoopbackOnly: boolean
  readonly now: () => EpochMs
  /** Of forged tokens, all workers together. */
  readonly rates: SharedRates
  readonly limits: BadTokenLimits
  /** The main thread should fetch the app's key set anew. */
  keyWanted(app: string): void
}

/** What of a grant its connection still knows. */
export type LivingGrant = Pick<Grant, 'app' | 'user' | 'issuedAt' | 'keyOrigin'>
/** Whether a grant does not hold any more. */
export type EndsGrant = (grant: LivingGrant) => boolean

export class WorkerAccess {
  readonly verify: VerifyToken
  readonly #isLoopbackOnly: boolean
  readonly #keys: KeyRing
  #entrance: Entrance
  readonly #revocations = new Revocations()
  readonly #wantedAt = new Map<string, EpochMs>()

  constructor(parts: WorkerAccessParts) {
    this.#isLoopbackOnly = parts.isLoopbackOnly
    this.#keys = new KeyRing(parts.access.apps, parts.secret)
    this.#entrance = this.#entranceOf(parts.access)
    const keyWanted = (app: string) => {
      const now = parts.now()
      if (Math.abs(now - (this.#wantedAt.get(app) ?? Number.NEGATIVE_INFINITY)) < KEY_WANTED_MS) return
      this.#wantedAt.set(app, now)
      parts.keyWanted(app)
    }
    const checker = new TokenChecker({ keys: this.#keys, revocations: this.#revocations, keyWanted })
    this.verify = guardedTokens(checker, parts.rates, parts.limits)
  }

  /** Why who arrives is not let in; undefined: come in. */
  readonly refuses = (arrival: Arrival): RefusalName | undefined => this.#entrance.refuses(arrival)

  /** See Entrance. */
  readonly isProxy = (remoteAddress: string): boolean => this.#entrance.isProxy(remoteAddress)

  /** Which of the connections that live must end, if the change may end any. */
  take(change: AccessChange): EndsGrant | undefined {
    switch (change.kind) {
      case 'keys':
        // What a provider publishes no more was good when it was checked: a set that came back short would end everybody.
        this.#keys.take(change.fetched)
        return undefined
      case 'configured':
        this.#keys.replace(change.access.apps)
        this.#entrance = this.#entranceOf(change.access)
        return ({ app, keyOrigin }) => this.#keys.keysOf(app)?.hasOrigin(keyOrigin) !== true
      case 'revoked':
        this.#revocations.add(change.revocation)
        return (grant) => takesBack(change.revocation, grant)
      default:
        unreachable(change)
    }
  }

  #entranceOf({ origins, addresses, proxies }: AccessConfig): Entrance {
    return new Entrance({ origins, addresses, proxies, isLoopbackOnly: this.#isLoopbackOnly })
  }
}
