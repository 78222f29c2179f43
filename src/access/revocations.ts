/**
 * Which tokens were taken back: those of a user, or of a whole app, that were issued before some time. Kept for ever, as
 * one number each; what an app's own line covers needs no lines of its users.
 */
import { ActorKind, type AppId, actorKey, type UserId } from '../domain/ids.js'
import type { EpochMs } from '../std/clock.js'

export interface Revocation {
  readonly app: AppId
  /** Absent: every user of the app. */
  readonly user?: UserId
  /** Tokens issued before it are refused; those without `iat` count as issued at 0. */
  readonly issuedBefore: EpochMs
}

export class Revocations {
  readonly #apps = new Map<string, EpochMs>()
  readonly #users = new Map<string, Revocation>()

  get size(): number {
    return this.#apps.size + this.#users.size
  }

  /** Whether it takes anything back that is not taken back already. */
  isNews({ app, user, issuedBefore }: Revocation): boolean {
    if (issuedBefore <= (this.#apps.get(app) ?? Number.NEGATIVE_INFINITY)) return false
    return (
      user === undefined || issuedBefore > (this.#users.get(keyOf(app, user))?.issuedBefore ?? Number.NEGATIVE_INFINITY)
    )
  }

  add(revocation: Revocation): void {
    if (!this.isNews(revocation)) return
    const { app, user, issuedBefore } = revocation
    if (user !== undefined) {
      this.#users.set(keyOf(app, user), revocation)
      return
    }
    this.#apps.set(app, issuedBefore)
    for (const [key, line] of this.#users) {
      if (line.app === app && line.issuedBefore <= issuedBefore) this.#users.delete(key)
    }
  }

  covers(app: AppId, user: UserId, issuedAt: EpochMs): boolean {
    if (this.size === 0) return false
    if (issuedAt < (this.#apps.get(app) ?? Number.NEGATIVE_INFINITY)) return true
    const line = this.#users.get(keyOf(app, user))
    return line !== undefined && issuedAt < line.issuedBefore
  }

  *all(): Iterable<Revocation> {
    for (const [app, issuedBefore] of this.#apps) yield { app: app as AppId, issuedBefore }
    yield* this.#users.values()
  }
}

function keyOf(app: AppId, user: UserId): string {
  return actorKey(app, ActorKind.inbox, user)
}
