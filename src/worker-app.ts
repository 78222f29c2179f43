/**
 * What the process (server.ts, worker.ts) asks of the composition root (node.ts), which names the adapters:
 *
 *   export function prepareNode(config: Config): Promise<NodeHost>          // main thread, once
 *   export function composeWorker(start: WorkerStart, main: MainThread): Promise<WorkerApp>   // each worker thread, once per life
 */
import type { MessagePort } from 'node:worker_threads'
import type { AccessChange, RevokeOutcome } from './access/access-change.js'
import type { Revocation } from './access/revocations.js'
import type { ConfigLimits } from './config.js'
import type { Address } from './log/bus.js'
import type { Ports } from './process-messages.js'

/** Holds the data folder for this process. Throws ConfigError (config.ts) where an operator must act: folder locked by
 *  another process, not writable, made with another shard count. */
export interface NodeHost extends AsyncDisposable {
  /** What an operator should know of the data folder before it serves. */
  readonly notice: string | undefined
  /**
   * Called before each life of worker `index`, after the thread of its life before has exited: recovers what that
   * left. The answer is copied to the new thread as `WorkerStart.prepared`.
   */
  prepareWorker(index: number): Promise<unknown>
}

/** What a worker asks of the main thread. */
export interface MainThread {
  keyWanted(app: string): void
  /** A shard cannot be taken over; `reason` says which and why. A process that has not served yet ends. */
  stuck(reason: string): void
  revoke(revocation: Revocation): Promise<RevokeOutcome>
  /** Every worker of the process is to die of an error, this one too. Nothing happens outside development. */
  killWorkers(): void
}

/** One worker, composed: it owns nothing and listens to nobody until `serve`. */
export interface WorkerApp {
  /** Takes over its shards and listens; resolves once it owns and accepts. */
  serve(ports: Ports): Promise<void>
  /** Another worker of the process lives under this address from now on; `port` carries the bus to it. */
  addPeer(index: number, address: Address, port: MessagePort): void
  /** Those that the operator changed while we run. */
  setLimits(limits: ConfigLimits): void
  removePeer(index: number, address: Address): void
  accessChanged(change: AccessChange): void
  /** Stops listening, tells the clients, lets answers in flight leave, closes all sockets. Its shards still answer:
   *  other workers drain at the same time and wait for them. */
  drain(withinMs: number): Promise<void>
  /** After all workers have drained: ends shards and files. */
  close(): Promise<void>
  /** The thread is about to die of an error: closes the sockets now, synchronously, and nothing else. */
  abandon(): void
}
