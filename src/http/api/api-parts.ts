/** What the operations of `/v1` are done with. */
import type { Revoke } from '../../access/access-change.js'
import type { Grant } from '../../access/token.js'
import type { EpochMs } from '../../std/clock.js'
import type { Random } from '../../std/random.js'
import type { ServerCommands } from '../server-commands.js'

export interface Share {
  readonly limit: number
  readonly remaining: number
}

export interface QuotaFigures {
  readonly connectionsOfUser: Share
  readonly connectionsOfAddress: Share
  readonly framesPerSecondOfUser: Share
  readonly framesPerSecondOfApp: Share
}

export interface ApiParts {
  readonly commands: ServerCommands
  readonly revoke: Revoke
  /** Ends the connections of a user, or of one device, wherever they are. May be lost. */
  disconnect(app: string, user: string, device?: string): void
  quotaOf(caller: Grant, remoteAddress: string): QuotaFigures
  /** Counts one request for the app: milliseconds to wait where it has had its share of this second, else 0. */
  takeOfApp(app: string): number
  readonly now: () => EpochMs
  readonly random: Random
}
