/**
 * What the main thread tells its workers about access while they live. Plain data.
 */
import type { AccessConfig } from './access-config.js'
import type { FetchedKeys } from './key-ring.js'
import type { Revocation } from './revocations.js'
import type { CountsMemory } from './shared-counts.js'
import type { RatesMemory } from './shared-rates.js'

export type AccessChange =
  /** The operator changed apps or lists while we run. */
  | { readonly kind: 'configured'; readonly access: AccessConfig }
  | { readonly kind: 'keys'; readonly fetched: FetchedKeys }
  | { readonly kind: 'revoked'; readonly revocation: Revocation }

/** What a worker is born with. */
export interface AccessSnapshot {
  readonly changes: readonly AccessChange[]
  readonly counts: CountsMemory
  readonly rates: RatesMemory
}

/** What becomes of a request to revoke. failed: the disk did not take it, and nobody knows. busy: too many wait already. */
export type RevokeOutcome = 'revoked' | 'full' | 'failed' | 'busy'

/** Resolves once it is durable and every worker was told. */
export type Revoke = (revocation: Revocation) => Promise<RevokeOutcome>
