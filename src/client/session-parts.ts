/** What a session needs to run. */
import type { Clock } from '../std/clock.js'
import type { Random } from '../std/random.js'
import type { Journal, KeptSession } from './journal.js'
import type { Dialer } from './link.js'
import type { SessionListener } from './session-listener.js'

export interface SessionParts {
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dialer
  readonly listener: SessionListener
  readonly token: string
  readonly device: string
  /** Where what must survive a crash is kept; by default nowhere. */
  readonly journal?: Journal
  /** What an earlier life of this device kept there. */
  readonly kept?: KeptSession
  /** As in FollowerParts. */
  readonly recentMax?: number
}
