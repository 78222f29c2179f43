/**
 * Access as a worker sees it: peers let in by lists, tokens checked against keys and revocations, all of which the main
 * thread keeps current. A change of them holds for who comes next; only a revocation ends connections.
 */
import type { RefusalName } from '../domain/refusal.js'
import { unreachable } from '../std/assert.js'
import type { EpochMs } from '../std/clock.js'
import type { AccessChange } from './access-change.js'
import type { AccessConfig } from './access-config.js'
import { type Arrival, Entrance } from './entrance.js'
import { KeyRing } from './key-ring.js'
import { type Revocation, Revocations } from './revocations.js'
import { TokenChecker, type VerifyToken } from './token.js'

/** A worker asks for an app's key set no more often than this; the main thread asks the provider more rarely still. */
const KEY_WANTED_MS = 1_000

export interface WorkerAccessParts {
  readonly access: AccessConfig
  readonly secret: string | undefined
  /** See EntranceOptions. */
  readonly isLoopbackOnly: boolean
  readonly now: () => EpochMs
  /** The main thread should fetch the app's key set anew. */
  keyWanted(app: string): void
}

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
    this.verify = new TokenChecker({ keys: this.#keys, revocations: this.#revocations, keyWanted }).verify
  }

  /** Why who arrives is not let in; undefined: come in. */
  readonly refuses = (arrival: Arrival): RefusalName | undefined => this.#entrance.refuses(arrival)

  /** See Entrance. */
  readonly isProxy = (remoteAddress: string): boolean => this.#entrance.isProxy(remoteAddress)

  /** The revocation that living connections must be compared with, if the change is one. */
  take(change: AccessChange): Revocation | undefined {
    switch (change.kind) {
      case 'keys':
        this.#keys.take(change.fetched)
        return undefined
      case 'configured':
        this.#keys.replace(change.access.apps)
        this.#entrance = this.#entranceOf(change.access)
        return undefined
      case 'revoked':
        this.#revocations.add(change.revocation)
        return change.revocation
      default:
        unreachable(change)
    }
  }

  #entranceOf({ origins, addresses, proxies }: AccessConfig): Entrance {
    return new Entrance({ origins, addresses, proxies, isLoopbackOnly: this.#isLoopbackOnly })
  }
}
