/**
 * Who may connect, as an operator chooses it: apps with their keys, and lists of origins and addresses. Plain data: it is
 * copied to worker threads. config-access.ts has its form in parley.toml.
 */
import type { Role } from './role.js'

/** The only algorithms there are here; `none` is not among them. */
export const ALGORITHMS = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const
export type Algorithm = (typeof ALGORITHMS)[number]
/** What a published key set may hold: a shared secret that is published is none. */
export type PublicAlgorithm = Exclude<Algorithm, 'HS256'>

/** One key, with the one algorithm that it is good for. */
export type KeyDescription =
  | { readonly kid?: string; readonly alg: 'HS256'; readonly secret: string }
  | { readonly kid?: string; readonly alg: PublicAlgorithm; readonly pem: string }
  | { readonly kid?: string; readonly alg: PublicAlgorithm; readonly jwk: Readonly<Record<string, unknown>> }

export interface JwksSource {
  readonly url: string
  readonly algs: readonly PublicAlgorithm[]
  /** Which roles the tokens of these keys may have: whoever publishes them decides who is what. */
  readonly roles: readonly Role[]
}

/** A tenant. */
export interface AppAccess {
  readonly id: string
  /** Several at once, so that keys can be replaced without a gap. */
  readonly keys: readonly KeyDescription[]
  readonly jwks?: JwksSource
  /** The claim `iss` that its tokens must have; then a token may leave out the claim `app`. With `jwks` it needs `audience`. */
  readonly issuer?: string
  /** What the claim `aud` of its tokens must be or contain. */
  readonly audience?: string
}

export interface AccessConfig {
  /** Only these apps are served. Undefined: any app, with tokens signed by the server's one secret. */
  readonly apps: readonly AppAccess[] | undefined
  /** Web pages of these origins may connect. Undefined: of any. What is no browser sends no origin and may as well. */
  readonly origins: readonly string[] | undefined
  readonly addresses: AddressLists
}

/** Addresses, or ranges as 10.0.0.0/8. */
export interface AddressLists {
  /** Nobody else, where it is not undefined. */
  readonly allow: readonly string[] | undefined
  /** Not these, even if they are allowed. */
  readonly deny: readonly string[]
}
