/**
 * Which tokens were taken back: those of a user, or of a whole app, that were issued before some time. Kept for ever, as
 * one number each; what an app's own line covers needs no lines of its users.
 */
import type { AppId, UserId } from '../domain/ids.js'
import { LIMITS } from '../domain/limits.js'
import type { EpochMs } from '../std/clock.js'
import type { Grant } from './token.js'

export interface Revocation {
  readonly app: AppId
  /** Absent: every user of the app. */
  readonly user?: UserId
  /** Tokens issued before it are refused; those without `iat` count as issued at 0. */
  readonly issuedBefore: EpochMs
}

export function takesBack(
  { app, user, issuedBefore }: Revocation,
  grant: Pick<Grant, 'app' | 'user' | 'issuedAt'>,
): boolean {
  return grant.app === app && grant.issuedAt < issuedBefore && (user === undefined || grant.user === user)
}

interface OfApp {
  /** Of all its users. */
  issuedBefore: EpochMs
  readonly users: Map<UserId, Revocation>
}

export class Revocations {
  readonly #apps = new Map<AppId, OfApp>()
  #userCount = 0

  /** Whether it takes anything back that is not taken back already. */
  isNews({ app, user, issuedBefore }: Revocation): boolean {
    const ofApp = this.#apps.get(app)
    if (ofApp === undefined) return true
    const known = user === undefined ? undefined : ofApp.users.get(user)
    return issuedBefore > Math.max(ofApp.issuedBefore, known?.issuedBefore ?? Number.NEGATIVE_INFINITY)
  }

  /** One app's users are counted for themselves, so that no app takes the room of another before all of it is gone. */
  hasRoomFor({ app, user }: Revocation): boolean {
    const users = this.#apps.get(app)?.users
    if (user === undefined || users?.has(user) === true) return true
    return (users?.size ?? 0) < LIMITS.revocationsMax && this.#userCount < LIMITS.revocationsOfAllAppsMax
  }

  add(revocation: Revocation): void {
    if (!this.isNews(revocation)) return
    const { app, user, issuedBefore } = revocation
    const ofApp: OfApp = this.#apps.get(app) ?? { issuedBefore: Number.NEGATIVE_INFINITY, users: new Map() }
    const { users } = ofApp
    this.#apps.set(app, ofApp)
    this.#userCount -= users.size
    if (user !== undefined) users.set(user, revocation)
    else {
      ofApp.issuedBefore = issuedBefore
      for (const [name, line] of users) if (line.issuedBefore <= issuedBefore) users.delete(name)
    }
    this.#userCount += users.size
  }

  covers(app: AppId, user: UserId, issuedAt: EpochMs): boolean {
    const ofApp = this.#apps.get(app)
    if (ofApp === undefined) return false
    if (issuedAt < ofApp.issuedBefore) return true
    const line = ofApp.users.get(user)
    return line !== undefined && issuedAt < line.issuedBefore
  }

  *all(): Iterable<Revocation> {
    for (const [app, { issuedBefore, users }] of this.#apps) {
      if (issuedBefore !== Number.NEGATIVE_INFINITY) yield { app, issuedBefore }
      yield* users.values()
    }
  }
}
