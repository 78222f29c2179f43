/**
 * The keys of every app, found without a look at the network: which key checks a token.
 *
 * Keys of a JWKS address are put in by the main thread (access-keeper.ts) whenever it has fetched them.
 */
import { createHash } from 'node:crypto'
import type { Brand } from '../std/brand.js'
import type { EpochMs } from '../std/clock.js'
import type { AccessConfig, AppAccess, JwksSource, KeyDescription } from './access-config.js'
import { ROLES, type Role } from './role.js'
import { type VerifyingKey, verifyingKey } from './verifying-key.js'

/** After a key set was fetched, a key that it does not name is not asked for again so soon (as in jose). */
export const JWKS_COOLDOWN_MS = 30_000

/** What a JWKS address held when it was last fetched. */
export interface FetchedKeys {
  readonly app: string
  readonly keys: readonly KeyDescription[]
  readonly fetchedAt: EpochMs
}

/** Keys without a name are told apart by trying: of one algorithm no more than so many, as each try costs a signature. */
const NAMELESS_TRIED_MAX = 4

/** An app's key, and which roles its tokens may have. */
export interface AppKey extends VerifyingKey {
  readonly roles: readonly Role[]
  /** Of a key that the operator wrote down: the key itself. Of published ones: the address, since what stands there may change. */
  readonly origin: KeyOrigin
}

/** Where a key comes from, as a digest: it tells no secret, and the same configuration gives the same. */
export type KeyOrigin = Brand<string, 'KeyOrigin'>

export interface KeyChoice {
  /** Mostly one. */
  readonly keys: readonly AppKey[]
  /** The right one may have been published since the key set was fetched. */
  readonly isPending: boolean
}

/** One app's keys. */
export class AppKeys {
  readonly issuer: string | undefined
  readonly audience: string | undefined
  readonly #jwks: JwksSource | undefined
  /** What all published keys have in common. */
  readonly #published: Pick<AppKey, 'roles' | 'origin'> | undefined
  readonly #own: readonly AppKey[]
  #fetched: readonly AppKey[] = []
  #fetchedAt: EpochMs = Number.NEGATIVE_INFINITY

  constructor({ keys, jwks, issuer, audience }: Omit<AppAccess, 'id'>, before?: AppKeys) {
    this.issuer = issuer
    this.audience = audience
    this.#own = keys.map((key) => ({ ...verifyingKey(key), roles: ROLES, origin: originOf(key) }))
    this.#jwks = jwks
    this.#published = jwks === undefined ? undefined : { roles: jwks.roles, origin: originOf([jwks.url, jwks.algs]) }
    if (before === undefined || !isSameSource(jwks, before.#jwks)) return
    this.#fetched = before.#fetched.map((key) => ({ ...key, ...this.#published! }))
    this.#fetchedAt = before.#fetchedAt
  }

  /** Keys of this algorithm: those of this name; else, those that have no name stand for every name that no other key has. */
  choose(kid: string | undefined, alg: unknown, now: EpochMs): KeyChoice {
    const fitting = [...this.#own, ...this.#fetched].filter((key) => key.alg === alg)
    const named = kid === undefined ? [] : fitting.filter((key) => key.kid === kid)
    if (named.length > 0) return { keys: named, isPending: false }
    const nameless = fitting.filter((key) => key.kid === undefined).slice(0, NAMELESS_TRIED_MAX)
    const isPublished = this.#jwks?.algs.some((each) => each === alg) ?? false
    return { keys: nameless, isPending: isPublished && now - this.#fetchedAt >= JWKS_COOLDOWN_MS }
  }

  take({ keys, fetchedAt }: FetchedKeys): void {
    if (this.#published === undefined) return // fetched for a configuration of before
    const published = this.#published
    this.#fetched = keys.map((key) => ({ ...verifyingKey(key), ...published }))
    this.#fetchedAt = fetchedAt
  }

  /** Whether keys of this origin still check tokens here. */
  hasOrigin(origin: KeyOrigin): boolean {
    return this.#published?.origin === origin || this.#own.some((key) => key.origin === origin)
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

function originOf(what: unknown): KeyOrigin {
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url') as KeyOrigin
}

/** Whether the same would be fetched. */
export function isSameSource(one: JwksSource | undefined, other: JwksSource | undefined): boolean {
  return one?.url === other?.url && one?.algs.join() === other?.algs.join()
}
