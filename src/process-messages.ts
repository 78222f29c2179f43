/**
 * What the threads of a server process say to each other about living and dying. Chat goes over the bus, not here.
 */
import type { MessagePort } from 'node:worker_threads'
import type { AccessChange, AccessSnapshot, RevokeOutcome } from './access/access-change.js'
import type { Revocation } from './access/revocations.js'
import type { Config, ConfigLimits } from './config.js'
import type { Address } from './log/bus.js'

/** What a worker thread is born with. */
export interface WorkerStart {
  readonly config: Config
  /** 0 … config.workers - 1, the same in all its lives. */
  readonly index: number
  readonly address: Address
  /** What `NodeHost.prepareWorker` made for this life. */
  readonly prepared: unknown
  readonly access: AccessSnapshot
}

/** Where to listen; all above 0. */
export interface Ports {
  readonly port: number
  readonly tcpPort: number | undefined
}

export type ToWorker =
  /** All of the process's workers are there: begin to serve on these ports. */
  | { readonly kind: 'serve'; readonly ports: Ports }
  /** Another worker, in a life that was not known before; its older address is dead. */
  | { readonly kind: 'peer'; readonly index: number; readonly address: Address; readonly port: MessagePort }
  | { readonly kind: 'peer-gone'; readonly index: number; readonly address: Address }
  /** The operator changed limits while we run. */
  | { readonly kind: 'limits'; readonly limits: ConfigLimits }
  | { readonly kind: 'access'; readonly change: AccessChange }
  /** The answer to `revoke`. */
  | { readonly kind: 'revoke-outcome'; readonly id: number; readonly outcome: RevokeOutcome }
  | { readonly kind: 'drain'; readonly withinMs: number }
  /** Every worker has drained: nobody needs your shards any more. */
  | { readonly kind: 'close' }
  /** Only with PARLEY_TEST_FAULTS=1, or in development: die of it. */
  | { readonly kind: 'fault'; readonly fault: Fault }

export type Fault = 'throw' | 'exhaust-heap'

export type FromWorker =
  | { readonly kind: 'composed' }
  | { readonly kind: 'serving' }
  | { readonly kind: 'drained' }
  /** It cannot take a shard over, and goes on trying. */
  | { readonly kind: 'stuck'; readonly reason: string }
  /** The app's key set may hold more than it did. */
  | { readonly kind: 'key-wanted'; readonly app: string }
  /** Make this durable and tell every worker; `id` is the worker's own. */
  | { readonly kind: 'revoke'; readonly id: number; readonly revocation: Revocation }
  /** A visitor of the demo page wants to see every worker die. */
  | { readonly kind: 'kill-wanted' }
  /** Its last word before it exits. */
  | { readonly kind: 'failed'; readonly reason: string }

/** The server process tells its supervising parent that clients can connect. */
export interface ServingNotice {
  readonly kind: 'serving'
  /** The next life takes the same, where this one was free to choose. */
  readonly ports: Ports
}

/** The operator must change something; starting again would end the same way (EX_CONFIG of sysexits.h). */
export const EXIT_CONFIG = 78
