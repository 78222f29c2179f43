/**
 * The keys of every app, found without a look at the network: which one key checks a token.
 *
 * Keys of a JWKS address are put in by the main thread (access-keeper.ts) whenever it has fetched them.
 */
import type { EpochMs } from '../std/clock.js'
import type { AccessConfig, AppAccess, JwksSource, KeyDescription } from './access-config.js'
import { type VerifyingKey, verifyingKey } from './verifying-key.js'

/** After a key set was fetched, a key that it does not name is not asked for again so soon (as in jose). */
export const JWKS_COOLDOWN_MS = 30_000

/** What a JWKS address held when it was last fetched. */
export interface FetchedKeys {
  readonly app: string
  readonly keys: readonly KeyDescription[]
  readonly fetchedAt: EpochMs
}

/** One app's keys. */
export class AppKeys {
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly #jwks: JwksSource | undefined
  readonly #own: readonly VerifyingKey[]
  #fetched: readonly VerifyingKey[] = []
  #fetchedAt: EpochMs = Number.NEGATIVE_INFINITY

  constructor({ keys, jwks, issuer, audience }: Omit<AppAccess, 'id'>, before?: AppKeys) {
    this.issuer = issuer
    this.audience = audience
    this.#own = keys.map(verifyingKey)
    this.#jwks = jwks
    if (before === undefined || !isSameSource(jwks, before.#jwks)) return
    this.#fetched = before.#fetched
    this.#fetchedAt = before.#fetchedAt
  }

  /**
   * The key of this name; a key that has no name stands for every name that no other key has. `pending`: it may have been
   * published since the key set was fetched.
   */
  find(kid: string | undefined, now: EpochMs): VerifyingKey | 'pending' | undefined {
    const all = [...this.#own, ...this.#fetched]
    const found =
      all.find((key) => key.kid !== undefined && key.kid === kid) ?? all.find((key) => key.kid === undefined)
    if (found !== undefined) return found
    return this.#jwks !== undefined && now - this.#fetchedAt >= JWKS_COOLDOWN_MS ? 'pending' : undefined
  }

  take({ keys, fetchedAt }: FetchedKeys): void {
    this.#fetched = keys.map(verifyingKey)
    this.#fetchedAt = fetchedAt
  }
}

export class KeyRing {
  #apps = new Map<string, AppKeys>()
  #byIssuer = new Map<string, string>()
  /** Of every app, where there is but the server's secret. */
  readonly #common: AppKeys | undefined

  /** Throws an Error where a key is not usable. */
  constructor(apps: AccessConfig['apps'], secret: string | undefined) {
    if (apps === undefined && secret !== undefined) this.#common = new AppKeys({ keys: [{ alg: 'HS256', secret }] })
    this.replace(apps)
  }

  /** What was fetched is kept where the app still has the same address for it. */
  replace(apps: AccessConfig['apps']): void {
    const before = this.#apps
    this.#apps = new Map()
    this.#byIssuer = new Map()
    for (const app of apps ?? []) {
      this.#apps.set(app.id, new AppKeys(app, before.get(app.id)))
      if (app.issuer !== undefined) this.#byIssuer.set(app.issuer, app.id)
    }
  }

  keysOf(app: string): AppKeys | undefined {
    return this.#apps.get(app) ?? this.#common
  }

  appOfIssuer(issuer: string): string | undefined {
    return this.#byIssuer.get(issuer)
  }

  take(fetched: FetchedKeys): void {
    this.#apps.get(fetched.app)?.take(fetched)
  }
}

export function isSameSource(one: JwksSource | undefined, other: JwksSource | undefined): boolean {
  return one?.url === other?.url && one?.algs.join() === other?.algs.join()
}
