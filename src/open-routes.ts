/**
 * HTTP of one worker, put together: what `/v1` is done with, and what the pages for operators show.
 */
import { join } from 'node:path'
import type { Entrance } from './access/entrance.js'
import type { SharedRates } from './access/shared-rates.js'
import type { WorkerAccess } from './access/worker-access.js'
import type { Composition } from './composition.js'
import type { Config } from './config.js'
import { ActorKind, actorKey } from './domain/ids.js'
import type { RefusalName } from './domain/refusal.js'
import type { GatewayLimits } from './gateway/limits.js'
import type { ApiParts } from './http/api/api-parts.js'
import { httpRoutes } from './http/routes.js'
import { readWebPage } from './http/web-page.js'
import { packageFolder } from './package-version.js'
import { SYSTEM_CLOCK } from './std/clock.js'
import { SYSTEM_RANDOM } from './std/random.js'
import type { MainThread } from './worker-app.js'

export interface OpenRoutesParts {
  readonly config: Config
  readonly worker: Composition
  readonly access: WorkerAccess
  readonly entrance: Pick<Entrance, 'refuses'>
  readonly main: MainThread
  /** Those that hold now. */
  readonly limits: GatewayLimits
  readonly rates: SharedRates
  readonly metrics: () => string
  refused(refusal: RefusalName): void
  failed(path: string, cause: unknown): void
}

export function openRoutes(parts: OpenRoutesParts): ReturnType<typeof httpRoutes> {
  const { config, worker, access, entrance, main, metrics, refused, failed } = parts
  return httpRoutes({
    isReady: () => worker.host.isReady,
    metrics,
    entrance,
    verifyToken: access.verify,
    development: developmentOf(config, main),
    page: config.isDemoServed ? readWebPage(join(packageFolder(), 'dist', 'web')) : undefined,
    refused,
    failed,
    commands: worker.serverCommands,
    revoke: (revocation) => main.revoke(revocation),
    disconnect: (app, user, device) => worker.links.signOut(app, user, device),
    now: () => SYSTEM_CLOCK.now(),
    random: SYSTEM_RANDOM,
    ...ratesAndQuota(parts),
  })
}

function ratesAndQuota({ worker, limits, rates }: OpenRoutesParts): Pick<ApiParts, 'takeOfApp' | 'quotaOf'> {
  const second = () => Math.floor(SYSTEM_CLOCK.now() / 1000)
  const share = (limit: number, used: number) => ({ limit, remaining: Math.max(0, limit - used) })
  const rate = (limit: number, name: string) => ({ limit, remaining: rates.shareOf(name).remaining(limit, second()) })
  return {
    takeOfApp(app) {
      const isTaken = rates.shareOf(app).takeOne(limits.appFramesPerSecondMax, second())
      return isTaken ? 0 : 1_000 - (SYSTEM_CLOCK.now() % 1_000)
    },
    quotaOf({ app, user }, remoteAddress) {
      const inbox = actorKey(app, ActorKind.inbox, user)
      const { ofUser, ofAddress } = worker.gateway.countsOf(inbox, remoteAddress)
      return {
        connectionsOfUser: share(limits.connectionsPerUserMax, ofUser),
        connectionsOfAddress: share(limits.connectionsPerAddressMax, ofAddress),
        framesPerSecondOfUser: rate(limits.userFramesPerSecondMax, inbox),
        framesPerSecondOfApp: rate(limits.appFramesPerSecondMax, app),
      }
    },
  }
}

function developmentOf({ isDevelopmentSecret, secret, workers }: Config, { killWorkers }: MainThread) {
  if (!isDevelopmentSecret || secret === undefined) return undefined
  return {
    secret,
    killWorkers() {
      killWorkers()
      return workers
    },
  }
}
