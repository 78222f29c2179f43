/**
 * Whether a tab's token is that of the user whose device it shares. The tab that leads says Hello with its own token; what
 * another writes goes out in that one's name, so it must be the same.
 */
import type { Clock, Timer } from '../std/clock.js'
import { ClientError } from './errors.js'
import type { Self } from './timeline-event.js'
import { type Claims, claimsOfSource } from './token-claims.js'
import type { Token } from './token-source.js'

export interface TabUserParts {
  readonly token: Token
  readonly clock: Clock
  /** The claims are known, or it takes too long to wait for them. */
  changed(): void
}

/** For a source that needs a network that is not there. */
const WAIT_MS_MAX = 3_000
const AGAIN_MS = 5_000

export class TabUser {
  /** Nobody need wait for the claims any more. */
  isReady = false
  readonly #parts: TabUserParts
  #claims: Claims | undefined
  #wait: Timer | undefined
  #again: Timer | undefined
  #isOver = false

  constructor(parts: TabUserParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#wait = this.#parts.clock.after(WAIT_MS_MAX, () => this.#ready())
    void this.#ask()
  }

  stop(): void {
    this.#isOver = true
    this.#wait?.cancel()
    this.#again?.cancel()
  }

  /** May this tab write to a device of `self`, undefined: of whom the server has not said yet? */
  mayWrite(self: Self | undefined): boolean {
    return self !== undefined && this.#claims !== undefined && this.refusal(self) === undefined
  }

  /** Where the claims say that it is another's. A token that is no JWT claims nothing. */
  refusal(self: Self | undefined): ClientError | undefined {
    if (self === undefined) return undefined
    const { app = self.app, user = self.user } = this.#claims ?? {}
    if (app === self.app && user === self.user) return undefined
    const message = `Cannot be ${user} of ${app}: this storage holds the queue of ${self.user} of ${self.app}`
    return new ClientError('foreign-storage', message)
  }

  async #ask(): Promise<void> {
    const { token, clock } = this.#parts
    this.#claims = await claimsOfSource(token)
    if (this.#isOver) return
    if (this.#claims === undefined) this.#again = clock.after(AGAIN_MS, () => void this.#ask())
    this.#ready()
  }

  #ready(): void {
    this.#wait?.cancel()
    this.isReady = true
    this.#parts.changed()
  }
}
