/**
 * What an operator chooses, as the rest of the code sees it. read-config.ts reads it from parley.toml and the environment,
 * and only the main thread loads that: the schema library costs each thread 70 ms of start.
 */

import type { AccessConfig } from './access/access-config.js'

/** More workers than this rarely help: fsync and the kernel's sockets are shared. */
export const WORKERS_DEFAULT_MAX = 8

/** Plain data: it is copied to worker threads. */
export interface Config {
  readonly host: string
  /** 0: a free one, chosen at start. */
  readonly port: number
  /** Of plain TCP; 0: a free one, chosen at start; undefined: none. */
  readonly tcpPort: number | undefined
  /** Absolute. */
  readonly dataFolder: string
  readonly workers: number
  /** Signs tokens of every app. Undefined where `access.apps` name their own keys. */
  readonly secret: string | undefined
  readonly access: AccessConfig
  /** The port of WebSocket and HTTP speaks TLS. */
  readonly tls: TlsFiles | undefined
  /** The secret was made here for development: the start banner may show a token, and anybody on this machine get one. */
  readonly isDevelopmentSecret: boolean
  readonly logLevel: string
  /** The demo page answers at `/`. */
  readonly isDemoServed: boolean
  readonly limits: ConfigLimits
  /** Tests only: lets signals break a worker on purpose (server.ts). */
  readonly testFaults: boolean
  readonly origins: ConfigOrigins
}

/** Absolute; in PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** Those of domain/limits.ts that an operator may set. */
export interface ConfigLimits {
  readonly connectionsPerUserMax: number
  readonly connectionsPerAddressMax: number
  readonly connectionsPerWorkerMax: number
  readonly framesPerSecondMax: number
  readonly userFramesPerSecondMax: number
  readonly appFramesPerSecondMax: number
  readonly badTokensPerSecondMax: number
  readonly sendQueueBytesMax: number
}

/** What is taken over while the server runs (reload.ts). */
export type LiveConfig = Pick<Config, 'limits' | 'access'>

/** Where a choice comes from, for the start banner: `PARLEY_PORT`, `parley.toml:3` or `default`. */
export interface ConfigOrigins {
  /** The file that was read, if any. */
  readonly file: string | undefined
  readonly workers: string
  readonly data: string
  readonly secret: string
}

/** The operator must change something; the message is all they need. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
