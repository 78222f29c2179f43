/**
 * Carries batches between workers and nodes. Anything may be lost, delayed, doubled or reordered: nothing that matters
 * relies on one message (rules §1, §11).
 *
 * Adapters: embedded/bus.ts (message ports), nats/bus.ts (NATS core). Contract: test/conformance/bus.ts.
 */
import type { Brand } from '../std/brand.js'

/** One worker in its present life, `<node>.<worker>.<incarnation>`; usable as a NATS subject. */
export type Address = Brand<string, 'Address'>

export interface Bus extends AsyncDisposable {
  readonly self: Address

  /** Sends `bytes`, which are the bus's from here on. At most once, never throws, never waits. */
  publish(to: Address, bytes: Uint8Array): void

  /** Receives what others publish to `self`; `bytes` are the listener's. One listener. */
  onMessage(listener: (from: Address, bytes: Uint8Array) => void): void
}
