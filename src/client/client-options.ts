/** What a client is told when it is made. */
import { ID_BYTES_MAX, isId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import { ClientError, RefusedError } from './errors.js'
import type { ClientStorage, SharedStorage } from './storage.js'
import type { Token } from './token-source.js'
import type { Transport } from './transport.js'

export interface ClientOptions {
  /** At least one, such as `wss://chat.example.com/v1/ws`; tried in random order. */
  readonly servers: readonly string[]
  /** A function is asked at the first connection, ahead of the end of a JWT, and when the server says that the last is no good. */
  readonly token: Token
  /** 1 … 64 bytes, different for each of the user's devices. By default drawn at random and kept in `storage`. */
  readonly device?: string
  /** By default memory: the queue lives as long as the client. */
  readonly storage?: ClientStorage | SharedStorage
  /** In a conversation that is new to this device, how many of the latest seqs it is shown: 1 … 200, 100 by default. */
  readonly recentMax?: number
}

/** What differs between browsers, Node, React Native and tests. */
export interface Platform {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
}

export const RECENT_MAX_DEFAULT = 100

/** Throws ClientError `bad-option`, or RefusedError `bad-id` for the device. */
export function checkOptions({ servers, device, recentMax = RECENT_MAX_DEFAULT }: ClientOptions): void {
  if (servers.length === 0) throw badOption('`servers` names none')
  for (const server of servers) if (!/^wss?:\/\/./.test(server)) throw badOption(`${server} is no ws:// or wss:// URL`)
  if (device !== undefined && !isId(device, ID_BYTES_MAX)) throw RefusedError.of('bad-id')
  if (!Number.isInteger(recentMax) || recentMax < 1 || recentMax > LIMITS.historyLimitMax) {
    throw badOption(`recentMax is ${recentMax}, not 1 to ${LIMITS.historyLimitMax}`)
  }
}

function badOption(what: string): ClientError {
  return new ClientError('bad-option', `Cannot make a client: ${what}`)
}
